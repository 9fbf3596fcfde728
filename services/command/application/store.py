"""The event store: the table of `eventsourcing`, read by a pool and written by our append."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from events.envelope import Envelope, decode
from services.command.application.appending import (
    APPEND,
    APPEND_AFTER,
    RECOGNISED,
    Batch,
    StoredAnswer,
    parameters,
    recognisable,
)
from services.command.application.cache import LinkKey, Mark

Conn = AsyncConnection[Any]
LINKS_SHOWN = 1_000
"""A write answer names at most so many teams of a user; larger sets are not kept."""

_STANDS_AT = f"""
SELECT {RECOGNISED} = (SELECT coalesce(max(notification_id), 0) FROM events.stored_events)
"""  # noqa: S608
_NEWEST = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events ORDER BY notification_id DESC LIMIT 1
"""
_FORGOTTEN = """
SELECT coalesce(max(notification_id), 0) FROM events.stored_events WHERE topic = 'user.forgotten'
"""
_NEWS = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE notification_id > %s ORDER BY notification_id LIMIT %s
"""
_STREAMS = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE originator_id = ANY (%s)
ORDER BY originator_id, originator_version
"""
_FACTS = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE originator_id = %s AND originator_version > %s
ORDER BY originator_version LIMIT %s
"""


Outcome = Literal["appended", "moved", "repeated"]


class LogHead(NamedTuple):
    """Where a store ends, and which one it is."""

    position: int
    epoch: UUID


class EventStore:
    """Reads by pool; appends over one connection of its own, which is replaced when it breaks."""

    def __init__(self, pool: AsyncConnectionPool[Any], conninfo: str) -> None:
        self._pool = pool
        self._conninfo = conninfo
        self._writer: Conn | None = None

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer.close()

    async def head(self) -> int:
        """The position of the newest event, 0 in an empty store."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT coalesce(max(notification_id), 0) FROM events.stored_events"
            )
            return int((await cursor.fetchone() or (0,))[0])

    async def epoch(self) -> UUID:
        """Which store this is: another one after a backup was restored."""
        writer = await self.writer()
        cursor = await writer.execute("SELECT epoch FROM events.store")
        return UUID(str((await cursor.fetchone() or (UUID(int=0),))[0]))

    async def newest(self) -> Envelope | None:
        """The event at the head."""
        writer = await self.writer()
        row = await (await writer.execute(_NEWEST, binary=True)).fetchone()
        return None if row is None else decode(*row)

    async def forgotten_at(self) -> int:
        """The position of the last fact by which a person was forgotten, 0 if there is none."""
        writer = await self.writer()
        row = await (await writer.execute(_FORGOTTEN)).fetchone()
        return 0 if row is None else int(row[0])

    async def stands_at(self, mark: Mark) -> bool:
        """Whether the mark is the head of this store."""
        writer = await self.writer()
        cursor = await writer.execute(_STANDS_AT, recognisable(mark))
        return await cursor.fetchone() == (True,)

    async def news(self, after: int, limit: int) -> list[Envelope]:
        """Envelopes behind a position, in order."""
        writer = await self.writer()
        cursor = await writer.execute(_NEWS, (after, limit), binary=True)
        return [decode(*row) for row in await cursor.fetchall()]

    async def load(self, streams: Sequence[str]) -> list[Envelope]:
        """All facts of these streams, each stream in order."""
        async with self._pool.connection() as conn, conn.cursor(binary=True) as cursor:
            await cursor.execute(_STREAMS, (list(streams),))
            return [decode(*row) for row in await cursor.fetchall()]

    async def facts(self, stream: str, after: int, limit: int) -> list[Envelope]:
        """Facts of one stream behind a version, in order."""
        async with self._pool.connection() as conn, conn.cursor(binary=True) as cursor:
            await cursor.execute(_FACTS, (stream, after, limit))
            return [decode(*row) for row in await cursor.fetchall()]

    async def load_links(self, keys: Sequence[LinkKey]) -> list[tuple[str, str, str, int]]:
        """(parent, kind, child, since), at most LINKS_SHOWN + 1 for each key."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT k.parent, k.kind, d.child, d.since "
                "FROM unnest(%s::text[], %s::text[]) AS k(parent, kind), LATERAL ("
                "  SELECT child, since FROM ops.dependents"
                "  WHERE parent = k.parent AND kind = k.kind LIMIT %s) AS d",
                ([k[0] for k in keys], [k[1] for k in keys], LINKS_SHOWN + 1),
            )
            return [(p, k, c, int(s)) for p, k, c, s in await cursor.fetchall()]

    async def users_before(self, position: int, limit: int) -> list[tuple[str, int]]:
        """Streams of users that came to exist before a position, the newest first."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT child, since FROM ops.dependents WHERE parent = 'everybody' "
                "AND since < %s ORDER BY since DESC LIMIT %s",
                (position, limit),
            )
            return [(child, int(since)) for child, since in await cursor.fetchall()]

    async def answers(self, keys: Sequence[tuple[bytes, str]]) -> list[StoredAnswer]:
        """Remembered answers for (caller, idempotency key)."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT i.caller, i.key, body_hash, status, answer, position "
                "FROM ops.idempotency i "
                "JOIN unnest(%s::bytea[], %s::text[]) AS k(caller, key) USING (caller, key)",
                ([k[0] for k in keys], [k[1] for k in keys]),
            )
            rows = await cursor.fetchall()
        return [StoredAnswer(bytes(c), k, bytes(h), s, bytes(a), p) for c, k, h, s, a, p in rows]

    async def append(self, batch: Batch) -> tuple[Outcome, int]:
        """Write the batch in one round trip, if the store is still at its expected head.

        A store that does not hold the mark `after` has moved, too.
        """
        writer = await self.writer()
        cursor = writer.cursor(row_factory=tuple_row)
        if batch.after is None:
            query, place = APPEND, (batch.expected_head,)
        else:
            query, place = APPEND_AFTER, recognisable(batch.after)
        await cursor.execute(query, (*place, *parameters(batch)), prepare=True)
        outcome, head = await cursor.fetchone() or ("moved", 0)
        return outcome, int(head)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[LogHead]:
        """Hold the append lock. What happens inside commits at the end."""
        writer = await self.writer()
        async with writer.transaction():
            cursor = await writer.execute("SELECT events.lock_head(), epoch FROM events.store")
            head, epoch = await cursor.fetchone() or (0, UUID(int=0))
            yield LogHead(head, epoch)

    async def holds(self, batch: Batch) -> bool:
        """Whether the batch is in the store, asked under the lock: the event ids tell."""
        first = batch.rows[0]
        writer = await self.writer()
        cursor = await writer.execute(
            "SELECT state FROM events.stored_events WHERE notification_id = %s",
            (batch.expected_head + 1,),
            binary=True,
        )
        found = await cursor.fetchone()
        return found is not None and bytes(found[0]) == first.state

    async def discard_writer(self) -> None:
        """Give up a connection whose state is unknown."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    async def writer(self) -> Conn:
        if self._writer is None or self._writer.closed:
            self._writer = await psycopg.AsyncConnection.connect(
                self._conninfo, autocommit=True, prepare_threshold=2
            )
        return self._writer
