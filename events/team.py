"""Facts about a team, stream `team-{team_id}`. Members are user ids: e-mail lives in User facts."""

from typing import ClassVar, Literal

from events.registry import DomainEvent, Json, fact, upcast
from events.values import (
    Callback,
    JsonObject,
    MemberLimits,
    ObjectPermission,
    RateLimits,
    TeamBudget,
    Value,
)

TeamRole = Literal["admin", "user"]


class TeamSettings(Value):
    """Everything a team is, but for its members; `models` empty means all models."""

    team_alias: str | None = None
    organization_id: str | None = None
    admins: list[object] = []
    members: list[object] = []
    metadata: JsonObject = {}
    budget: TeamBudget = TeamBudget()
    limits: RateLimits = RateLimits()
    models: list[str] = []
    blocked: bool = False
    model_aliases: JsonObject | None = None
    object_permission: ObjectPermission | None = None
    router_settings: JsonObject = {}
    access_group_ids: list[str] = []
    member_permissions: list[str] = []
    member_defaults: MemberLimits | None = None
    callbacks: list[Callback] = []


@fact("team.created", version=2)
class TeamCreated(DomainEvent):
    begins_life: ClassVar[bool] = True

    settings: TeamSettings


@fact("team.renamed")
class TeamRenamed(DomainEvent):
    before: str | None
    after: str | None


@fact("team.moved_to_organization")
class TeamMovedToOrganization(DomainEvent):
    before: str | None
    after: str | None


@fact("team.budget_changed")
class TeamBudgetChanged(DomainEvent):
    before: TeamBudget
    after: TeamBudget


@fact("team.rate_limits_changed")
class TeamRateLimitsChanged(DomainEvent):
    before: RateLimits
    after: RateLimits


@fact("team.models_changed")
class TeamModelsChanged(DomainEvent):
    before: list[str]
    after: list[str]


@fact("team.model_aliases_changed")
class TeamModelAliasesChanged(DomainEvent):
    before: JsonObject | None
    after: JsonObject | None


@fact("team.metadata_changed")
class TeamMetadataChanged(DomainEvent):
    """Both sides hold only the keys that changed; a key absent from `after` is gone."""

    before: JsonObject
    after: JsonObject


@fact("team.object_permission_changed")
class TeamObjectPermissionChanged(DomainEvent):
    before: ObjectPermission | None
    after: ObjectPermission | None


@fact("team.router_settings_changed")
class TeamRouterSettingsChanged(DomainEvent):
    before: JsonObject
    after: JsonObject


@fact("team.access_groups_changed")
class TeamAccessGroupsChanged(DomainEvent):
    before: list[str]
    after: list[str]


@fact("team.member_defaults_changed")
class TeamMemberDefaultsChanged(DomainEvent):
    """The limits of every member that has none of its own."""

    before: MemberLimits | None
    after: MemberLimits | None


@fact("team.member_permissions_changed")
class MemberPermissionsChanged(DomainEvent):
    before: list[str]
    after: list[str]


@fact("team.callbacks_changed")
class TeamCallbacksChanged(DomainEvent):
    before: list[Callback]
    after: list[Callback]


@fact("team.blocked")
class TeamBlocked(DomainEvent):
    pass


@fact("team.unblocked")
class TeamUnblocked(DomainEvent):
    pass


@fact("team.member_added")
class MemberAdded(DomainEvent):
    """`limits` are the member's own; without them the team's member defaults apply."""

    user_id: str
    role: TeamRole
    limits: MemberLimits | None = None


@fact("team.member_role_changed")
class MemberRoleChanged(DomainEvent):
    user_id: str
    before: TeamRole
    after: TeamRole


@fact("team.member_budget_changed")
class MemberBudgetChanged(DomainEvent):
    user_id: str
    before: MemberLimits | None
    after: MemberLimits | None


@fact("team.member_removed")
class MemberRemoved(DomainEvent):
    """Keys the member had in the team are void from here on; their own facts follow."""

    user_id: str
    role: TeamRole
    limits: MemberLimits | None = None


@fact("team.deleted", version=2)
class TeamDeleted(DomainEvent):
    """Every membership and key of this incarnation of the team is void from here on."""

    settings: TeamSettings
    members_total: int


@fact("team.restored")
class TeamRestored(DomainEvent):
    """The life that `TeamDeleted` ended goes on, its members in it and its settings as they were.

    Keys stay void unless a `key.restored` follows; `keys` tells whether that was asked for. Members
    who were deleted meanwhile are void, too, until they are removed.
    """

    settings: TeamSettings
    members_total: int
    keys: bool


class RestoredMember(Value):
    """A member as he was when his team was deleted."""

    user_id: str
    role: TeamRole
    limits: MemberLimits | None = None


@fact("team.members_restored")
class MembersRestored(DomainEvent):
    """These members of a restored team are users still; each keeps his place and his limits."""

    members: list[RestoredMember]


@upcast("team.created", since=1)
@upcast("team.deleted", since=1)
def _callbacks_arrived_in_v2(data: Json) -> Json:
    return {**data, "settings": {**data["settings"], "callbacks": []}}


ATTRIBUTE_OF: dict[type[DomainEvent], str] = {
    TeamRenamed: "team_alias",
    TeamMovedToOrganization: "organization_id",
    TeamBudgetChanged: "budget",
    TeamRateLimitsChanged: "limits",
    TeamModelsChanged: "models",
    TeamModelAliasesChanged: "model_aliases",
    TeamObjectPermissionChanged: "object_permission",
    TeamRouterSettingsChanged: "router_settings",
    TeamAccessGroupsChanged: "access_group_ids",
    TeamMemberDefaultsChanged: "member_defaults",
    MemberPermissionsChanged: "member_permissions",
    TeamCallbacksChanged: "callbacks",
}
"""The TeamSettings attribute that a fact with `before` and `after` replaces whole."""

SERVER_KEYS = frozenset(
    {
        "model_rpm_limit",
        "model_tpm_limit",
        "rpm_limit_type",
        "tpm_limit_type",
        "allowed_vector_store_indexes",
        "enforced_batch_output_expires_after",
        "enforced_file_expires_after",
        "guardrails",
        "policies",
        "tags",
        "team_member_key_duration",
        "prompts",
        "secret_manager_settings",
        "allowed_passthrough_routes",
    }
)
"""Metadata keys with request fields or routes of their own (team-api.md 1.6)."""
