"""What was brought back, and who was forgotten."""

from pydantic import Field

from services.edge.openapi.answers.team import Team
from services.edge.openapi.schema import Document, Moment


class RestoredKey(Document):
    """A key that works again; `key_alias` is null where somebody else has taken it."""

    token: str
    key_name: str
    key_alias: str | None


class TakenAlias(Document):
    """An alias that a key had, and somebody else has by now."""

    token: str
    key_alias: str


class LeftOut(Document):
    """What could not come back."""

    users: list[str]
    keys: list[str]
    key_aliases: list[TakenAlias]


class ToFollow(Document):
    """What is done in portions: nothing of it can be used before, or has to be waited for."""

    members: int = Field(description="Members that are still to be looked at.")
    keys: int = Field(description="Keys that may come back; of more than 2,000 not all.")


class RestoredTeam(Document):
    """The team as it is again, what came back with it, and what did not."""

    team_id: str
    team: Team
    keys: list[RestoredKey]
    left_out: LeftOut
    to_follow: ToFollow


class RevertedTo(Document):
    """The last fact about the team that had happened by then."""

    version: int
    position: int
    recorded_at: Moment


class LeftOutUsers(Document):
    """Who could not come back."""

    users: list[str]


class RevertedTeam(Document):
    """The team, which is again what it was."""

    team_id: str
    reverted_to: RevertedTo
    team: Team
    left_out: LeftOutUsers


class ForgottenUser(Document):
    """What was done, and what nobody can do."""

    user_id: str
    deleted: bool
    persons: int
    remains: str | None
