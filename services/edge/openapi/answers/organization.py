"""Organizations and their members (supporting-api.md 4)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.edge.openapi.answers.key import Budget
from services.edge.openapi.answers.team import ObjectPermission, Team
from services.edge.openapi.answers.user import User
from services.edge.openapi.schema import SOMETIMES, Document, Moment

_Role = Annotated[
    Literal["org_admin", "internal_user", "internal_user_viewer"],
    Field(description="What the user is in the organization; `org_admin` may manage it."),
]


class _Columns(Document):
    organization_id: str
    organization_alias: str
    budget_id: Annotated[str, Field(description="The id of the budget that it has.")]
    spend: float
    metadata: dict[str, Any]
    models: list[str]
    created_by: str
    updated_by: str
    users: None
    litellm_budget_table: Budget | None
    object_permission: ObjectPermission | None
    object_permission_id: str | None
    created_at: Moment
    updated_at: Moment


class Organization(_Columns):
    """An organization with its budget. `models: []` means all models."""


class _Membership(Document):
    user_id: str
    organization_id: str
    user_role: _Role
    spend: float
    budget_id: str | None
    created_at: Moment
    updated_at: Moment
    litellm_budget_table: Budget | None


class OrganizationMembership(_Membership):
    """A member, his role there, and his own budget if he has one."""

    user: None
    user_email: None


class UserOfMember(Document):
    """What the members' organization is told of a user."""

    user_id: str
    user_email: str | None
    user_alias: str | None
    user_role: str | None
    created_at: Moment
    updated_at: Moment


class MembershipWithUser(_Membership):
    """A member with the user he is; null where there is no such user any more."""

    user: Annotated[UserOfMember | None, Field(description="The user.")]
    user_email: str | None


class WholeOrganization(_Columns):
    """An organization with its members and teams, of either as many as the route shows."""

    members: Annotated[list[OrganizationMembership], Field(description="Its members.")]
    teams: list[Team]
    members_total: int = SOMETIMES
    teams_total: int = SOMETIMES


class OrganizationInfo(_Columns):
    """An organization with all of its members and teams."""

    members: Annotated[list[MembershipWithUser], Field(description="Its members.")]
    teams: list[Team]


class AddedOrganizationMembers(Document):
    """Those who were added to the organization by this call."""

    organization_id: str
    updated_users: list[User]
    updated_organization_memberships: list[OrganizationMembership]
