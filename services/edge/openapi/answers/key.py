"""Virtual keys (team-api.md 2.3, supporting-api.md 2)."""

from typing import Any

from pydantic import Field

from services.edge.openapi.schema import SOMETIMES, Document, Moment


class Budget(Document):
    """Limits that hold together."""

    budget_id: str | None
    soft_budget: float | None
    max_budget: float | None
    max_parallel_requests: int | None
    tpm_limit: int | None
    rpm_limit: int | None
    model_max_budget: dict[str, Any] | None
    budget_duration: str | None


class _Columns(Document):
    key_name: str
    key_alias: str | None
    soft_budget_cooldown: bool
    spend: float
    expires: Moment | None
    models: list[str]
    aliases: dict[str, Any]
    config: dict[str, Any]
    router_settings: dict[str, Any]
    user_id: str | None
    team_id: str | None
    agent_id: str | None
    project_id: str | None
    permissions: dict[str, Any]
    max_parallel_requests: int | None
    metadata: dict[str, Any]
    blocked: bool | None
    tpm_limit: int | None
    rpm_limit: int | None
    max_budget: float | None
    budget_duration: str | None
    budget_reset_at: Moment | None
    allowed_cache_controls: list[Any]
    allowed_routes: list[str]
    policies: list[str]
    access_group_ids: list[str]
    model_spend: dict[str, Any]
    model_max_budget: dict[str, Any]
    budget_id: str | None
    organization_id: str | None
    object_permission_id: str | None
    created_at: Moment
    created_by: str | None
    updated_at: Moment
    updated_by: str | None
    last_active: Moment | None
    rotation_count: int
    auto_rotate: bool
    rotation_interval: str | None
    last_rotation_at: Moment | None
    key_rotation_at: Moment | None
    litellm_budget_table: Budget | None
    litellm_organization_table: None
    litellm_project_table: None
    jwt_key_mappings: None


class KeyRow(_Columns):
    """A key as its table has it; `token` is left out for those who must not know it."""

    token: str = SOMETIMES
    object_permission: None


class ChangedKey(_Columns):
    """A key as its table has it."""

    token: str
    object_permission: None


class BlockedKey(ChangedKey):
    """The key that was blocked; `org_id` repeats its organization."""

    org_id: str | None


class UpdatedKey(ChangedKey):
    """The key after the change, and how the request named it."""

    key: str


class KeyOfUser(ChangedKey):
    """A key and the alias of its team; "None" is the alias for a key without team."""

    team_alias: str | None


class InfoRow(_Columns):
    """A key without its hash, with what it may use."""

    object_permission: dict[str, Any] | None


class KeyInfo(Document):
    """A key, and how the request named it."""

    key: str
    info: InfoRow


class ChangedOfMany(Document):
    """A key that was changed, as the request named it."""

    key: str
    key_info: ChangedKey


class UnchangedOfMany(Document):
    """A key that was not changed, and why; `key_info` is null where there is no such key."""

    key: str
    key_info: ChangedKey | None
    failed_reason: str


class UpdatedKeys(Document):
    """What became of each change, in the order sent."""

    total_requested: int = Field(description="How many changes were asked for.")
    successful_updates: list[ChangedOfMany]
    failed_updates: list[UnchangedOfMany]


class FullInfo(InfoRow):
    """A key with its hash and with what it may use."""

    token: str


class KeyInfos(Document):
    """Keys as the request named them, and the row of each; those that may not be read are not."""

    key: list[str] = Field(description="The keys, as the request named them.")
    info: list[FullInfo] = Field(description="The keys, in the same order.")


class AliasPage(Document):
    """One page of aliases, in their order."""

    aliases: list[str] = Field(description="What the keys are called.")
    total_count: int
    current_page: int
    total_pages: int
    size: int = Field(description="How many are on a page.")


class DeletedKeys(Document):
    """What was deleted, as the request named it."""

    deleted_keys: list[str]


class _Listed(InfoRow):
    token: str
    org_id: str | None


class DeletedKey(_Listed):
    """A key as it last was, and how it ended."""

    id: str | None
    deleted_at: Moment
    deleted_by: str | None
    deleted_by_api_key: str | None
    litellm_changed_by: str | None


class Person(Document):
    """Who a user is."""

    user_id: str
    user_email: str | None
    user_alias: str | None


class ListedKey(_Listed):
    """A key as LiteLLM holds it while it is used; a list fills none of what that adds."""

    team_spend: None
    team_alias: None
    team_tpm_limit: None
    team_rpm_limit: None
    team_max_budget: None
    team_soft_budget: None
    team_models: list[str]
    team_blocked: bool
    soft_budget: None
    team_model_aliases: None
    team_member: None
    team_metadata: None
    team_object_permission_id: None
    team_member_spend: None
    team_member_tpm_limit: None
    team_member_rpm_limit: None
    end_user_id: None
    end_user_tpm_limit: None
    end_user_rpm_limit: None
    end_user_max_budget: None
    end_user_model_max_budget: None
    organization_max_budget: None
    organization_tpm_limit: None
    organization_rpm_limit: None
    organization_metadata: None
    project_metadata: None
    last_refreshed_at: None
    api_key: None
    user_role: None
    allowed_model_region: None
    parent_otel_span: None
    rpm_limit_per_model: None
    tpm_limit_per_model: None
    user_tpm_limit: None
    user_rpm_limit: None
    user_email: None
    user_spend: None
    user_max_budget: None
    request_route: None
    end_user_object_permission: None
    user: Person | None
    created_by_user: Person | None


class KeyPage(Document):
    """One page of keys: their hashes, or all of each."""

    keys: list[str | ListedKey | DeletedKey]
    total_count: int
    current_page: int
    total_pages: int


class KeyForm(Document):
    """What the answers of /key/generate and /user/new have in common."""

    key: str
    key_alias: str | None
    duration: str | None
    models: list[str]
    spend: float
    max_budget: float | None
    user_id: str | None
    team_id: str | None
    agent_id: str | None
    max_parallel_requests: int | None
    metadata: dict[str, Any]
    tpm_limit: int | None
    rpm_limit: int | None
    budget_duration: str | None
    allowed_cache_controls: list[Any]
    config: dict[str, Any]
    permissions: dict[str, Any]
    model_max_budget: dict[str, Any] | None
    model_rpm_limit: dict[str, Any] | None
    model_tpm_limit: dict[str, Any] | None
    guardrails: list[str] | None
    policies: list[str] | None
    prompts: list[str] | None
    blocked: bool | None
    aliases: dict[str, Any]
    object_permission: dict[str, Any] | None
    budget_id: str | None
    tags: list[str] | None
    enforced_params: list[str] | None
    allowed_routes: list[str]
    allowed_passthrough_routes: list[Any] | None
    allowed_vector_store_indexes: None
    rpm_limit_type: None
    tpm_limit_type: None
    router_settings: dict[str, Any] | None
    access_group_ids: list[str] | None
    key_name: str | None
    expires: Moment | None
    token_id: str | None
    organization_id: str | None
    project_id: str | None
    litellm_budget_table: Budget | None
    token: str | None
    created_by: str | None
    updated_by: str | None
    created_at: Moment | None
    updated_at: Moment | None


class GeneratedKey(KeyForm):
    """The new key; no other answer ever shows it. What lives in `metadata` is null here."""
