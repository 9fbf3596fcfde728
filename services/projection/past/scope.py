"""Whose past an answer may be made of: what was ever linked to the thing that is asked for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER
from events.terms import LINK
from services.projection.queries.reading import Connection, run
from services.projection.queries.team_lists import NO_ORGANIZATION

_LINKED = b"""
WITH RECURSIVE hops AS MATERIALIZED (
    SELECT * FROM unnest(%(starts)s::text[], %(goals)s::text[]) WITH ORDINALITY
        h (start, goal, place)
), found (kind, id, step) AS (
    SELECT %(kind)s::text COLLATE "C", id COLLATE "C", 0::bigint FROM unnest(%(ids)s::text[]) g (id)
    UNION
    SELECT l.kind, l.id, h.place FROM found f JOIN hops h ON h.start = f.kind AND h.place > f.step
    CROSS JOIN LATERAL (
        SELECT b.kind, b.id FROM read.links_1 b
        WHERE b.holder_kind = f.kind AND b.holder = f.id AND b.kind = h.goal
        UNION ALL
        SELECT a.holder_kind, a.holder FROM read.links_1 a
        WHERE a.kind = f.kind AND a.id = f.id AND a.holder_kind = h.goal
    ) l
)
SELECT DISTINCT kind, id FROM found
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
    for kind, ids in scope.ids.items():
        names = set(ids)
        if kind == KEY:
            names |= {row[0] for row in await run(connection, _SUCCESSORS, {"ids": list(ids)})}
        starts, goals = zip(*_HOPS[kind], strict=True)
        seeds = {"kind": kind, "ids": list(names)}
        hops = {"starts": list(starts), "goals": list(goals)}
        for linked, name in await run(connection, _LINKED, {**seeds, **hops}):
            found[linked].add(name)
    if of := sorted(found[ORGANIZATION] | found[KEY]):
        parameters = {"kinds": [ORGANIZATION, LINK], "ids": of}
        found[BUDGET] |= {row[0] for row in await run(connection, _BUDGETS, parameters)}
    return found
