"""Who is in a team: a persistent map that stays cheap for the rosters that answers show.

Up to SMALL members it is a plain dict in the order of joining, copied when it changes; above that
a hash trie, so that one more member of 100,000 copies nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from rpds import HashTrieMap

from events.team import TeamRole
from events.values import MemberLimits

SMALL = 1_000


@dataclass(frozen=True, slots=True)
class Membership:
    """One member; `joined` is the version of the fact that added him and orders the roster.

    `at` is the position of that fact, or of the one by which he came back with his team: a user who
    was deleted since is no member any more.
    """

    joined: int
    role: TeamRole
    limits: MemberLimits | None = None
    at: int = 0


if TYPE_CHECKING:
    _Map: TypeAlias = dict[str, Membership] | HashTrieMap[str, Membership]


class Roster:
    """Members by user id; never changed in place."""

    __slots__ = ("_members",)

    def __init__(self, members: "_Map | None" = None) -> None:
        self._members: _Map = {} if members is None else members

    def get(self, user_id: str) -> Membership | None:
        """The membership of a user, None for everybody else."""
        return self._members.get(user_id)

    def __getitem__(self, user_id: str) -> Membership:
        return self._members[user_id]

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._members

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Roster) and dict(self.items()) == dict(other.items())

    def __hash__(self) -> int:
        return hash(frozenset(self._members))

    def items(self) -> Iterator[tuple[str, Membership]]:
        """All members, in no particular order."""
        return iter(self._members.items())

    def ordered(self) -> list[tuple[str, Membership]]:
        """All members in the order of joining."""
        if isinstance(self._members, dict):
            return list(self._members.items())
        return sorted(self._members.items(), key=lambda entry: entry[1].joined)

    def insert(self, user_id: str, member: Membership) -> "Roster":
        """With one more member, or another membership of one who keeps his place."""
        members = self._members
        if not isinstance(members, dict):
            return Roster(members.insert(user_id, member))
        if len(members) < SMALL or user_id in members:
            return Roster({**members, user_id: member})
        return Roster(HashTrieMap(members).insert(user_id, member))

    def reached(self, user_ids: Sequence[str], position: int) -> "Roster":
        """Those of these who are here are members up to a later position; all keep their places."""
        present = ((user_id, self._members.get(user_id)) for user_id in user_ids)
        moved = {u: replace(member, at=position) for u, member in present if member is not None}
        members = self._members
        if isinstance(members, dict):
            return Roster({**members, **moved})
        for user_id, member in moved.items():
            members = members.insert(user_id, member)
        return Roster(members)

    def discard(self, user_id: str) -> "Roster":
        """Without that member."""
        members = self._members
        if not isinstance(members, dict):
            smaller = Roster(members.discard(user_id))
            return Roster(dict(smaller.ordered())) if len(smaller) <= SMALL // 2 else smaller
        return Roster({name: member for name, member in members.items() if name != user_id})
