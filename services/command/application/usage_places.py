"""Where reading a topic of usage goes on, kept in the ledger's own transaction (decision 021).

What is moved is moved from where the reading began, so that whoever was frozen, or lost his
partitions, cannot move a place back or book beside whom they were given to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from services.broker.message import Extent

log = structlog.get_logger(__name__)

HOUR = timedelta(hours=1)
APART = timedelta(minutes=5)
"""How far clocks of consumers may be apart: letters counted further ahead are no letters of now."""

Kept = tuple[UUID, int]
"""A place: of which topic, and the next offset."""

_BEGIN = """
INSERT INTO usage.places (topic, partition, topic_id, next_offset)
SELECT %s, p.partition, %s, p.first FROM unnest(%s::integer[], %s::bigint[]) AS p(partition, first)
ON CONFLICT DO NOTHING
"""
_ALL = "SELECT partition, topic_id, next_offset FROM usage.places WHERE topic = %s"
_KEPT = """
SELECT partition, topic_id, next_offset FROM usage.places
WHERE topic = %s AND partition = ANY (%s) ORDER BY partition FOR UPDATE
"""
_BEGIN_AGAIN = """
UPDATE usage.places SET topic_id = %s, next_offset = %s, moved_at = now()
WHERE topic = %s AND partition = %s
"""
_MOVE = """
WITH moved AS (
    UPDATE usage.places k SET next_offset = m.after, moved_at = now()
    FROM unnest(%b::integer[], %b::bigint[], %b::bigint[]) AS m(partition, before, after)
    WHERE k.topic = %s AND k.topic_id = %s AND k.partition = m.partition
        AND k.next_offset = m.before
    RETURNING 1
) SELECT count(*) FROM moved
"""
_COUNT = """
INSERT INTO usage.dead_letters AS d (topic, minute, letters)
VALUES (%s, date_trunc('minute', %s), %s)
ON CONFLICT (topic, minute) DO UPDATE SET letters = d.letters + EXCLUDED.letters
"""
_FORGET = "DELETE FROM usage.dead_letters WHERE topic = %s AND minute < %s"
_LETTERS = """
SELECT coalesce(sum(letters), 0)::bigint FROM usage.dead_letters
WHERE topic = %s AND minute > %s AND minute < %s
"""


class PlaceLost(Exception):
    """Somebody else has read on from where this reading began: nothing of it is booked."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a topic: by partition, from which offset on and up to which.

    `letters` of these messages became dead letters.
    """

    topic: str
    topic_id: UUID
    before: Mapping[int, int]
    after: Mapping[int, int]
    letters: int = 0


def place(kept: Kept, topic_id: UUID, begin: int, end: int) -> tuple[int, str | None]:
    """Where to go on, and what happened if that is not where the last reading ended.

    Whatever is there and may not have been read is read: what is booked already is known.
    """
    known_id, offset = kept
    if known_id != topic_id:
        return begin, "the topic was made again"
    if offset < begin:
        return begin, f"{begin - offset} messages were removed before they were read"
    if offset > end:
        return begin, f"the topic ends at {end} and was read up to {offset}: it has lost messages"
    return offset, None


class Places:
    """The places of one topic, and how many dead letters it had."""

    def __init__(self, pool: AsyncConnectionPool[Any], topic: str) -> None:
        self._pool, self._topic = pool, topic

    async def kept(self) -> dict[int, Kept]:
        """All of them, by partition."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_ALL, (self._topic,))
            return {partition: (*kept,) for partition, *kept in await cursor.fetchall()}

    async def begin(self, extent: Extent, before: Mapping[int, Kept]) -> dict[int, int]:
        """From where to read each of the partitions; the first reading begins with the topic.

        `before` are the places as they were kept before the extent was asked for. Raises PlaceLost
        where one of them has moved since, and does not fit the extent: that is out of date then.
        """
        partitions = list(extent.begins)
        firsts = list(extent.begins.values())
        async with self._pool.connection() as conn, conn.transaction():
            await conn.execute(_BEGIN, (self._topic, extent.topic_id, partitions, firsts))
            cursor = await conn.execute(_KEPT, (self._topic, partitions))
            places = {}
            for partition, *kept in await cursor.fetchall():
                moved = before.get(partition) != (*kept,)
                places[partition] = await self._begin_one(
                    conn, partition, (*kept,), extent, moved=moved
                )
        return places

    async def _begin_one(
        self,
        conn: psycopg.AsyncConnection[Any],
        partition: int,
        kept: Kept,
        extent: Extent,
        *,
        moved: bool,
    ) -> int:
        bounds = extent.begins[partition], extent.ends[partition]
        offset, happened = place(kept, extent.topic_id, *bounds)
        if happened is not None:
            if moved:
                raise PlaceLost("another consumer has read on since the topic was asked")
            where = {"topic": self._topic, "partition": partition, "offset": offset}
            log.warning("a partition is read from its beginning", reason=happened, **where)
            told = (extent.topic_id, offset, self._topic, partition)
            await conn.execute(_BEGIN_AGAIN, told)
        return offset

    async def letters_before(self, now: datetime) -> int:
        """How many messages became dead letters within the hour before."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_LETTERS, (self._topic, now - HOUR, now + APART))
            row = await cursor.fetchone()
        return 0 if row is None else int(row[0])


async def move(conn: psycopg.AsyncConnection[Any], reading: Reading, now: datetime) -> None:
    """Go on behind what was read, in the transaction of `conn`. Raises PlaceLost."""
    columns = zip(*((p, reading.before[p], to) for p, to in reading.after.items()), strict=True)
    where = (reading.topic, reading.topic_id)
    cursor = await conn.execute(_MOVE, (*map(list, columns), *where))
    if await cursor.fetchone() != (len(reading.after),):
        raise PlaceLost("another consumer has read on from here")
    if reading.letters:
        await conn.execute(_COUNT, (reading.topic, now, reading.letters))
        await conn.execute(_FORGET, (reading.topic, now - 2 * HOUR))
