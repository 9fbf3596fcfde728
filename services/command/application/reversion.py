"""Taking a live team back to an earlier state of this life (decision 012).

The earlier state is folded outside of the command loop, as it never changes; what leads there is
decided inside, on the state at the confirmed head.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from events.envelope import Envelope
from events.registry import DomainEvent
from events.streams import TEAM, stream
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.admission import authorized_team
from services.command.application.answers import TeamAnswer, team_answer
from services.command.application.cache import LinkKey
from services.command.application.membership import is_over
from services.command.application.requests import MAX_EVENTS, Decision
from services.command.application.teams import DEPENDENTS_AT_ONCE, check_mover, dependent_keys
from services.command.application.view import View
from services.command.application.within import allowance_facts, check_fits
from services.command.domain import team_reversion
from services.command.domain.dependents import keys_of_member
from services.command.domain.errors import ChangedMeanwhile, NotThen, OrganizationGone, TooLarge
from services.command.domain.team import Team, evolve

REVERT = "/v1/teams/{team_id:path}/revert"
Facts = list[tuple[str, DomainEvent]]


@dataclass(frozen=True, slots=True)
class To:
    """A moment: after a version of the team, at a position of the log, or at a time.

    One of the three is given; what was recorded at that very moment has happened.
    """

    version: int | None = None
    position: int | None = None
    time: datetime | None = None

    def includes(self, at: Envelope) -> bool:
        """Whether a fact had happened by then."""
        if self.version is not None:
            return at.originator_version <= self.version
        if self.position is not None:
            return at.position <= self.position
        return self.time is not None and at.recorded_at <= self.time

    def check_past(self, view: View, found: Team) -> None:
        """Raise NotThen for what has not come yet."""
        late = (
            (self.version is not None and self.version > found.version)
            or (self.position is not None and self.position > view.head)
            or (self.time is not None and self.time > view.recorded_at)
        )
        if late:
            raise NotThen("That is still to come: the team can only be what it was", ahead=True)


@dataclass(frozen=True, slots=True)
class Past:
    """A team as it was after the fact `last`; `closed` tells that later facts were seen."""

    team: Team
    last: Envelope
    closed: bool


async def past_of(facts: AsyncIterator[Envelope], to: To) -> Past | None:
    """The state that the facts of a team led to by then; None where there was none yet."""
    found, last = Team(), None
    async for at in facts:
        if not to.includes(at):
            return None if last is None else Past(found, last, closed=True)
        found, last = evolve(found, at), at
    return None if last is None else Past(found, last, closed=False)


@dataclass(frozen=True, slots=True)
class Reverted:
    """A team that is what it was; `departed` were members then, and are users no more."""

    team: TeamAnswer
    past: Past
    departed: Sequence[str]


@dataclass(frozen=True, slots=True)
class AdmitToRevert:
    """Finds out whether the caller may, before anything of the team's past is read for him."""

    team_id: str
    name: str = "AdmitToRevert"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(REVERT, caller)
        authorized_team(view, caller, REVERT, self.team_id)
        return Decision((), lambda _: None)


@dataclass(frozen=True, slots=True)
class RevertTeam:
    """Settings and members as of `to`; `past` is what was found of that moment.

    Keys of members who leave go with them; other keys, and what was spent, are left alone. Raises
    NotThen, OrganizationGone, and what an update of the team raises.
    """

    team_id: str
    to: To
    past: Past | None
    name: str = "RevertTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(REVERT, caller)
        found = authorized_team(view, caller, REVERT, self.team_id)
        past = self._past(view, found)
        then = past.team
        departed = self._departed(view, found, then)
        changes = team_reversion.revert(found, then, frozenset(departed))
        self._check_settings(view, caller, found, then, departed)
        name = stream(TEAM, self.team_id)
        facts: Facts = [(name, fact) for fact in changes]
        facts += allowance_facts(view, self.team_id, found.settings, then.settings)
        keys, chores = self._keys(view, found, then, len(facts))
        return Decision(
            [*facts, *keys],
            lambda after: Reverted(team_answer(after, self.team_id), past, departed),
            chores=chores,
            subject=name,
        )

    def _past(self, view: View, found: Team) -> Past:
        self.to.check_past(view, found)
        past = self.past
        if past is None:
            raise NotThen("There was no team of this id then")
        if not past.closed and past.team.version != found.version:
            raise ChangedMeanwhile(self.team_id)
        team_reversion.check_then(found, past.team)
        return past

    def _departed(self, view: View, found: Team, then: Team) -> list[str]:
        """Who cannot come back: he was deleted since, and may have been created again."""
        new = team_reversion.newcomers(found, then)
        if len(new) > MAX_EVENTS:
            raise TooLarge(
                f"{self.name} would bring {len(new)} members back, "
                f"one command may record {MAX_EVENTS} events"
            )
        users = view.users(new)
        return [user_id for user_id in new if is_over(then.roster[user_id], users[user_id])]

    def _check_settings(
        self, view: View, caller: Principal, found: Team, then: Team, departed: Sequence[str]
    ) -> None:
        left, entered = found.settings.organization_id, then.settings.organization_id
        check_mover(REVERT, view, caller, self.team_id, (left, entered))
        if entered is not None and entered != left:
            held = view.organization(entered)
            if not held.open or held.gone_at >= then.organization_at:
                raise OrganizationGone(entered)
        roster = then.roster
        for user_id in departed:
            roster = roster.discard(user_id)
        check_fits(view, self.team_id, replace(found, roster=roster), then.settings)

    def _keys(self, view: View, found: Team, then: Team, facts: int) -> tuple[Facts, list[LinkKey]]:
        """The ends of keys of members who leave; which of them have more."""
        name = stream(TEAM, self.team_id)
        leavers = team_reversion.leavers(found, then)
        room = max(0, (MAX_EVENTS - facts) // 2)
        at_once = min(DEPENDENTS_AT_ONCE, room)
        parents = [(name, keys_of_member(user_id)) for user_id in leavers]
        return dependent_keys(view, parents, cause="member", at_once=at_once)
