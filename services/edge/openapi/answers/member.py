"""Answers of the routes on members and on callbacks (team-api.md 3.9 to 3.11, 4)."""

from typing import Literal

from services.edge.openapi.answers.team import Membership, Team, TeamRow
from services.edge.openapi.answers.user import User
from services.edge.openapi.schema import SOMETIMES, Document


class AddedMembers(Team):
    """The team, and those who were added to it by this call."""

    already_member: list[str] = SOMETIMES
    updated_users: list[User]
    updated_team_memberships: list[Membership]


class AddResult(Document):
    """What became of one of the members to add."""

    user_id: str | None
    user_email: str | None
    success: bool
    error: str | None
    updated_user: User | None
    updated_team_membership: Membership | None


class BulkAdded(Document):
    """One result for each member, in the order sent; the team if anybody was added."""

    team_id: str
    results: list[AddResult]
    total_requested: int
    successful_additions: int
    failed_additions: int
    updated_team: AddedMembers | None


class UpdatedMember(Document):
    """What was asked for, and who it was about."""

    user_id: str
    user_email: str | None
    team_id: str
    max_budget_in_team: float | None
    tpm_limit: int | None
    rpm_limit: int | None


class AddedCallback(Document):
    """The team with the callback in `metadata.logging`."""

    status: Literal["success"]
    data: TeamRow


class NoCallbacks(Document):
    """That nothing is logged any more."""

    team_id: str
    success_callbacks: list[str]
    failure_callbacks: list[str]


class CallbackNames(NoCallbacks):
    """Where calls are logged to."""

    callback_vars: dict[str, str]


class Callbacks(Document):
    """Where the team's calls are logged to."""

    status: Literal["success"]
    data: CallbackNames


class LoggingDisabled(Document):
    """That the team's calls are not logged any more."""

    status: Literal["success"]
    message: str
    data: NoCallbacks
