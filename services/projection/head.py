"""The head of the event store: how far answers must reach to hold all that was acknowledged."""

import asyncio
from uuid import UUID

import psycopg

from services.database.connections import Pool

_QUERY = """
SELECT coalesce(max(notification_id), 0), (SELECT epoch FROM events.store)
FROM events.stored_events
"""


class HeadUnavailable(Exception):
    """The event database did not tell its head: no answer could be known to be fresh."""


class Head:
    """Asks for the head, once for everybody who is waiting.

    Whoever calls joins the *next* query, never the one under way: that one may have been
    answered before an append which the caller has to see.
    """

    def __init__(self, events_pool: Pool, *, deadline_seconds: float = 1.0) -> None:
        self._pool = events_pool
        self._deadline = deadline_seconds
        self._next: asyncio.Future[int] | None = None
        self._asking: asyncio.Task[None] | None = None
        self.epoch: UUID | None = None
        """The store's epoch as the last answered query found it; None before the first."""

    async def read(self) -> int:
        """The position of the last event committed before now; raises HeadUnavailable."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        joined = self._next
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(joined)

    async def _ask(self) -> None:
        while self._next is not None:
            waiting, self._next = self._next, None
            try:
                waiting.set_result(await self._query())
            except (psycopg.Error, TimeoutError) as error:
                unavailable = HeadUnavailable(f"the event database did not tell its head: {error}")
                waiting.set_exception(unavailable)
                waiting.exception()
        self._asking = None

    async def _query(self) -> int:
        async with asyncio.timeout(self._deadline), self._pool.connection() as connection:
            cursor = await connection.execute(_QUERY, prepare=True)
            row = await cursor.fetchone()
        if row is None or row[1] is None:
            raise psycopg.DataError("events.store holds no epoch")
        head, self.epoch = int(row[0]), row[1]
        return head
