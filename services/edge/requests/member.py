"""Bodies of `/team/member_add`, `_update` and `_delete` (team-api.md 3.9, 3.11, 3.12).

A user is named by id, by e-mail or by both; "" counts as not given.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from services.edge.requests.common import (
    MAX_LIST_ITEMS,
    Blankable,
    Email,
    Identifier,
    Limit,
    Money,
    RequestModel,
    UserId,
    refuse_long_list,
)

TeamRole = Literal["admin", "user"]


class UserReference(RequestModel):
    """A user by id or e-mail; 422 `Either user id or user email must be provided`."""

    user_id: Blankable[UserId] = None
    user_email: Blankable[Email] = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.user_id is None and self.user_email is None:
            raise ValueError("Either user id or user email must be provided")
        return self


class Member(UserReference):
    """Somebody in a team, or to be put there."""

    role: TeamRole


class MemberAdd(RequestModel):
    """One member or several. What is wrong with a member is reported at the body (3.9)."""

    team_id: Identifier
    member: Annotated[Member | list[Member], BeforeValidator(refuse_long_list)]
    max_budget_in_team: Money | None = None

    @property
    def members(self) -> list[Member]:
        """The members to add, in the order sent."""
        return self.member if isinstance(self.member, list) else [self.member]

    @model_validator(mode="before")
    @classmethod
    def _members_first(cls, body: object) -> object:
        if not isinstance(body, Mapping) or "member" not in body:
            return body
        sent = body["member"]
        if not isinstance(sent, list):
            return {**body, "member": Member.model_validate(sent)}
        if len(sent) > MAX_LIST_ITEMS:
            return body
        members = [Member.model_validate(each) for each in sent]
        return {**body, "member": members}


class MemberUpdate(UserReference):
    """Absent leaves as it is, null clears (D13, D14)."""

    team_id: Identifier
    max_budget_in_team: Money | None = None
    role: TeamRole | None = None
    tpm_limit: Limit | None = None
    rpm_limit: Limit | None = None


class MemberDelete(UserReference):
    """Who is to leave which team."""

    team_id: Identifier


class BulkMemberAdd(RequestModel):
    """`/team/bulk_member_add` (3.10). How many members there may be is for the route to say."""

    team_id: Identifier
    members: list[Member] | None = None
    all_users: bool | None = False
    max_budget_in_team: Money | None = None
