"""Team and what hangs on it (team-api.md 2.1 to 2.3)."""

from typing import Any, Literal

from services.edge.openapi.answers.key import Budget, KeyRow
from services.edge.openapi.schema import SOMETIMES, Document, Moment


class TeamMember(Document):
    """Somebody in a team."""

    user_id: str
    user_email: str | None
    role: Literal["admin", "user"]


class ModelTable(Document):
    """The model aliases of a team."""

    id: int
    model_aliases: dict[str, Any]
    created_by: str
    updated_by: str
    team: None


class ModelTableRow(ModelTable):
    """The model aliases of a team, with their dates."""

    created_at: Moment
    updated_at: Moment


class ObjectPermission(Document):
    """Which MCP servers, vector stores and agents the team's keys may use."""

    object_permission_id: str
    mcp_servers: list[str]
    mcp_access_groups: list[str]
    mcp_tool_permissions: dict[str, list[str]] | None
    vector_stores: list[str]
    agents: list[str]
    agent_access_groups: list[str]


class Membership(Document):
    """A member's own share: what he spent in the team, and the limits that hold for him there."""

    user_id: str
    team_id: str
    budget_id: str | None
    spend: float
    litellm_budget_table: Budget | None


class _Columns(Document):
    team_id: str
    team_alias: str | None
    organization_id: str | None
    object_permission_id: str | None
    admins: list[Any]
    members: list[Any]
    members_with_roles: list[TeamMember]
    members_total: int = SOMETIMES
    team_member_permissions: list[str]
    metadata: dict[str, Any]
    max_budget: float | None
    soft_budget: float | None
    spend: float
    budget_duration: str | None
    budget_reset_at: Moment | None
    models: list[str]
    max_parallel_requests: int | None
    tpm_limit: int | None
    rpm_limit: int | None
    blocked: bool
    router_settings: dict[str, Any]
    access_group_ids: list[str]
    model_id: int | None
    created_at: Moment
    updated_at: Moment


class _Typed(_Columns):
    litellm_model_table: ModelTable | None


class Team(_Typed):
    """A team. `models: []` means all models, which `all-proxy-models` says explicitly."""

    object_permission: None


class TeamRow(_Columns):
    """A team as the columns of its table and the names of its relations."""

    model_spend: dict[str, Any]
    model_max_budget: dict[str, Any]
    policies: list[str]
    allow_team_guardrail_config: bool
    litellm_organization_table: None
    litellm_model_table: ModelTableRow | None
    object_permission: None
    projects: None


class DeletedTeam(Team):
    """A team as it last was, and how it ended."""

    id: str | None
    deleted_at: Moment
    deleted_by: str | None
    deleted_by_api_key: str | None
    litellm_changed_by: str | None


class TeamListItem(Team):
    """A team with its memberships and keys, of either no more than the first 1,000."""

    team_memberships: list[Membership]
    keys: list[KeyRow]
    keys_total: int = SOMETIMES


class DetailedTeam(_Typed):
    """A team with what its keys may use and the default budget of its members."""

    object_permission: ObjectPermission | None
    team_member_budget_table: Budget | None


class TeamInfo(Document):
    """A team as a whole, however large."""

    team_id: str
    team_info: DetailedTeam
    keys: list[KeyRow]
    team_memberships: list[Membership]


class UpdatedTeam(Document):
    """The team after the change."""

    team_id: str
    data: TeamRow


class DeletedTeams(Document):
    """What was deleted."""

    deleted_teams: list[str]


class TeamPage(Document):
    """One page of teams, or of deleted teams."""

    teams: list[Team | DeletedTeam]
    total: int
    page: int
    page_size: int
    total_pages: int


class Permissions(Document):
    """What members of a team may do with its keys."""

    team_id: str
    team_member_permissions: list[str]
    effective_permissions: list[str]
    is_default: bool
    all_available_permissions: list[str]
