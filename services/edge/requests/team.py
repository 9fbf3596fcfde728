"""Bodies of the routes about teams: `/team/new`, `/update`, `/delete`, `/block` (team-api.md 3)."""

from typing import Literal

from pydantic import Field, JsonValue

from services.edge.requests.callback import TeamMetadata
from services.edge.requests.common import (
    Duration,
    Identifier,
    Items,
    JsonList,
    JsonObject,
    Limit,
    ModelLimits,
    Money,
    ObjectPermissionRequest,
    RequestModel,
    Text,
    Texts,
    VectorStoreIndex,
)
from services.edge.requests.member import Member

ThroughputType = Literal["guaranteed_throughput", "best_effort_throughput"]

Permission = Literal[
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/info",
    "/key/regenerate",
    "/key/service-account/generate",
    "/key/{key_id}/regenerate",
    "/key/list",
    "/key/block",
    "/key/unblock",
    "/key/bulk_update",
    "/team/daily/activity",
    "/key/{key_id}/reset_spend",
    "/key/aliases",
    "/key/health",
]
"""What a team may allow its members, in the order of team-api.md 3.17; D18 adds `/key/health`."""


class MetadataFields(RequestModel):
    """Fields that are kept in the team's metadata under their own names (team-api.md 1.6)."""

    model_rpm_limit: ModelLimits | None = None
    model_tpm_limit: ModelLimits | None = None
    rpm_limit_type: ThroughputType | None = None
    tpm_limit_type: ThroughputType | None = None
    allowed_vector_store_indexes: Items[VectorStoreIndex] | None = None
    enforced_batch_output_expires_after: JsonObject | None = None
    enforced_file_expires_after: JsonObject | None = None
    guardrails: Texts | None = None
    policies: Texts | None = None
    prompts: Texts | None = None
    tags: JsonList | None = None
    allowed_passthrough_routes: JsonList | None = None
    secret_manager_settings: JsonObject | None = None
    team_member_key_duration: Duration | None = None
    disable_global_guardrails: bool | None = None

    def _sent_metadata(self) -> dict[str, JsonValue]:
        sent = self.model_fields_set.intersection(MetadataFields.model_fields)
        return self.model_dump(mode="json", include=sent)


class TeamFields(MetadataFields):
    """What a team can be given when it is made and later."""

    team_alias: Text | None = None
    organization_id: Text | None = None
    metadata: TeamMetadata | None = None
    tpm_limit: Limit | None = None
    rpm_limit: Limit | None = None
    max_budget: Money | None = None
    soft_budget: Money | None = None
    budget_duration: Duration | None = None
    model_aliases: JsonObject | None = None
    object_permission: ObjectPermissionRequest | None = None
    router_settings: JsonObject | None = None
    access_group_ids: Texts | None = None
    team_member_budget: Money | None = None
    team_member_budget_duration: Duration | None = None
    team_member_rpm_limit: Limit | None = None
    team_member_tpm_limit: Limit | None = None
    team_member_permissions: Items[Permission] | None = None


class NewTeam(TeamFields):
    """`/team/new` (3.1). Null is the same as absent, but for lists, where it is 422."""

    team_id: Identifier | None = None
    admins: JsonList = Field(default_factory=list)
    members: JsonList = Field(default_factory=list)
    members_with_roles: Items[Member] = Field(default_factory=list)
    models: Texts = Field(default_factory=list)
    blocked: bool = False

    def metadata_fields(self) -> dict[str, JsonValue]:
        """The fields to keep in metadata, as JSON: those sent with a value."""
        return {name: value for name, value in self._sent_metadata().items() if value is not None}


class UpdateTeam(TeamFields):
    """`/team/update` (3.2). Absent leaves as it is, null clears; `model_fields_set` tells which.

    `members_with_roles` may be sent back as it was read: it cannot be changed here (D35).
    """

    team_id: Identifier
    models: Texts | None = None
    blocked: bool | None = None
    members_with_roles: list[Member] | None = None

    def metadata_fields(self) -> dict[str, JsonValue]:
        """The fields to keep in metadata, as JSON: those sent; null means take the key out."""
        return self._sent_metadata()


class DeleteTeams(RequestModel):
    """`/team/delete` (3.3): all of them or none; an id may be repeated."""

    team_ids: Items[Identifier]


class BlockTeam(RequestModel):
    """`/team/block` and `/team/unblock` (3.13, 3.14)."""

    team_id: Identifier


class TeamModels(RequestModel):
    """`/team/model/add` and `/team/model/delete` (3.15, 3.16)."""

    team_id: Identifier
    models: Texts


class MemberPermissions(RequestModel):
    """`/team/permissions_update` (3.18): the whole new list (D17)."""

    team_id: Identifier
    team_member_permissions: Items[Permission]
