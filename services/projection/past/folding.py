"""Folds anew what has changed since a moment: with the projectors, into tables of the past."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from events.envelope import Envelope, decode
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, kind_and_id, stream
from services.database.connections import Pool
from services.projection.past.scope import Scope, widened
from services.projection.past.snapshots import Span, spans_of
from services.projection.past.tables import TABLES, Writing
from services.projection.projector import Projector
from services.projection.queries.reading import Connection, chunks, fetch, run
from services.projection.queries.reading import snapshot as in_one_snapshot
from services.projection.runner import ProjectionGroup

KINDS = (TEAM, USER, KEY, ORGANIZATION, BUDGET)
_PAGE = 2_000
_CHANGED = b"""
SELECT q.name FROM unnest(%(names)s::text[]) q (name) CROSS JOIN LATERAL (
    SELECT notification_id FROM events.stored_events e WHERE e.originator_id = q.name
    ORDER BY originator_version DESC LIMIT 1
) last
WHERE last.notification_id > %(position)s
"""
_ALL_CHANGED = b"""
SELECT DISTINCT originator_id FROM events.stored_events
WHERE notification_id > %(position)s
    AND split_part(originator_id, '-', 1) = ANY (%(kinds)s::text[])
"""
_BY_ENDS = b"""
SELECT l.holder_kind, l.holder FROM read.users_1 u
    JOIN read.links_1 l ON l.kind = 'user' AND l.id = u.user_id
WHERE u.gone_at > %(position)s AND l.holder_kind IN ('team', 'organization')
UNION
SELECT l.kind, l.id FROM read.organizations_1 o
    JOIN read.links_1 l ON l.holder_kind = 'organization' AND l.holder = o.organization_id
WHERE o.gone_at > %(position)s AND l.kind = 'team'
"""
_ENDS = b"""
SELECT u.gone_at FROM unnest(%(kinds)s::text[], %(ids)s::text[]) q (kind, id)
    JOIN read.links_1 l ON l.holder_kind = q.kind AND l.holder = q.id AND l.kind = 'user'
    JOIN read.users_1 u ON u.user_id = l.id
WHERE u.gone_at <= %(position)s
UNION
SELECT o.gone_at FROM unnest(%(kinds)s::text[], %(ids)s::text[]) q (kind, id)
    JOIN read.links_1 l ON l.kind = q.kind AND l.id = q.id AND l.holder_kind = 'organization'
    JOIN read.organizations_1 o ON o.organization_id = l.holder
WHERE q.kind = 'team' AND o.gone_at <= %(position)s
"""
_TOUCH = b"INSERT INTO pg_temp.touched SELECT * FROM unnest(%(kinds)s::text[], %(ids)s::text[])"
_FACTS = b"""
SELECT e.* FROM unnest(%(names)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    q (name, after, upto) CROSS JOIN LATERAL (
    SELECT originator_id, originator_version, notification_id, topic, state
    FROM events.stored_events
    WHERE originator_id = q.name AND originator_version > q.after AND originator_version < q.upto
        AND notification_id <= %(position)s
) e
UNION ALL
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE notification_id = ANY (%(ends)s::bigint[])
    AND NOT originator_id = ANY (%(names)s::text[])
ORDER BY 3
"""
_FEW = _FACTS + b"LIMIT %d" % (_PAGE + 1)
Thing = tuple[str, str]
"""A kind and an id."""


@dataclass(frozen=True, slots=True)
class Folding:
    """What folding up to a position needs; `events` leads to the log."""

    events: Pool
    projectors: Sequence[Projector]
    position: int

    @classmethod
    def of(cls, events: Pool, group: ProjectionGroup, position: int) -> "Folding":
        """With those projectors of the group whose tables have a past."""
        projectors = [each for each in group.projectors if each.table in TABLES]
        return cls(events, projectors, position)

    async def fill(self, connection: Connection, scope: Scope) -> None:
        """Have the empty tables of the past hold all of the scope that has changed since.

        The read models are asked first: what they do not hold yet, the log does.
        """
        at = {"position": self.position}
        by_ends = {(kind, name) for kind, name in await run(connection, _BY_ENDS, at)}
        if scope.everything:
            rows = await fetch(self.events, _ALL_CHANGED, {**at, "kinds": list(KINDS)})
        else:
            things = await widened(connection, scope)
            by_ends &= {(kind, name) for kind, ids in things.items() for name in ids}
            names = [stream(kind, name) for kind, ids in things.items() for name in ids]
            rows = await fetch(self.events, _CHANGED, {**at, "names": names})
        await self.fold(connection, by_ends | {kind_and_id(name) for (name,) in rows})

    async def fold(self, connection: Connection, things: Collection[Thing]) -> None:
        """Have the tables hold these things, folded up to the position.

        Whoever was deleted has left teams and organizations by that: his end is folded with them.
        """
        if not things:
            return
        kinds, ids = zip(*things, strict=True)
        named = {"kinds": list(kinds), "ids": list(ids), "position": self.position}
        await connection.execute(_TOUCH, named)
        ends = [row[0] for row in await run(connection, _ENDS, named)]
        names = [stream(kind, name) for kind, name in things]
        spans = await spans_of(self.events, names, self.position)
        waiting = sorted((s.snapshot for s in spans if s.snapshot), key=lambda s: -s.position)
        async for facts in self._facts(names, spans, ends):
            rest, upto = facts, facts[-1].position if facts else 0
            while waiting and waiting[-1].position <= upto:
                snapshot = waiting.pop()
                count = bisect_right(rest, snapshot.position, key=lambda at: at.position)
                await self._write(connection, rest[:count])
                await snapshot.put(connection)
                rest = rest[count:]
            await self._write(connection, rest)
        for snapshot in reversed(waiting):
            await snapshot.put(connection)

    async def _facts(
        self, names: Sequence[str], spans: Sequence[Span], ends: Sequence[int]
    ) -> AsyncIterator[list[Envelope]]:
        parameters = {
            "names": names,
            "after": [0 if span.snapshot is None else span.snapshot.version for span in spans],
            "upto": [span.upto for span in spans],
            "position": self.position,
            "ends": ends,
        }
        few = await fetch(self.events, _FEW, parameters)
        if len(few) <= _PAGE:
            yield [decode(*row) for row in few]
            return
        async with in_one_snapshot(self.events) as connection:
            async for rows in chunks(connection, _FACTS, parameters, _PAGE):
                yield [decode(*row) for row in rows]

    async def _write(self, connection: Connection, facts: Sequence[Envelope]) -> None:
        if not facts:
            return
        for projector in self.projectors:
            rows = await projector.fold(facts)
            await rows.write(Writing(connection))
