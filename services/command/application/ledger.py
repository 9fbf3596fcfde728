"""The writer of the ledger: one per process, which books everything that waits in one commit.

Whatever is sent twice is booked once, by source and id (decision 010). So after a lost connection
the same lines are simply sent again: if they were booked, they find themselves known.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

from services import metrics
from services.command.application.booking import Booking, Report
from services.command.application.commit import LOST
from services.command.application.ledger_page import Entry
from services.command.application.ledger_store import LedgerStore
from services.command.application.requests import Unavailable

log = structlog.get_logger(__name__)

AT_ONCE = 10_000
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5


@dataclass(slots=True, eq=False)
class _Submission:
    entries: Sequence[Entry]
    deadline: float
    future: asyncio.Future[Report]
    sent_by: str = field(default_factory=lambda: get_contextvars().get("correlation_id", ""))


class Ledger:
    """A bounded queue of submissions and the task that books them."""

    def __init__(
        self,
        store: LedgerStore,
        *,
        deadline: float = 8.0,
        queue_size: int = 10 * AT_ONCE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._booking = Booking(store, clock)
        self._deadline, self._queue_size = deadline, queue_size
        self._queue: deque[_Submission] = deque()
        self._waiting = 0
        self._work = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        metrics.USAGE_WAITING.set_function(lambda: self._waiting)
        self._task = asyncio.create_task(self._run(), name="ledger")

    async def stop(self) -> None:
        """Refuse new work and book what waits."""
        self._stopping = True
        self._work.set()
        if self._task is not None:
            await self._task

    async def book(self, entries: Sequence[Entry]) -> Report:
        """Book what is new; returns after the commit.

        Raises Unavailable when too much is waiting already or the database does not answer in
        time; whoever sends the same again then loses and doubles nothing.
        """
        if self._stopping or self._waiting + len(entries) > self._queue_size:
            raise Unavailable("too many records are waiting", "not executed")
        future: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        self._queue.append(_Submission(entries, time.monotonic() + self._deadline, future))
        self._waiting += len(entries)
        self._work.set()
        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.shield(future)
        except TimeoutError:
            future.cancel()
            raise Unavailable("the ledger did not answer in time", "unknown") from None

    async def _run(self) -> None:
        while self._queue or not self._stopping:
            if not self._queue:
                self._work.clear()
                await self._work.wait()
                continue
            batch = self._take()
            with bound_contextvars(correlation_ids=[each.sent_by for each in batch]):
                await self._try_to_settle(batch)

    async def _try_to_settle(self, batch: Sequence[_Submission]) -> None:
        try:
            await self._settle(batch)
        except Unavailable as error:
            _fail(batch, error)
        except Exception:
            log.exception("usage could not be booked")
            _fail(batch, Unavailable("usage could not be booked", "unknown"))

    def _take(self) -> list[_Submission]:
        batch = [self._queue.popleft()]
        size = len(batch[0].entries)
        while self._queue and size + len(self._queue[0].entries) <= AT_ONCE:
            batch.append(self._queue.popleft())
            size += len(batch[-1].entries)
        self._waiting -= size
        return [submission for submission in batch if not submission.future.done()]

    async def _settle(self, batch: Sequence[_Submission]) -> None:
        entries = [entry for submission in batch for entry in submission.entries]
        deadline = max((submission.deadline for submission in batch), default=0.0)
        report = await self._persist(entries, deadline) if entries else Report((), 0)
        outcomes = iter(report.outcomes)
        for submission in batch:
            own = [next(outcomes) for _ in submission.entries]
            if not submission.future.done():
                submission.future.set_result(Report(own, report.position))

    async def _persist(self, entries: Sequence[Entry], deadline: float) -> Report:
        """Try until it is settled; what a lost attempt booked is a duplicate in the next one."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), FIRST_PAUSE)):
                    return await self._booking.book(entries)
            except LOST as error:
                log.warning("booking interrupted", error=type(error).__name__)
            if time.monotonic() + pause >= deadline:
                raise Unavailable("the ledger cannot be reached", "unknown")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def _fail(batch: Sequence[_Submission], error: Exception) -> None:
    for submission in batch:
        if not submission.future.done():
            submission.future.set_exception(error)
