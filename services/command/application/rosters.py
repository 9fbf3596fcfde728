"""Rosters as answers show them, kept from one answer to the next.

Adding the thousandth member should not cost joining a thousand users again. What was shown at one
version of a team serves the next one if nothing but additions lies between: every fact that
follows made the roster longer by one, and the additions are those that the command made.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from events.registry import DomainEvent
from events.team import TeamRole
from events.user import UserDeleted, UserEmailChanged
from events.values import Sealed
from services.command.domain.roster import Roster
from services.command.domain.team import Team
from services.command.domain.user import User

SHOWN_ANYWHERE = (UserEmailChanged, UserDeleted)
"""Facts about a user that change the rosters of his teams."""


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """One member of a roster, with the address of the user he is, under seal."""

    user_id: str
    user_email: Sealed | None
    role: TeamRole

    @classmethod
    def of(cls, user_id: str, role: TeamRole, user: User) -> "MemberAnswer":
        return cls(user_id, user.settings.email, role)


@dataclass(frozen=True, slots=True)
class Shown:
    """A whole roster in the order of joining, as of one version of its team."""

    version: int
    roster: Roster
    members: Sequence[MemberAnswer]

    def added(self, team: Team, touched: Iterable[str]) -> list[str] | None:
        """Who joined since, in order; None if anything else may have happened."""
        if team.roster is self.roster:
            return []
        new = [u for u in dict.fromkeys(touched) if u in team.roster and u not in self.roster]
        count = len(team.roster) - len(self.roster)
        if count != len(new) or team.version - self.version != count:
            return None
        return sorted(new, key=lambda user_id: team.roster[user_id].joined)


class ShownRosters:
    """The rosters shown last, of at most `capacity` teams, as of what is committed."""

    def __init__(self, capacity: int = 200) -> None:
        self._capacity = capacity
        self._shown: OrderedDict[str, Shown] = OrderedDict()

    def get(self, team_id: str) -> Shown | None:
        """What was shown of this team last."""
        return self._shown.get(team_id)

    def keep(self, shown: dict[str, Shown]) -> None:
        """Take over what a committed batch has shown."""
        for team_id, entry in shown.items():
            self._shown.pop(team_id, None)
            self._shown[team_id] = entry
        while len(self._shown) > self._capacity:
            self._shown.popitem(last=False)

    def follow(self, event: DomainEvent) -> None:
        """An address that changed may stand in any roster, and so may a user who is gone."""
        if isinstance(event, SHOWN_ANYWHERE):
            self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._shown.clear()
