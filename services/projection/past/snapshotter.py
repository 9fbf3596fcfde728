"""Makes snapshots of long streams in the background: the past is then folded from the nearest."""

import asyncio
import logging
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import psycopg

from events.streams import kind_and_id
from services.database.alone import alone
from services.database.background import Background
from services.database.connections import Pool
from services.projection.past.folding import Folding
from services.projection.past.snapshots import KINDS, SHAPE, Snapshot, save, take
from services.projection.past.tables import empty
from services.projection.projector import FactFailed
from services.projection.queries.reading import Connection, Row, run
from services.projection.runner import CONNECTION_LOST, ProjectionGroup

EVERY = 200
"""Facts of a stream from one snapshot to the next, while it has few."""

MANY = 50
"""Snapshots of one stream beyond which they are made at twice the distance, and so on."""

PAGE = 20_000
PAUSE_SECONDS = 5.0
LOCK = 7305234
_LAST = b"SELECT max(position) FROM ops.snapshots_made WHERE shape = %(shape)s"
_OTHERS = (
    b"DELETE FROM ops.snapshots WHERE shape <> %(shape)s",
    b"DELETE FROM ops.snapshots_made WHERE shape <> %(shape)s",
)
_DUE = b"""
SELECT originator_id, originator_version, notification_id,
    convert_from(state, 'UTF8')::json->>'id'
FROM events.stored_events
WHERE notification_id > %(after)s AND notification_id <= %(upto)s
    AND originator_version %% %(every)s = 0
    AND split_part(originator_id, '-', 1) = ANY (%(kinds)s::text[])
ORDER BY notification_id
"""
_MADE = b"""
INSERT INTO ops.snapshots_made (shape, position) VALUES (%(shape)s, %(position)s)
ON CONFLICT (shape) DO UPDATE SET position = EXCLUDED.position
"""

log = logging.getLogger(__name__)


def is_due(version: int) -> bool:
    """Whether there is to be a snapshot of a stream after its fact of this version."""
    distance = EVERY
    while version > distance * MANY:
        distance *= 2
    return version % distance == 0


class Snapshotter(Background):
    """Follows the log behind the read models; one process at a time, and half of its time idle.

    What is not made when it ends is made by whoever comes next.
    """

    task_name = "snapshots"

    def __init__(self, events: Pool, reads: Pool, group: ProjectionGroup) -> None:
        self._events, self._reads, self._group = events, reads, group

    async def make(self) -> int:
        """Make what is due within the next PAGE facts; how many facts were looked at.

        0 also while another process is at it. What was made stays so, whenever this ends. Raises
        psycopg's errors, and FactFailed.
        """
        async with self._events.connection() as connection, alone(connection, LOCK) as may:
            return await self._next_page(connection) if may else 0

    async def _next_page(self, connection: Connection) -> int:
        after = await self._last(connection)
        upto = min(after + PAGE, self._group.position)
        for stream, version, position, event_id in await self._due(connection, after, upto):
            await self._snapshot(stream, version, position, event_id)
            await self._made(connection, position)
        if upto > after:
            await self._made(connection, upto)
        return max(upto - after, 0)

    @staticmethod
    async def _last(connection: Connection) -> int:
        """Up to where they are made; those of another shape are in nobody's way any more."""
        shape = {"shape": SHAPE}
        [(made,)] = await run(connection, _LAST, shape)
        if made is None:
            for statement in _OTHERS:
                await connection.execute(statement, shape)
        return made or 0

    @staticmethod
    async def _made(connection: Connection, position: int) -> None:
        await connection.execute(_MADE, {"shape": SHAPE, "position": position})

    async def _due(self, connection: Connection, after: int, upto: int) -> Sequence[Row]:
        asked: dict[str, Any] = {"after": after, "upto": upto, "every": EVERY, "kinds": list(KINDS)}
        rows = await run(connection, _DUE, asked)
        return [row for row in rows if is_due(row[1])]

    async def _snapshot(self, stream: str, version: int, position: int, event_id: str) -> None:
        began = perf_counter()
        folding = Folding.of(self._events, self._group, position)
        async with empty(self._reads, position) as connection:
            await folding.fold(connection, [kind_and_id(stream)])
            rows = await take(connection, stream)
        await save(self._events, Snapshot(stream, version, position, rows), event_id)
        await asyncio.sleep(perf_counter() - began)

    async def _run(self) -> None:
        while True:
            try:
                looked = await self.make()
            except (*CONNECTION_LOST, psycopg.Error, FactFailed) as error:
                log.warning("no snapshots are made: %s", type(error).__name__)
                looked = 0
            if looked < PAGE:
                await asyncio.sleep(PAUSE_SECONDS)
