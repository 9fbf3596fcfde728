"""A feed straight from the event store: pages of its table, woken by its notifications."""

import asyncio
import logging
from collections.abc import Sequence

import psycopg

from events.envelope import Envelope, decode
from services.database.connections import Pool
from services.projection.feed import FeedBroken
from services.projection.feed.handover import HandOver, command_boundary
from services.projection.progress import recognise
from services.projection.projector import FactFailed

PAGE_BYTES = 8 * 1024 * 1024
"""A page of large events is shorter: it must be decoded and folded within a second or so."""

_COLUMNS = "originator_id, originator_version, notification_id, topic, state"
_PAGE = f"""
SELECT {_COLUMNS} FROM (
    SELECT *, sum(octet_length(state)) OVER (ORDER BY notification_id ROWS UNBOUNDED PRECEDING)
        - octet_length(state) AS bytes_before
    FROM events.stored_events WHERE notification_id >= %s ORDER BY notification_id LIMIT %s
) page WHERE bytes_before < {PAGE_BYTES} ORDER BY notification_id
"""  # noqa: S608
_AT = f"SELECT {_COLUMNS} FROM events.stored_events WHERE notification_id = %s"  # noqa: S608
_HEAD = "SELECT coalesce(max(notification_id), 0) FROM events.stored_events"
_SLICE = 200
Row = tuple[str, int, int, str, bytes]

log = logging.getLogger(__name__)


class StoreFeed:
    """Tails `events.stored_events`. Close it at the end: it listens on a connection of its own.

    An embedded writer calls `offer` after each commit, which saves reading and decoding. However
    many wait, the end of the log is looked up once in `look_seconds` at most.
    """

    def __init__(
        self,
        events_pool: Pool,
        conninfo: str,
        *,
        look_seconds: float = 1.0,
        capacity: int = 5_000,
    ) -> None:
        self._pool = events_pool
        self._conninfo = conninfo
        self._look_seconds = look_seconds
        self._handover = HandOver(capacity)
        self._seen = 0
        self._looked = float("-inf")
        self._news = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    def offer(self, envelopes: Sequence[Envelope]) -> None:
        """Hand over envelopes that have just been committed, whole commands in store order."""
        if envelopes:
            self._handover.offer(envelopes)
            self._saw(envelopes[-1].position)

    async def after(
        self, position: int, limit: int = 2_000, *, event_id: str | None = None
    ) -> list[Envelope]:
        if handed := self._handover.after(position, limit):
            return handed
        page = await self._page(position, limit, event_id)
        while page and not (end := command_boundary(page, limit)):
            rest = await self._page(page[-1].position, limit, page[-1].event_id)
            if not rest:
                raise FeedBroken(f"the command at position {page[0].position} has no end")
            page += rest
        return page[:end] if page else []

    async def wait(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        deadline = asyncio.get_running_loop().time() + timeout
        while self._seen <= position:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await self._next_news(min(left, self._look_seconds))
        return True

    async def event_id(self, position: int) -> str | None:
        async with self._pool.connection() as connection:
            cursor = await connection.cursor(binary=True).execute(_AT, (position,))
            row = await cursor.fetchone()
        return None if row is None else decode_row(row).event_id

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    async def _page(self, position: int, limit: int, event_id: str | None) -> list[Envelope]:
        """The next rows. With an `event_id` the one before them is read too, and recognised."""
        seen, known = self._seen, event_id is not None
        parameters = (position, limit + 1) if known else (position + 1, limit)
        async with self._pool.connection() as connection:
            cursor = await connection.cursor(binary=True).execute(_PAGE, parameters)
            rows: list[Row] = await cursor.fetchall()
        if known:
            before = rows.pop(0) if rows and rows[0][2] == position else None
            recognise(position, event_id, before and decode_row(before).event_id)
        if not rows and self._seen == seen:
            self._seen = position
        if rows and rows[-1][2] != position + len(rows):
            raise FeedBroken(f"positions are missing between {position} and {rows[-1][2]}")
        envelopes = []
        for start in range(0, len(rows), _SLICE):
            envelopes += [decode_row(row) for row in rows[start : start + _SLICE]]
            await asyncio.sleep(0)  # requests of this process are served in between
        return envelopes

    async def _next_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            if asyncio.get_running_loop().time() - self._looked >= self._look_seconds:
                await self._look()

    async def _look(self) -> None:
        self._looked = asyncio.get_running_loop().time()
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_HEAD)).fetchone()
        self._saw(row[0] if row else 0)

    def _saw(self, position: int) -> None:
        if position > self._seen:
            self._seen = position
            self._news.set()
            self._news = asyncio.Event()

    async def _listen(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    await connection.execute("LISTEN stored_events")
                    await self._look()  # whatever was appended before we listened
                    async for notice in connection.notifies():
                        self._saw(int(notice.payload) if notice.payload.isdecimal() else 0)
            except psycopg.Error as error:
                log.warning("not listening to the event store, looking instead: %s", error)
            except Exception:
                log.exception("not listening to the event store, looking instead")
            await asyncio.sleep(self._look_seconds)


def decode_row(row: Row) -> Envelope:
    """The fact in a row of the log; raises FactFailed."""
    stream, version, position, topic, state = row
    try:
        return decode(stream, version, position, topic, bytes(state))
    except Exception as error:
        raise FactFailed("the log", topic, position, error) from error
