"""A feed from Kafka, with the log behind it for what the topic does not bring."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from events.envelope import Envelope, decode
from events.messages import Received
from services import metrics
from services.broker.cluster import Cluster
from services.projection.feed import Feed
from services.projection.feed.reader import Reader
from services.projection.feed.run import Run
from services.projection.head import Head
from services.projection.projector import FactFailed

PATIENCE_SECONDS = 0.5
STEP_SECONDS = 0.1
LOOK_SECONDS = 1.0
CLOSE_SECONDS = 10.0
_SLICE = 200

log = logging.getLogger(__name__)


class KafkaFeed:
    """Events of the store's epoch as a relay publishes them.

    What lies before the topic's first record, or is missing in it, is read from `store`; so is what
    the topic has not brought `patience` seconds after it was known to be there (an outage of relay
    or brokers), until it brings something again. Positions tell where both meet, so nothing is
    skipped or given twice. `from_topic` and `from_store` count what was given.
    """

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        store: Feed,
        head: Head,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._store = store
        self._head = head
        self._patience = patience
        self._run = Run()
        self._reader = Reader(cluster, topic, self._run, self._arrived)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._silent, self._silent_after = False, 0
        self._level = logging.INFO
        self._behind_since: float | None = None
        self._looked = 0.0
        self.from_topic = 0
        self.from_store = 0

    async def after(
        self, position: int, limit: int = 2_000, *, event_id: str | None = None
    ) -> list[Envelope]:
        if self._head.epoch is None:
            await self._head.read()
        if self._head.epoch is not None:
            self._reader.begin(position, self._head.epoch)
        if taken := self._run.take(position, limit):
            self._tell_silent(silent=False)
            self.from_topic += len(taken)
            metrics.FED.labels("topic").inc(len(taken))
            return await _decoded(taken)
        missing = self._run.missing_after(position)
        if not (missing or self._is_silent(position)):
            return []
        if missing and await self._head.read() <= position + missing:
            self._run.restart(position)  # what it promises is not in the log: no relay sent it
            return []
        upto = min(limit, missing or limit)
        page = await self._store.after(position, upto, event_id=event_id)
        self.from_store += len(page)
        metrics.FED.labels("log").inc(len(page))
        return page

    async def wait(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109
        deadline = self._loop.time() + timeout
        while not self._run.ready(position):
            left = deadline - self._loop.time()
            if left <= 0:
                return False
            if self._is_silent(position):
                return await self._either(position, left)
            if await self._overdue(position):
                self._tell_silent(silent=True)
                return True
            await self._next_news(min(left, STEP_SECONDS))
        return True

    async def event_id(self, position: int) -> str | None:
        return await self._store.event_id(position)

    async def close(self) -> None:
        """Stop reading the topic; the store's feed is its owner's to close."""
        await asyncio.to_thread(self._reader.close, CLOSE_SECONDS)

    async def _either(self, position: int, seconds: float) -> bool:
        """Whether topic or log may have something behind the position."""
        news = asyncio.ensure_future(self._next_news(seconds))
        stored = asyncio.ensure_future(self._store.wait(position, seconds))
        try:
            await asyncio.wait({news, stored}, return_when=asyncio.FIRST_COMPLETED)
            return self._run.ready(position) or (stored.done() and stored.result())
        finally:
            news.cancel()
            stored.cancel()
            await asyncio.gather(news, stored, return_exceptions=True)

    async def _overdue(self, position: int) -> bool:
        now = self._loop.time()
        if self._head.seen <= position and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            await self._head.read()
        if self._head.seen <= position:
            self._behind_since = None
            return False
        self._behind_since = self._behind_since or now
        return now - self._behind_since >= self._patience

    def _is_silent(self, position: int) -> bool:
        """Until the topic has come to where the rows are; the log itself is always faster."""
        if self._silent and self._run.last >= max(position, self._silent_after + 1):
            self._tell_silent(silent=False)
        return self._silent

    def _tell_silent(self, *, silent: bool) -> None:
        self._behind_since = None
        if silent and not self._silent:
            self._level = logging.WARNING if self._reader.reading else logging.INFO
            log.log(self._level, "the topic brings nothing, the log is read instead")
        elif self._silent and not silent:
            log.log(self._level, "the topic brings events again")
        self._silent, self._silent_after = silent, self._run.last

    def _arrived(self) -> None:
        """Called by the reader's thread."""
        with suppress(RuntimeError):  # the loop has ended before the thread
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _next_news(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()


async def _decoded(taken: Sequence[Received]) -> list[Envelope]:
    """Raises FactFailed; requests of this process are served in between."""
    envelopes = []
    for start in range(0, len(taken), _SLICE):
        envelopes += [_one(record) for record in taken[start : start + _SLICE]]
        await asyncio.sleep(0)
    return envelopes


def _one(record: Received) -> Envelope:
    row = record.stored
    try:
        return decode(row.stream, row.version, row.position, row.name, row.state)
    except Exception as error:
        raise FactFailed("the topic", row.name, row.position, error) from error
