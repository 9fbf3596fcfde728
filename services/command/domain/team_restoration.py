"""A deleted team that comes back: the life that ended goes on (decision 012)."""

from collections.abc import Collection, Iterator, Sequence

from events.registry import DomainEvent
from events.team import MembersRestored, RestoredMember, TeamRestored
from services.command.domain.errors import AlreadyExists, NotFound
from services.command.domain.team import RemoveMember, Team, remove_member

PORTION_BYTES = 96 * 1024
"""Members in one fact, as JSON: an id may take a thousand bytes."""


def restore(team: Team, team_id: str, *, keys: bool) -> list[DomainEvent]:
    """Refuses an id that never was, or is in use; `keys` tells whether the team's keys follow."""
    if team.open:
        raise AlreadyExists("team", team_id)
    if not team.incarnation:
        raise NotFound("team", team_id)
    total = len(team.roster)
    return [TeamRestored(settings=team.settings, members_total=total, keys=keys)]


def unchecked(team: Team) -> Iterator[str]:
    """Members who came back with the team and were not looked at since, in no order."""
    return (user_id for user_id, member in team.roster.items() if member.at <= team.gone_at)


def members_back(
    team: Team, user_ids: Sequence[str], departed: Collection[str]
) -> list[DomainEvent]:
    """Of these members of a restored team the departed leave it, and the others are in it again."""
    left = [fact for user_id in user_ids if user_id in departed for fact in _leaves(team, user_id)]
    return [*left, *_stay(team, [user_id for user_id in user_ids if user_id not in departed])]


def _leaves(team: Team, user_id: str) -> list[DomainEvent]:
    return remove_member(team, RemoveMember(user_id))


def _stay(team: Team, user_ids: Sequence[str]) -> Iterator[DomainEvent]:
    portion: list[RestoredMember] = []
    size = 0
    for user_id in user_ids:
        member = team.roster[user_id]
        one = RestoredMember(user_id=user_id, role=member.role, limits=member.limits)
        size += len(one.model_dump_json())
        if portion and size > PORTION_BYTES:
            yield MembersRestored(members=portion)
            portion, size = [], len(one.model_dump_json())
        portion.append(one)
    if portion:
        yield MembersRestored(members=portion)
