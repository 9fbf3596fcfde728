"""The runner: keeps the tables of a group of projectors in step with the log.

A group has one position, saved in the transaction that writes the rows of all its projectors.
Every process runs every group; whoever gets the group's lock for one transaction applies the next
batch, so nobody has to be elected and nobody can be stuck as leader.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from services import metrics, tracing
from services.database.connections import Pool
from services.projection import progress
from services.projection.batches import Batch, Batches
from services.projection.feed import Feed, FeedBroken
from services.projection.head import Head, HeadUnavailable
from services.projection.progress import Progress, RebuildNeeded, recognise
from services.projection.projector import FactFailed, Projector
from services.projection.unswapped import erase
from services.tracing import Span, Value

TICK_SECONDS = 1.0
BUSY_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 5.0
CONNECTION_LOST = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    HeadUnavailable,
)

log = logging.getLogger(__name__)


class NotReached(Exception):
    """The group has not come to the position asked for: an answer from it would be stale."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    position: int
    reached: asyncio.Future[None]


class ProjectionGroup:
    """Projectors that move together. `run()` is the task; everything else may be called beside it.

    `failed` is the reason why the group has stopped for good, for readiness to show: a fact that
    cannot be folded, or a store that needs a rebuild. The rows written before stay as they are.
    `caught_up` tells whether it ever was at the head that was known then.
    """

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        projectors: Sequence[Projector],
        feed: Feed,
        read_pool: Pool,
        head: Head,
        *,
        linger_seconds: float = 0.05,
        page: int = 2_000,
    ) -> None:
        self.name = name
        self.projectors = projectors
        self.feed = feed
        self.head = head
        self.position = 0
        self.caught_up = False
        self.failed: str | None = None
        self._pool = read_pool
        self._linger_seconds = linger_seconds
        self._batches = Batches(feed, projectors, page)
        self._verified = False
        self._epoch: UUID | None = None
        self._at_once = True
        self._waiters: set[_Waiter] = set()
        self._demand = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    async def run(self) -> None:
        """Follow the log until `stop()` or a failure, which ends up in `failed`, not raised.

        Lost connections are neither: they are tried again, at most 5 seconds apart.
        """
        self._ended.clear()
        self._stopping.clear()
        self.failed = None
        metrics.PROJECTION_STOPPED.set_function(lambda: float(self.failed is not None))
        try:
            await self._follow()
        except (FactFailed, FeedBroken, RebuildNeeded) as error:
            self.failed = str(error)
        except psycopg.Error as error:  # its whole text may quote what stands in the rows
            self.failed = f"{type(error).__name__}: {error.diag.message_primary}"
        except Exception as error:
            log.exception("projections of group %s have stopped", self.name)
            self.failed = type(error).__name__
        finally:
            if self.failed is not None:
                log.error("projections of group %s have stopped: %s", self.name, self.failed)
            await self._batches.close()
            self._refuse(self.failed or "the group has stopped")
            self._ended.set()

    async def stop(self) -> None:
        """Finish the batch under way and end `run()`."""
        self._stopping.set()
        self._demand.set()
        await self._ended.wait()

    async def wait_for(self, position: int, timeout: float) -> None:  # noqa: ASYNC109
        """Return once everything up to `position` is in the tables.

        Raises NotReached after `timeout` seconds, and at once if the group has failed.
        """
        if position <= self.position:
            return
        if self.failed is not None:
            raise NotReached(self.failed)
        waiter = _Waiter(position, asyncio.get_running_loop().create_future())
        self._waiters.add(waiter)
        self._demand.set()
        try:
            async with asyncio.timeout(timeout):
                await waiter.reached
        except TimeoutError:
            at = f"asked for position {position}, the read models stand at {self.position}"
            raise NotReached(at) from None
        finally:
            self._waiters.discard(waiter)

    async def _follow(self) -> None:
        failures = 0
        self._verified, self._at_once = False, True
        while not self._stopping.is_set():
            try:
                await self._turn()
                failures = 0
            except CONNECTION_LOST as error:
                failures += 1
                metrics.PROJECTION_INTERRUPTIONS.inc()
                self._verified, self._at_once = False, True
                log.warning("projections of group %s wait for the database: %s", self.name, error)
                await _set_within(self._stopping, _pause_seconds(failures))

    async def _turn(self) -> None:
        if not self._at_once:
            await self._idle()
        self._demand.clear()
        if not self._stopping.is_set() and not await self._apply():
            # Somebody else applies: look again soon, sooner if anybody here waits for it.
            pause = BUSY_SECONDS if self._waiters else self._linger_seconds
            await _set_within(self._stopping, pause)

    async def _idle(self) -> None:
        """Wait for news, or for somebody who cannot wait; let a larger batch gather if nobody."""
        news = asyncio.ensure_future(self.feed.wait(self.position, TICK_SECONDS))
        demand = asyncio.ensure_future(self._demand.wait())
        try:
            await asyncio.wait({news, demand}, return_when=asyncio.FIRST_COMPLETED)
            if not news.done():  # soon it is here; or it came to somebody else, and is applied
                await asyncio.wait({news}, timeout=BUSY_SECONDS)
            elif news.result() and not self._waiters:
                await _set_within(self._demand, self._linger_seconds)
        finally:
            news.cancel()
            demand.cancel()
            await asyncio.gather(news, demand, return_exceptions=True)

    async def _apply(self) -> bool:
        """Apply the next batch, if there is one; False if somebody else is at it."""
        began = tracing.now()
        async with self._pool.connection() as connection, connection.transaction():
            cursor = connection.cursor()
            locked = await progress.try_lock(cursor, self.name)
            saved = await progress.load(cursor, self.name)
            await self._recognise(saved)
            batch = await self._batches.after(saved) if locked else None
            if batch is not None:
                self.head.saw(batch.last.position)
                with metrics.PROJECTION_SECONDS.time():
                    await batch.write(cursor)
                    await progress.save(cursor, self.name, Progress.at(batch.last, self._epoch))
                    if batch.forgotten:
                        await erase(cursor, batch.forgotten)
        self._batches.written()
        if batch is not None and tracing.active():
            self._trace(batch, began)
        self._at_once = not locked or (batch is not None and batch.full)
        if batch is not None:
            metrics.PROJECTED_BATCH.observe(batch.last.position - batch.after)
        self._moved(batch.last.position if batch else saved.position)
        return locked

    def _trace(self, batch: Batch, began: int) -> None:
        """In the trace of each command: it is in the read models."""
        told: dict[str, Value] = {
            "teamledger.group": self.name,
            "teamledger.position": batch.last.position,
            "teamledger.events": batch.last.position - batch.after,
        }
        span = Span(f"project {self.name}", "consumer", began, tracing.now(), attributes=told)
        tracing.followed(span, "consumer", batch.marks)

    async def _recognise(self, saved: Progress) -> None:
        """Raise RebuildNeeded when what was saved is of another store than the one that is there.

        Looks at the event itself once for each connection; whoever reads on compares it again.
        """
        if not self._verified:
            await self.head.read()
            await verify(saved, self.feed, self.head)
            self._verified, self._epoch = True, self.head.epoch
        self.head.check()
        _same_epoch(saved, self._epoch)

    def _moved(self, position: int) -> None:
        self.head.saw(position)
        self.position = position
        self.caught_up = self.caught_up or position >= self.head.seen
        for waiter in self._waiters:
            if waiter.position <= position and not waiter.reached.done():
                waiter.reached.set_result(None)

    def _refuse(self, reason: str) -> None:
        for waiter in self._waiters:
            if not waiter.reached.done():
                waiter.reached.set_exception(NotReached(reason))


async def verify(saved: Progress, feed: Feed, head: Head) -> None:
    """Raise RebuildNeeded unless the store is the one that was projected up to `saved`."""
    _same_epoch(saved, head.epoch)
    if saved.position:
        recognise(saved.position, saved.event_id, await feed.event_id(saved.position))


def _same_epoch(saved: Progress, epoch: UUID | None) -> None:
    if saved.position and saved.epoch != epoch:
        raise RebuildNeeded(f"the store has a new epoch, {epoch}, instead of {saved.epoch}")


def _pause_seconds(failures: int) -> float:
    return min(0.05 * (1 << min(failures, 10)), LONGEST_PAUSE_SECONDS)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
