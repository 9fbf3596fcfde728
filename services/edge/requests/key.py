"""Bodies of the routes about keys (supporting-api.md 2), and what users share with them."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from services.edge.requests.common import (
    Blankable,
    Duration,
    Identifier,
    Items,
    JsonList,
    JsonObject,
    Limit,
    Money,
    ObjectPermissionRequest,
    RequestModel,
    Text,
    Texts,
    UserId,
    VectorStoreIndex,
)

FOR_EVER = "-1"
KeyType = Literal["default", "llm_api", "management", "read_only", "gateway"]
ThroughputType = Literal["guaranteed_throughput", "best_effort_throughput", "dynamic"]


_BLANK_IS_UNSET = (
    *("team_id", "user_id", "organization_id", "project_id", "agent_id", "budget_id", "key_alias"),
    *("duration", "budget_duration", "rotation_interval"),
)


class KeyFields(RequestModel):
    """What `/key/generate` and `/user/new` have in common.

    Some clients send "" for everything that is not set; it counts as absent, so that an update
    leaves such a field alone.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, sent: object) -> object:
        if not isinstance(sent, Mapping):
            return sent
        return {k: v for k, v in sent.items() if v != "" or k not in _BLANK_IS_UNSET}

    key_alias: Text | None = None
    duration: Duration | None = None
    models: Texts | None = Field(default_factory=list)
    spend: Money | None = None
    max_budget: Money | None = None
    user_id: UserId | None = None
    team_id: Identifier | None = None
    agent_id: Text | None = None
    max_parallel_requests: Limit | None = None
    metadata: JsonObject | None = Field(default_factory=dict)
    tpm_limit: Limit | None = None
    rpm_limit: Limit | None = None
    budget_duration: Duration | None = None
    allowed_cache_controls: JsonList | None = Field(default_factory=list)
    config: JsonObject | None = Field(default_factory=dict)
    permissions: JsonObject | None = Field(default_factory=dict)
    model_max_budget: JsonObject | None = Field(default_factory=dict)
    model_rpm_limit: JsonObject | None = None
    model_tpm_limit: JsonObject | None = None
    guardrails: Texts | None = None
    policies: Texts | None = None
    prompts: Texts | None = None
    blocked: bool | None = None
    aliases: JsonObject | None = Field(default_factory=dict)
    object_permission: ObjectPermissionRequest | None = None
    send_invite_email: bool | None = None


class GenerateKey(KeyFields):
    """`/key/generate` (2.2). `max_budget: ""` is null here, as nowhere else."""

    key: Text | None = None
    max_budget: Blankable[Money] = None
    soft_budget: Money | None = None
    budget_id: Text | None = None
    organization_id: Text | None = None
    project_id: Text | None = None
    tags: Texts | None = None
    enforced_params: Texts | None = None
    allowed_routes: Texts | None = Field(default_factory=list)
    allowed_passthrough_routes: JsonList | None = None
    allowed_vector_store_indexes: Items[VectorStoreIndex] | None = None
    rpm_limit_type: ThroughputType | None = None
    tpm_limit_type: ThroughputType | None = None
    router_settings: JsonObject | None = None
    access_group_ids: Texts | None = None
    key_type: KeyType | None = "default"
    auto_rotate: bool | None = False
    rotation_interval: Duration | None = None


class KeyChanges(GenerateKey):
    """What can be changed of a key. Absent leaves as it is, null clears: `model_fields_set` tells.

    `spend` is without effect: it comes from what was used. `duration` "-1" is for ever.
    """

    duration: Duration | Literal["-1"] | None = None
    models: Texts | None = None
    temp_budget_increase: Money | None = None
    temp_budget_expiry: AwareDatetime | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.temp_budget_increase is None) != (self.temp_budget_expiry is None):
            raise ValueError("temp_budget_increase and temp_budget_expiry are set together")
        return self


class UpdateKey(KeyChanges):
    """`/key/update` (2.4)."""

    key: Text


class RegenerateKey(KeyChanges):
    """`/key/regenerate` (2.8): `key` may be named by the path, `new_key` is drawn if absent.

    `grace_period` is how long the old secret is still accepted; without one it is refused at once.
    """

    new_key: Text | None = None
    new_master_key: Text | None = None
    grace_period: Blankable[Duration] = None


class BulkKeyItem(RequestModel):
    """One key of `/key/bulk_update` and what is to change, as in `/key/update`."""

    key: Text
    budget_id: Text | None = None
    max_budget: Blankable[Money] = None
    team_id: Identifier | None = None
    tags: Texts | None = None


class BulkUpdateKeys(RequestModel):
    """`/key/bulk_update` (2.8). How many keys there may be is for the route to say."""

    keys: list[BulkKeyItem]


class KeysRef(RequestModel):
    """`/v2/key/info` (2.3): keys, plain or hashed."""

    keys: Texts


class DeleteKeys(RequestModel):
    """`/key/delete` (2.5): keys, plain or hashed, or aliases; 422 when neither names any."""

    keys: Texts | None = None
    key_aliases: Texts | None = None

    @model_validator(mode="after")
    def _names_some(self) -> Self:
        if not self.keys and not self.key_aliases:
            raise ValueError("Either keys or key_aliases must be provided")
        return self


class KeyRef(RequestModel):
    """`/key/block` and `/key/unblock` (2.7): a key, plain or hashed."""

    key: Text
