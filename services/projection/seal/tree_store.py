"""The tree in the database: positions, spans, tiles and checkpoints (schema `ops`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from services.proof.checkpoint import Checkpoint
from services.proof.log import (
    BATCHES,
    EVENT_ROWS,
    EVENTS,
    EVENTS_AT_ONCE,
    LINES,
    RECORDS_AT_ONCE,
    batches,
    event_hash,
    usage_hash,
)
from services.proof.tiles import Frontier, TileName, Wanted, nodes_of, open_tiles
from services.proof.tree import consistency_path, inclusion_path, root_hash

Leaf = tuple[int, bytes]
"""A position in the log, and the hash of its leaf."""

_KEPT = "SELECT log, size, events, usage, (SELECT epoch FROM events.store) FROM ops.seal"
_TILES = """
SELECT t.level, t.number, t.hashes FROM ops.seal_tiles t
JOIN unnest(%s::smallint[], %s::bigint[]) AS w(level, number) USING (level, number)
"""
_PUT_TILES = """
INSERT INTO ops.seal_tiles (level, number, hashes)
SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])
ON CONFLICT (level, number) DO UPDATE SET hashes = EXCLUDED.hashes
"""
_MOVE = "UPDATE ops.seal SET size = %s, events = %s, usage = %s"
_LENGTHEN = """
UPDATE ops.seal_spans SET leaves = leaves + %s, last_position = %s
WHERE first_leaf = (SELECT max(first_leaf) FROM ops.seal_spans) AND kind = %s
"""
_SPAN = """
INSERT INTO ops.seal_spans (first_leaf, kind, first_position, last_position, leaves)
VALUES (%s, %s, %s, %s, %s)
"""
# One that was made in a time to come tells of a clock that was ahead, and puts nothing off.
_DUE = """
SELECT coalesce(last.size, 0) < %s AND coalesce(last.made_at <= %s OR last.made_at > %s, true)
FROM (SELECT) one LEFT JOIN (
    SELECT size, made_at FROM ops.checkpoints ORDER BY size DESC LIMIT 1
) last ON true
"""
_CHECKPOINT = "INSERT INTO ops.checkpoints (size, note, made_at) VALUES (%s, %s, %s)"
_NOTE = """
SELECT size, note FROM ops.checkpoints WHERE size >= %s ORDER BY size LIMIT 1
"""
_NEWEST = "SELECT size, note FROM ops.checkpoints ORDER BY size DESC LIMIT 1"
_EVENT_LEAF = """
SELECT first_leaf + %s - first_position FROM ops.seal_spans
WHERE kind = 'events' AND first_position <= %s AND last_position >= %s
"""
_USAGE_LEAF = """
SELECT s.first_leaf + (SELECT count(*) FROM usage.batches b
    WHERE b.position >= s.first_position AND b.position < w.position)
FROM (SELECT min(position) AS position FROM usage.batches WHERE position >= %s) w
JOIN ops.seal_spans s ON s.kind = 'usage' AND s.first_position <= w.position
    AND s.last_position >= w.position
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """How far the tree is: leaves, and the last positions of events and usage that have one."""

    log: UUID
    size: int
    events: int
    usage: int
    epoch: UUID


class TreeStore:
    """The tree as one transaction sees it."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def kept(self) -> Kept:
        [row] = await self._rows(_KEPT)
        return Kept(*row)

    async def event_leaves(self, kept: Kept) -> list[Leaf]:
        """The next events without a leaf."""
        rows = await self._rows(EVENT_ROWS, kept.events, 2**62, EVENTS_AT_ONCE)
        return [(row[2], event_hash(row)) for row in rows]

    async def usage_leaves(self, kept: Kept) -> list[Leaf]:
        """The next batches of usage without a leaf."""
        ends = [at for (at,) in await self._rows(BATCHES, kept.usage, 2**62, RECORDS_AT_ONCE)]
        if not ends:
            return []
        lines = await self._rows(LINES, kept.usage, ends[-1])
        return [(batch.position, usage_hash(batch)) for batch in batches(ends, lines)]

    async def extend(self, kept: Kept, kind: str, leaves: Sequence[Leaf]) -> Kept:
        """Append leaves of one kind; what is kept afterwards."""
        names = open_tiles(kept.size)
        open_now = {level: hashes for (level, _), hashes in (await self._tiles(names)).items()}
        frontier = Frontier(kept.size, open_now)
        frontier.append(leaf for _, leaf in leaves)
        await self._put(frontier.changed)
        last = leaves[-1][0]
        await self._span(kept.size, kind, leaves[0][0], last, len(leaves))
        kept = replace(kept, size=frontier.size)
        kept = replace(kept, events=last) if kind == EVENTS else replace(kept, usage=last)
        await self._connection.execute(_MOVE, (kept.size, kept.events, kept.usage))
        return kept

    async def due(self, kept: Kept, now: datetime, seconds: float) -> bool:
        """Whether leaves have no checkpoint yet and the last one is old enough."""
        age = timedelta(seconds=seconds)
        [(due,)] = await self._rows(_DUE, kept.size, now - age, now + age)
        return bool(due)

    async def keep(self, checkpoint: Checkpoint, note: str) -> None:
        await self._connection.execute(_CHECKPOINT, (checkpoint.size, note, checkpoint.time))

    async def note(self, at_least: int | None = None) -> tuple[int, str] | None:
        """Size and text of the newest checkpoint, or of the first over at least so many leaves."""
        rows = await (self._rows(_NEWEST) if at_least is None else self._rows(_NOTE, at_least))
        return rows[0] if rows else None

    async def verifier(self) -> str | None:
        """The key that checkpoints are signed by, as verifiers take it."""
        [(verifier,)] = await self._rows("SELECT verifier FROM ops.seal")
        return None if verifier is None else str(verifier)

    async def leaf_of(self, kind: str, position: int) -> int | None:
        """Which leaf stands for an event, or for the batch that holds a record of usage."""
        given = (position,) * 3 if kind == EVENTS else (position,)
        rows = await self._rows(_EVENT_LEAF if kind == EVENTS else _USAGE_LEAF, *given)
        return rows[0][0] if rows else None

    async def root(self, size: int) -> bytes:
        """Of the first leaves; there must be that many."""
        wanted = Wanted()
        root_hash(size, wanted.node)
        return root_hash(size, nodes_of(await self._tiles(wanted.names)))

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """See `services.proof.tree.inclusion_path`."""
        wanted = Wanted()
        inclusion_path(index, size, wanted.node)
        return inclusion_path(index, size, nodes_of(await self._tiles(wanted.names)))

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """See `services.proof.tree.consistency_path`."""
        wanted = Wanted()
        consistency_path(old, new, wanted.node)
        return consistency_path(old, new, nodes_of(await self._tiles(wanted.names)))

    async def leaf(self, index: int) -> bytes:
        """The hash of one leaf."""
        wanted = Wanted()
        wanted.node(0, index)
        return nodes_of(await self._tiles(wanted.names))(0, index)

    async def _tiles(self, names: Iterable[TileName]) -> dict[TileName, bytes]:
        wanted = list(names)
        rows = await self._rows(_TILES, [level for level, _ in wanted], [n for _, n in wanted])
        return {(level, number): bytes(hashes) for level, number, hashes in rows}

    async def _put(self, tiles: Mapping[TileName, bytes]) -> None:
        levels, numbers = [level for level, _ in tiles], [number for _, number in tiles]
        await self._connection.execute(_PUT_TILES, (levels, numbers, list(tiles.values())))

    async def _span(self, first_leaf: int, kind: str, first: int, last: int, leaves: int) -> None:
        cursor = await self._connection.execute(_LENGTHEN, (leaves, last, kind))
        if not cursor.rowcount:
            await self._connection.execute(_SPAN, (first_leaf, kind, first, last, leaves))

    async def _rows(self, query: str, *given: object) -> list[Any]:
        cursor = self._connection.cursor(binary=True)
        await cursor.execute(query.encode(), given)
        return await cursor.fetchall()
