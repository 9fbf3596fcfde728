"""Reservations: estimates that are held under budgets until usage names them, or they expire.

What waits is made in one transaction, each in its turn, under the ledger's lock. So calls that are
admitted at the same time, by whichever process, cannot spend more together than there is.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import structlog

from services.database.connections import Pool
from services.spend.budgets import Account
from services.spend.counters import Counted
from services.spend.following import MOST_NEWS, LedgerFollower, LedgerHeads
from services.spend.holds import EXACT

AT_ONCE = 250
ATTEMPTS = 5
TIDY_SECONDS = 5.0
CHANGES_KEPT = 100_000

_RESERVE = """
SELECT head, refused, spent_since, held_since FROM usage.reserve(
    %b::bigint, %b::bigint, %b::bigint, %b::timestamptz,
    %b::uuid[], %b::numeric[], %b::text[], %b::timestamptz[], %b::integer[], %b::bigint[],
    %b::integer[], %b::integer[], %b::bigint[], %b::numeric[], %b::numeric[],
    %b::integer[], %b::bigint[], %b::bigint[], %b::timestamptz[], %b::timestamptz[])
"""
_RELEASE = "SELECT usage.release(%b, %b::uuid[])"
_TIDY = "SELECT usage.tidy_reservations(%b, %b)"

log = structlog.get_logger(__name__)


class Overtaken(Exception):
    """The ledger moves faster than it can be followed; nothing was reserved."""


@dataclass(frozen=True, slots=True)
class Limit:
    """USD that may be spent and held: `base`, what is `counted`, and what `holder` holds."""

    holder: Account
    counted: tuple[Counted, ...]
    base: Decimal
    most: Decimal


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a gateway, `source`, wants to hold on all `holders` and has to fit all `limits`."""

    id: UUID
    amount: Decimal
    source: str
    expires_at: datetime
    holders: tuple[Account, ...]
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The limit, by its place, that a reservation did not fit; USD spent and held by then."""

    limit: int
    spent: Decimal
    held: Decimal


@dataclass(slots=True, eq=False)
class _Waiting:
    reservation: Reservation
    done: asyncio.Future[Refused | None]


class Reservations:
    """The queue of one process, and the task that works it off."""

    def __init__(
        self,
        pool: Pool,
        follower: LedgerFollower,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool, self._follower, self._clock = pool, follower, clock
        self._queue: deque[_Waiting] = deque()
        self._working: asyncio.Task[None] | None = None
        self._tidying: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._tidying = asyncio.create_task(self._tidy(), name="reservations")

    async def stop(self) -> None:
        """Finish what waits."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.wait([self._tidying])
        if self._working is not None:
            await self._working

    async def reserve(self, reservation: Reservation) -> Refused | None:
        """Why it was not made; None if it was.

        Raises Overtaken, or psycopg's errors: it may have been made then, and expires. Who waits no
        more before its turn has come has nothing held.
        """
        waiting = _Waiting(reservation, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name="reserving")
        try:
            return await asyncio.shield(waiting.done)
        except asyncio.CancelledError:
            waiting.done.cancel()
            raise

    async def release(self, source: str, reservation: UUID) -> bool:
        """End a reservation of a source; False if there is none, or none any more."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_RELEASE, (source, [reservation]), binary=True)
            return await cursor.fetchone() is not None

    async def _work(self) -> None:
        while batch := self._next_batch():
            try:
                refused = await self._settle([one.reservation for one in batch])
            except Exception as error:  # noqa: BLE001 - it is theirs who wait
                for one in _still(batch):
                    one.done.set_exception(error)
                    one.done.exception()
            else:
                for place, one in enumerate(batch, 1):
                    if not one.done.done():
                        one.done.set_result(refused.get(place))
        self._working = None

    def _next_batch(self) -> Sequence[_Waiting]:
        batch: list[_Waiting] = []
        while self._queue and len(batch) < AT_ONCE:
            batch += _still([self._queue.popleft()])
        return batch

    async def _settle(self, batch: Sequence[Reservation]) -> Mapping[int, Refused]:
        """The refused ones by their place from 1."""
        limits = [limit for one in batch for limit in one.limits]
        counted = {part for limit in limits for part in limit.counted}
        holders = {limit.holder for limit in limits}
        numbers = await self._follower.born(_accounts(batch, counted))
        for _ in range(ATTEMPTS):
            await self._follower.reach(LedgerHeads(), counted, holders)
            asked = _Asked(batch, self._follower, numbers)
            async with self._pool.connection() as connection, connection.cursor(binary=True) as cur:
                await cur.execute(_RESERVE, asked.parameters(self._clock()), prepare=True)
                row = await cur.fetchone()
            if row is not None and row[0] is not None:
                return asked.refused(*row[1:])
            await self._follower.refresh()
        raise Overtaken("the ledger moves faster than it can be followed")

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                async with self._pool.connection() as connection:
                    await connection.execute(_TIDY, (self._clock(), CHANGES_KEPT), binary=True)
            except psycopg.Error as error:
                log.warning("reservations were not tidied", error=type(error).__name__)


def _still(batch: Iterable[_Waiting]) -> Iterator[_Waiting]:
    return (one for one in batch if not one.done.done())


def _accounts(batch: Sequence[Reservation], counted: set[Counted]) -> Iterator[Account]:
    for one in batch:
        yield from one.holders
        yield from (limit.holder for limit in one.limits)
    for part in counted:
        yield Account(*part.span[:4])
        if part.model:
            yield Account("model", part.model, 0)


class _Asked:
    """A batch as `usage.reserve` takes it, with what is known when it is made."""

    def __init__(
        self,
        batch: Sequence[Reservation],
        follower: LedgerFollower,
        numbers: Mapping[Account, int],
    ) -> None:
        self._batch, self._numbers = batch, numbers
        self._heads = follower.heads
        self._checks = [
            (place, limit) for place, one in enumerate(batch, 1) for limit in one.limits
        ]
        self._spent = [EXACT.add(n.base, follower.spent(n.counted)) for _, n in self._checks]
        self._held = [follower.recorded(limit.holder) for _, limit in self._checks]

    def parameters(self, now: datetime) -> list[Any]:
        return [
            *self._heads,
            MOST_NEWS,
            now,
            *(list(column) for column in zip(*self._reservations(), strict=True)),
            *self._columns(2, self._holders()),
            *self._columns(5, self._limits()),
            *self._columns(5, self._parts()),
        ]

    def refused(
        self, failed: Sequence[int], spent: Sequence[Decimal], held: Sequence[Decimal]
    ) -> dict[int, Refused]:
        found: dict[int, Refused] = {}
        for check, more_spent, more_held in zip(failed, spent, held, strict=True):
            place, limit = self._checks[check - 1]
            found[place] = Refused(
                self._batch[place - 1].limits.index(limit),
                EXACT.add(self._spent[check - 1], more_spent),
                EXACT.add(self._held[check - 1], more_held),
            )
        return found

    @staticmethod
    def _columns(width: int, rows: Iterator[tuple[Any, ...]]) -> list[list[Any]]:
        columns = [list(column) for column in zip(*rows, strict=True)]
        return columns or [[] for _ in range(width)]

    def _reservations(self) -> Iterator[tuple[Any, ...]]:
        return ((one.id, one.amount, one.source, one.expires_at) for one in self._batch)

    def _holders(self) -> Iterator[tuple[Any, ...]]:
        for place, one in enumerate(self._batch, 1):
            for holder in one.holders:
                yield place, self._numbers[holder]

    def _limits(self) -> Iterator[tuple[Any, ...]]:
        slots: dict[Account, int] = {}
        for (place, limit), spent, held in zip(self._checks, self._spent, self._held, strict=True):
            slot = slots.setdefault(limit.holder, len(slots) + 1)
            holder = self._numbers[limit.holder]
            yield place, slot, holder, EXACT.add(spent, held), limit.most

    def _parts(self) -> Iterator[tuple[Any, ...]]:
        for check, (_, limit) in enumerate(self._checks, 1):
            for span, model in limit.counted:
                account = self._numbers[Account(*span[:4])]
                number = self._numbers[Account("model", model, 0)] if model else None
                yield check, account, number, span.since, span.until
