"""Users (team-api.md 2.3, supporting-api.md 3)."""

from typing import Any

from services.edge.openapi.answers.key import KeyForm, KeyOfUser
from services.edge.openapi.answers.team import TeamListItem
from services.edge.openapi.schema import Document, Moment
from services.edge.requests.user import UserRole


class _Columns(Document):
    user_id: str
    user_email: str | None
    user_alias: str | None
    user_role: str | None
    sso_user_id: str | None
    teams: list[str]
    models: list[str]
    spend: float
    max_budget: float | None
    budget_duration: str | None
    budget_reset_at: Moment | None
    tpm_limit: int | None
    rpm_limit: int | None
    model_max_budget: dict[str, Any]
    model_spend: dict[str, Any]
    metadata: dict[str, Any]
    object_permission: None
    created_at: Moment
    updated_at: Moment


class User(_Columns):
    """A user."""

    organization_memberships: None


class UserRow(_Columns):
    """A user as the columns of his table and the names of its relations."""

    team_id: None
    organization_id: None
    object_permission_id: None
    password: None
    max_parallel_requests: int | None
    allowed_cache_controls: list[Any]
    policies: list[str]
    litellm_organization_table: None
    organization_memberships: list[Any]
    invitations_created: None
    invitations_updated: None
    invitations_user: None


class UserInfo(Document):
    """A user with his keys and his teams; `user_info` is null where there is no such user."""

    user_id: str | None
    user_info: UserRow | None
    keys: list[KeyOfUser]
    teams: list[TeamListItem]


class ListedUser(User):
    """A user, and how many keys in force he owns."""

    key_count: int


class UserPage(Document):
    """One page of users."""

    users: list[ListedUser]
    total: int
    page: int
    page_size: int
    total_pages: int


class UserPick(Document):
    """A user to choose."""

    user_id: str
    user_email: str | None


class RoleOfUsers(Document):
    """A role that a user can be given."""

    description: str
    ui_label: str


class UpdatedUser(Document):
    """The user as he is now."""

    user_id: str
    data: UserRow


class UserUpdate(Document):
    """What became of one update; `error` is null where it was made."""

    user_id: str | None
    user_email: str | None
    success: bool
    error: str | None
    updated_user: UserRow | None


class BulkUpdated(Document):
    """One result for each update, in order."""

    results: list[UserUpdate]
    total_requested: int
    successful_updates: int
    failed_updates: int


class CreatedUser(KeyForm):
    """The new user and his key, "" if he was to have none."""

    user_email: str | None
    user_role: UserRole | None
    user_alias: str | None
    teams: list[str] | None
