"""Asks how everything stands, once for all who want to know within a second."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from services.database.connections import Pool
from services.database.turns import Turns
from services.operation.standing import Lag, Rebuilt, Standing, groups_of, log_of

FRESH_SECONDS = 1.0
LONGEST_SECONDS = 2.0
_UNANSWERED = (psycopg.Error, PoolTimeout, PoolClosed, TimeoutError)


class Survey:
    """`reads` leads to the read models of these `groups`, None where the process keeps none.

    However many scrapers and probes there are, the databases are asked once a second at most.
    """

    def __init__(self, events: Pool, reads: Pool | None = None, groups: Sequence[str] = ()) -> None:
        self._events, self._reads = events, reads
        self._at_the_beginning = dict.fromkeys(groups, 0)
        self._turns = Turns(self._ask)
        self._found = Standing(None, None)
        self._found_at = float("-inf")

    @property
    def latest(self) -> Standing:
        """What was found last; nothing before the first `taken`."""
        return self._found

    async def taken(self, fresh: float = FRESH_SECONDS) -> Standing:
        """How everything stands, not older than so many seconds. Never raises for a database."""
        if time.monotonic() - self._found_at > fresh:
            await self._turns.next()
        return self._found

    async def _ask(self) -> None:
        read = await self._read_models()
        positions, rebuilt = read or ({}, None)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                log, groups = await log_of(self._events, positions)
        except _UNANSWERED:
            log, groups = None, {name: Lag(position) for name, position in positions.items()}
        self._found = Standing(log, None if read is None else groups, rebuilt)
        self._found_at = time.monotonic()

    async def _read_models(self) -> tuple[Mapping[str, int], Rebuilt | None] | None:
        if self._reads is None:
            return {}, None
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                positions, rebuilt = await groups_of(self._reads)
        except _UNANSWERED:
            return None
        return {**self._at_the_beginning, **positions}, rebuilt
