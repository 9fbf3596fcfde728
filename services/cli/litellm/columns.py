"""The tables of LiteLLM 1.82 and the columns that are looked at; older versions lack some."""

BUDGETS = "LiteLLM_BudgetTable"
ORGANIZATIONS = "LiteLLM_OrganizationTable"
ORGANIZATION_MEMBERS = "LiteLLM_OrganizationMembership"
USERS = "LiteLLM_UserTable"
TEAMS = "LiteLLM_TeamTable"
TEAM_MEMBERS = "LiteLLM_TeamMembership"
KEYS = "LiteLLM_VerificationToken"
DELETED_TEAMS = "LiteLLM_DeletedTeamTable"
DELETED_KEYS = "LiteLLM_DeletedVerificationToken"
PERMISSIONS = "LiteLLM_ObjectPermissionTable"
MODELS = "LiteLLM_ModelTable"

NEEDED = (USERS, TEAMS, KEYS)
"""Without these tables a database is not LiteLLM's."""

_TIMES = ("created_at", "updated_at")
_LIMITS = ("max_parallel_requests", "tpm_limit", "rpm_limit", "max_budget", "budget_duration")
_TEAM = (
    *("team_id", "team_alias", "organization_id", "object_permission_id", "admins", "members"),
    *("members_with_roles", "metadata", "soft_budget", "spend", "models", "blocked", "model_id"),
    *("model_max_budget", "router_settings", "team_member_permissions", "access_group_ids"),
    *("policies", "allow_team_guardrail_config", *_LIMITS, *_TIMES),
)
_KEY = (
    *("token", "key_name", "key_alias", "spend", "expires", "models", "aliases", "config"),
    *("router_settings", "user_id", "team_id", "agent_id", "project_id", "permissions"),
    *("metadata", "blocked", "allowed_cache_controls", "allowed_routes", "policies"),
    *("access_group_ids", "model_max_budget", "budget_id", "organization_id"),
    *("object_permission_id", "created_by", "updated_by", "auto_rotate", "rotation_interval"),
    *("rotation_count", "last_rotation_at", "key_rotation_at", *_LIMITS, *_TIMES),
)
_DELETION = ("id", "deleted_at", "deleted_by", "deleted_by_api_key", "litellm_changed_by")

COLUMNS: dict[str, tuple[str, ...]] = {
    BUDGETS: (
        *("budget_id", "soft_budget", "model_max_budget", "budget_reset_at"),
        *("created_by", "updated_by", *_LIMITS, *_TIMES),
    ),
    ORGANIZATIONS: (
        *("organization_id", "organization_alias", "budget_id", "metadata", "models", "spend"),
        *("object_permission_id", "created_by", "updated_by", *_TIMES),
    ),
    USERS: (
        *("user_id", "user_alias", "team_id", "sso_user_id", "organization_id", "password"),
        *("object_permission_id", "teams", "user_role", "spend", "user_email", "models"),
        *("metadata", "allowed_cache_controls", "policies", "model_max_budget", *_LIMITS, *_TIMES),
    ),
    TEAMS: _TEAM,
    KEYS: _KEY,
    DELETED_TEAMS: (*_TEAM, *_DELETION),
    DELETED_KEYS: (*_KEY, *_DELETION),
    PERMISSIONS: (
        *("object_permission_id", "mcp_servers", "mcp_access_groups", "mcp_tool_permissions"),
        *("vector_stores", "agents", "agent_access_groups", "models", "blocked_tools"),
    ),
    MODELS: ("id", "aliases"),
}

VOLATILE = frozenset({"spend", "budget_reset_at", "updated_at", "updated_by", "last_rotation_at"})
"""What changes by use: no reason to call a thing changed."""

DERIVED = frozenset({"memberships", "roster", "stale", "shared"})
"""What queries add to a row out of other tables."""
