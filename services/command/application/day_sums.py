"""Sums of the ledger by series and UTC day, made beside the booking and not within it.

Reports read them first and add the records that came after (decision 010): nothing is ever missing
from a report, and nothing has to be in time here. In one transaction with the records the sums
would cost a tenth of what is booked in a second; a while later, many records are one row.
"""

import asyncio
from typing import Any

import psycopg
import psycopg_pool
import structlog
from psycopg_pool import AsyncConnectionPool

from services.database.background import Background

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
FEWEST, MOST = 5_000, 50_000
"""Records that have to wait before it is worth while, and records in one transaction."""

_WAITING = """
SELECT (SELECT coalesce(max(position), 0) FROM usage.batches) - position FROM usage.days_summed
"""
_SUM = "SELECT usage.sum_days(%s, %s)"


class DaySums(Background):
    """Looks once a second whether enough records wait; any number of processes may."""

    task_name = "day sums"

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def _run(self) -> None:
        while True:
            try:
                await self.work_off()
            except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
                log.warning("day sums wait", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def work_off(self, fewest: int = FEWEST, most: int = MOST) -> None:
        """Sum until fewer than `fewest` records wait; while fewer do, nothing is written."""
        async with self._pool.connection() as conn:
            [left] = await (await conn.execute(_WAITING)).fetchone() or [0]
        while left >= max(fewest, 1):
            async with self._pool.connection() as conn:
                cursor = await conn.execute(_SUM, (fewest, most))
                [left] = await cursor.fetchone() or [0]
