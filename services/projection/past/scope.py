"""Whose past an answer may be made of: what was ever linked to the thing that is asked for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER
from events.terms import LINK
from services.projection.queries.reading import Connection, run
from services.projection.queries.team_lists import NO_ORGANIZATION

_LINKED = b"""
SELECT id FROM read.links_1
WHERE holder_kind = %(from)s AND holder = ANY (%(ids)s) AND kind = %(to)s
UNION
SELECT holder FROM read.links_1
WHERE kind = %(from)s AND id = ANY (%(ids)s) AND holder_kind = %(to)s
"""
_SUCCESSORS = b"""
WITH RECURSIVE later AS (
    SELECT successor FROM read.keys_1 WHERE token = ANY (%(ids)s) AND successor IS NOT NULL
    UNION
    SELECT k.successor FROM later l JOIN read.keys_1 k ON k.token = l.successor
    WHERE k.successor IS NOT NULL
)
SELECT successor FROM later
"""
_BUDGETS = b"""
SELECT DISTINCT budget_id FROM read.budget_periods_1
WHERE kind = ANY (%(kinds)s) AND id = ANY (%(ids)s) AND budget_id IS NOT NULL
"""
_OF_TEAMS = ((TEAM, KEY), (TEAM, USER), (TEAM, ORGANIZATION), (KEY, USER), (KEY, ORGANIZATION))
_HOPS: Mapping[str, tuple[tuple[str, str], ...]] = {
    TEAM: _OF_TEAMS,
    KEY: ((KEY, TEAM), (KEY, USER), (KEY, ORGANIZATION), (TEAM, ORGANIZATION)),
    USER: ((USER, TEAM), (USER, KEY), (KEY, TEAM), *_OF_TEAMS, (USER, ORGANIZATION)),
    ORGANIZATION: ((ORGANIZATION, TEAM), (ORGANIZATION, USER), *_OF_TEAMS),
}
"""From what to what, in this order, for each kind of thing."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Things by kind and id, of which the past is needed; or everything."""

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    everything: bool = False

    @classmethod
    def of(cls, kind: str, *ids: str) -> "Scope":
        return cls({kind: frozenset(ids)})

    @classmethod
    def where(
        cls,
        *,
        team: str | None = None,
        user: str | None = None,
        organization: str | None = None,
        organizations: Sequence[str] = (),
    ) -> "Scope":
        """Of a list of teams: what meets all of the first three is of any of them.

        Beside the teams of a user there may be those of `organizations`.
        """
        for kind, name in ((TEAM, team), (ORGANIZATION, organization), (USER, user)):
            if name is not None and (kind != ORGANIZATION or name != NO_ORGANIZATION):
                others = {ORGANIZATION: frozenset(organizations)} if kind == USER else {}
                return cls({kind: frozenset([name]), **others})
        return cls({ORGANIZATION: frozenset(organizations)}) if organizations else EVERYTHING


EVERYTHING = Scope(everything=True)


async def widened(connection: Connection, scope: Scope) -> Mapping[str, set[str]]:
    """The things, and those that were ever linked to them; links are known from the present."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for kind, names in scope.ids.items():
        found[kind] |= names
    if keys := scope.ids.get(KEY):
        found[KEY] |= {row[0] for row in await run(connection, _SUCCESSORS, {"ids": list(keys)})}
    for kind in scope.ids:
        for start, end in _HOPS[kind]:
            if ids := sorted(found[start]):
                parameters = {"from": start, "to": end, "ids": ids}
                found[end] |= {row[0] for row in await run(connection, _LINKED, parameters)}
    if of := sorted(found[ORGANIZATION] | found[KEY]):
        parameters = {"kinds": [ORGANIZATION, LINK], "ids": of}
        found[BUDGET] |= {row[0] for row in await run(connection, _BUDGETS, parameters)}
    return found
