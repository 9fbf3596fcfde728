"""Which streams have changed, and up to where that is known: what was read before may be stale.

Every process follows the log by itself, by names of streams only. It does so when it is asked: who
waits joins the next query, never one under way.
"""

from services.database.connections import Pool
from services.database.turns import Turns

MOST_NEWS = 10_000
KEPT = 100_000
_NEWS = """
SELECT notification_id, originator_id FROM events.stored_events
WHERE notification_id > %b ORDER BY notification_id
"""


class Changes:
    """Last positions of streams, the latest to change; from `floor` on none is missing."""

    def __init__(self, events_pool: Pool, kept: int = KEPT) -> None:
        self.position = self.floor = -1
        self._pool = events_pool
        self._kept = kept
        self._last: dict[str, int] = {}
        self._head = 0
        self._turns = Turns(self._follow)

    async def reach(self, head: int) -> None:
        """Return once everything up to `head` is known.

        Raises psycopg's errors for a database that cannot be asked.
        """
        while self.position < head:
            self._head = max(self._head, head)
            await self._turns.next()

    def unchanged(self, streams: tuple[str, ...], since: int) -> bool:
        """Whether nothing happened to any of these streams after a position, as far as is known."""
        return since >= self.floor and all(self._last.get(name, 0) <= since for name in streams)

    async def _follow(self) -> None:
        if self.position < 0 or self._head - self.position > MOST_NEWS:
            self._begin(self._head)
            return
        async with self._pool.connection() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(_NEWS, (self.position,), prepare=True)
            news = await cursor.fetchall()
        for position, stream in news:
            self._last.pop(stream, None)
            self._last[stream] = self.position = position
        while len(self._last) > self._kept:
            self.floor = self._last.pop(next(iter(self._last)))

    def _begin(self, position: int) -> None:
        self._last.clear()
        self.position = self.floor = position
