"""The security log: refused calls of privileged routes, in a ring that a flood cannot fill quickly.

Refusals are counted in memory and written once a second, beside the requests: a row tells of all
calls of one minute that were refused alike. Of wrong keys only the first few of a minute are told
apart. Who refuses waits for nothing, and where nothing can be written, requests go on.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import psycopg_pool
import structlog
import uuid_utils
from psycopg_pool import AsyncConnectionPool

from services.database.background import Background

log = structlog.get_logger(__name__)

WRITE_SECONDS, WINDOW_SECONDS, TRIM_SECONDS = 1.0, 60, 3_600
MOST_ROWS, MOST_WRONG_KEYS = 1_000, 10
"""Of one process in one minute; wrong keys beyond that are told together, by route."""

KEY_DIGITS = 16
_WRITE = """
INSERT INTO ops.security_log AS l
    (id, first_at, last_at, method, route, status, reason, key, correlation_id, times)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[],
    %s::smallint[], %s::text[], %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (id) DO UPDATE SET last_at = EXCLUDED.last_at, times = EXCLUDED.times,
    correlation_id = EXCLUDED.correlation_id
"""
_TRIM = """
DELETE FROM ops.security_log
WHERE last_at < now() - make_interval(days => %s) OR id <= (
    SELECT id FROM ops.security_log ORDER BY id DESC OFFSET %s LIMIT 1
)
"""
_PAGE = """
SELECT id, first_at, last_at, method, route, status, reason, key, correlation_id, times
FROM ops.security_log
WHERE (%(after)s::uuid IS NULL OR id < %(after)s) AND (%(key)s::text IS NULL OR key = %(key)s)
ORDER BY id DESC LIMIT %(limit)s
"""


class Refused(NamedTuple):
    """How a call was refused: calls that agree in this are told together.

    `route` is its template, `reason` the type of the error, `key` the beginning of a hash.
    """

    method: str
    route: str
    status: int
    reason: str | None
    key: str | None


@dataclass(slots=True)
class Row:
    """Calls of one minute that were refused alike, `times` of them; the id is of the last one."""

    id: UUID
    first_at: datetime
    last_at: datetime
    refused: Refused
    correlation_id: str
    times: int


class SecurityLog(Background):
    """Keeps at most `most` rows, none longer than `days`; any number of processes write to it."""

    task_name = "security log"

    def __init__(self, pool: AsyncConnectionPool[Any], *, most: int, days: int) -> None:
        self._pool = pool
        self._most, self._days = most, days
        self._window, self._rows = 0, dict[Refused, Row]()
        self._waiting = dict[UUID, Row]()
        self._wrong_keys = 0
        self._trim_at = 0.0

    @property
    def waiting(self) -> list[Row]:
        """What has still to be written."""
        return list(self._waiting.values())

    def note(self, refused: Refused, correlation_id: str, *, wrong_key: bool) -> None:
        """Count a refused call; returns at once, and never raises."""
        self._turn(int(time.monotonic() // WINDOW_SECONDS))
        if wrong_key and refused not in self._rows:
            self._wrong_keys += 1
            if self._wrong_keys > MOST_WRONG_KEYS:
                refused = refused._replace(key=None)
        row = self._rows.get(refused)
        now = datetime.now(UTC)
        if row is None:
            if len(self._rows) >= MOST_ROWS:
                return
            identity = UUID(str(uuid_utils.uuid7()))
            row = self._rows[refused] = Row(identity, now, now, refused, correlation_id, 0)
        row.last_at, row.correlation_id, row.times = now, correlation_id, row.times + 1
        if len(self._waiting) < MOST_ROWS:
            self._waiting[row.id] = row

    async def stop(self) -> None:
        """Write what is left, and end."""
        await super().stop()
        await self._try_to_write()

    async def write(self) -> None:
        """Write what was counted, and take away what is too much or too old.

        That grows old while nothing is refused, too: once an hour it is looked for in any case.
        """
        rows, self._waiting = list(self._waiting.values()), {}
        if not rows and time.monotonic() < self._trim_at:
            return
        try:
            async with self._pool.connection() as conn:
                if rows:
                    await conn.execute(_WRITE, _columns(rows))
                await conn.execute(_TRIM, (self._days, self._most))
        except BaseException:
            self._waiting = {row.id: row for row in rows} | self._waiting
            raise
        self._trim_at = time.monotonic() + TRIM_SECONDS

    async def page(self, key: str | None, after: UUID | None, limit: int) -> list[Row]:
        """Rows, the newest first; those of this process are written before."""
        await self.write()
        async with self._pool.connection() as conn:
            asked = {"key": key, "after": after, "limit": limit}
            found = await (await conn.execute(_PAGE, asked)).fetchall()
        return [
            Row(identity, first, last, Refused(*how), correlation_id, times)
            for identity, first, last, *how, correlation_id, times in found
        ]

    def _turn(self, window: int) -> None:
        if window != self._window:
            self._window, self._rows, self._wrong_keys = window, {}, 0

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self._try_to_write()

    async def _try_to_write(self) -> None:
        try:
            await self.write()
        except (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
            log.warning("the security log waits", error=type(error).__name__)


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    """The parameters of _WRITE."""
    return [
        [row.id for row in rows],
        [row.first_at for row in rows],
        [row.last_at for row in rows],
        *([row.refused[place] for row in rows] for place in range(len(Refused._fields))),
        [row.correlation_id for row in rows],
        [row.times for row in rows],
    ]
