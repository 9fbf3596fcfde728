"""Committing a batch, whatever happens to the connection meanwhile.

The usual case is one round trip: append at the head the batch was decided on. Otherwise the lock
is taken, the news folded, the batch decided again and appended before the lock is let go. After a
connection was lost the outcome is settled under the lock by looking for the batch's own event;
a statement still queued in a dead session then fails its head check, so it can do no harm.

Each append expects not only the head but the very event there and the store's epoch: on another
log, however long, nothing is written.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence

import psycopg
import psycopg_pool
import structlog

from events.envelope import Envelope
from services import metrics, tracing
from services.command.application.cache import Cache
from services.command.application.plan import Plan, Planner
from services.command.application.requests import Request, StoreReplaced, Unavailable
from services.command.application.store import EventStore, LogHead, Outcome

log = structlog.get_logger(__name__)

MAX_NEWS = 5_000
LOST = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg_pool.PoolTimeout,
    TimeoutError,
)


class Committer:
    """Carries batches to the store and the cache along with them."""

    def __init__(
        self,
        store: EventStore,
        cache: Cache,
        on_commit: Callable[[Sequence[Envelope]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._cache = cache
        self._planner = Planner(store, cache)
        self._on_commit = on_commit
        self._contended = False
        self._estranged = False

    async def commit(self, requests: Sequence[Request]) -> Plan:
        """Decide and store; returns once it is settled.

        Raises Unavailable at the deadline, and at once where the disk of the store is full;
        StoreReplaced, whatever is sent from then on.
        """
        deadline = max(request.deadline for request in requests)
        doubtful: Plan | None = None
        pause = 0.005
        while True:
            attempt = _Attempt(doubtful)
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.05)):
                    return await self._attempt(requests, attempt)
            except psycopg.errors.DiskFull as full:
                log.warning("append refused", error=full.diag.message_primary)
                raise _given_up("the event database has no room left", doubtful) from full
            except LOST as error:
                log.warning("append interrupted", error=type(error).__name__)
                metrics.INTERRUPTIONS.inc()
                doubtful = attempt.plan
                self._estranged = True
                await self._store.discard_writer()
            if time.monotonic() + pause >= deadline:
                raise _given_up("the event database cannot be reached", doubtful)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5) * random.uniform(0.8, 1.2)  # noqa: S311

    async def _attempt(self, requests: Sequence[Request], attempt: "_Attempt") -> Plan:
        if attempt.plan is None and not (self._contended or self._estranged):
            plan = await self._planner.plan(requests)
            if await self._optimistic(plan, attempt):
                return self._settled(plan)
            metrics.CONFLICTS.inc()
        self._contended = False
        return self._settled(await self._under_lock(requests, attempt))

    async def _optimistic(self, plan: Plan, attempt: "_Attempt") -> bool:
        if not plan.batch.writes:
            return await self._store.stands_at(self._cache.mark)
        attempt.plan = plan
        outcome = await self._append(plan)
        if outcome != "appended":
            attempt.plan = None
        return outcome == "appended"

    async def _under_lock(self, requests: Sequence[Request], attempt: "_Attempt") -> Plan:
        while True:
            async with self._store.locked() as head:
                doubtful = attempt.plan
                if doubtful is not None and await self._resolved(doubtful, head.position):
                    return doubtful
                attempt.plan = None
                news = await self._news(head)
                if self._estranged:
                    await self._begin_afresh()
                    news = []
                if not self._far_from(head):
                    self._contended = head.position != self._cache.head
                    self._cache.follow(news)
                    plan = await self._planner.plan(requests)
                    if not plan.batch.writes:
                        return plan
                    attempt.plan = plan
                    outcome = await self._append(plan)
                    if outcome == "appended":
                        return plan
                    attempt.plan = None
            if self._far_from(head):
                await self._begin_afresh()

    async def _append(self, plan: Plan) -> Outcome:
        began = tracing.now()
        outcome, _ = await self._store.append(plan.batch)
        plan.appended = began, tracing.now()
        return outcome

    async def _resolved(self, doubtful: Plan, head: int) -> bool:
        """Under the lock: whether the batch is in the store, or could still be put there."""
        if doubtful.batch.rows and await self._store.holds(doubtful.batch):
            return True
        if head != doubtful.batch.expected_head:
            return False
        outcome = await self._append(doubtful)
        return outcome == "appended"

    async def start(self) -> None:
        """Take the store as it is: it is this one that is followed from now on."""
        self._cache.epoch = await self._store.epoch()
        await self._begin_afresh()

    def _far_from(self, head: LogHead) -> bool:
        return head.position - self._cache.head > MAX_NEWS

    async def _news(self, head: LogHead) -> list[Envelope]:
        """What others appended behind the cache, unless that is to be begun afresh.

        Raises StoreReplaced unless the store still is the one the cache was made from.
        """
        mark = self._cache.mark
        if head.epoch != mark.epoch:
            raise StoreReplaced(f"the store has a new epoch, {head.epoch}, instead of {mark.epoch}")
        wanted = 0 if self._estranged or self._far_from(head) else MAX_NEWS
        if not mark.position:
            return await self._store.news(0, wanted)
        news = await self._store.news(mark.position - 1, 1 + wanted)
        found = news[0].event_id if news else None
        if found != mark.event_id:
            raise StoreReplaced(
                f"at position {mark.position} the store holds event {found}, not {mark.event_id}"
            )
        return news[1:]

    async def _begin_afresh(self) -> None:
        """Jump to the head without following every fact."""
        self._cache.restart(await self._store.newest())
        self._cache.forgotten_at = await self._store.forgotten_at()
        self._estranged = False

    def _settled(self, plan: Plan) -> Plan:
        rows = plan.batch.rows
        if rows:
            self._cache.stand_at(rows[-1].envelope)
        view, envelopes = plan.view, [row.envelope for row in rows]
        self._cache.take_over(
            view.changed, view.whole_sets, view.link_changes, envelopes, view.rosters
        )
        self._cache.trim()
        if rows:
            self._on_commit(envelopes)
        return plan


def _given_up(reason: str, doubtful: Plan | None) -> Unavailable:
    return Unavailable(reason, "not executed" if doubtful is None else "unknown")


class _Attempt:
    """Remembers the plan whose fate is open while it is being written."""

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
