"""A live team becomes what it was at an earlier moment of this life (decision 012).

History goes on: what differs between then and now is recorded as if somebody had changed it back.
"""

from collections.abc import Collection, Iterator

from events import team as facts
from events.registry import DomainEvent
from services.command.domain.errors import NotThen
from services.command.domain.limits import check_size
from services.command.domain.roster import Membership, Roster
from services.command.domain.team import RemoveMember, Team, remove_member
from services.command.domain.team_update import differences


def check_then(team: Team, then: Team) -> None:
    """Raises NotThen unless the team was there at that moment, in the life that it has now."""
    if then.incarnation != team.incarnation:
        raise NotThen(f"The present life of the team began later, with version {team.incarnation}")
    if not then.open:
        raise NotThen(f"The team was deleted then: version {then.version} is its end")


def newcomers(team: Team, then: Team) -> list[str]:
    """Who was in the team and is not, in the order of joining."""
    return [user_id for user_id, _ in then.roster.ordered() if user_id not in team.roster]


def leavers(team: Team, then: Team) -> list[str]:
    """Who is in the team and was not, in the order of joining."""
    return [user_id for user_id, _ in team.roster.ordered() if user_id not in then.roster]


def revert(team: Team, then: Team, departed: Collection[str]) -> list[DomainEvent]:
    """What leads from now to then, the departed left out; [] where nothing differs."""
    check_then(team, then)
    check_size("team", then.settings)
    return [
        *differences(team.settings, then.settings),
        *(fact for user in leavers(team, then) for fact in remove_member(team, RemoveMember(user))),
        *_changes(team.roster, then.roster),
        *_additions(team, then, departed),
    ]


def _changes(now: Roster, then: Roster) -> Iterator[DomainEvent]:
    for user_id, was in then.ordered():
        member = now.get(user_id)
        if member is None:
            continue
        if member.limits != was.limits:
            yield facts.MemberBudgetChanged(user_id=user_id, before=member.limits, after=was.limits)
        if member.role != was.role:
            yield facts.MemberRoleChanged(user_id=user_id, before=member.role, after=was.role)


def _additions(team: Team, then: Team, departed: Collection[str]) -> Iterator[DomainEvent]:
    for user_id in newcomers(team, then):
        if user_id not in departed:
            was: Membership = then.roster[user_id]
            yield facts.MemberAdded(user_id=user_id, role=was.role, limits=was.limits)
