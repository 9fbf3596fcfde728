"""Heads: how far answers must reach in event store and ledger to hold all that was acknowledged."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, cast
from uuid import UUID

import psycopg

from services.database.connections import Pool
from services.projection.progress import RebuildNeeded
from services.spend.following import LedgerHeads

_QUERY = """
SELECT coalesce(max(notification_id), 0), (SELECT epoch FROM events.store), (
        SELECT coalesce(max(notification_id), 0) FROM events.stored_events
        WHERE topic = 'user.forgotten'),
    coalesce((SELECT max(position) FROM usage.batches), 0),
    coalesce((SELECT max(change) FROM usage.holds), 0)
FROM events.stored_events
"""


class Heads(NamedTuple):
    """The position of the last event, and where the ledger ends, at one moment."""

    position: int
    ledger: LedgerHeads


Joined = asyncio.Future[Heads]


class HeadUnavailable(Exception):
    """The event database did not tell its head: no answer could be known to be fresh."""


class Head:
    """Asks for the heads, once for everybody who is waiting.

    Whoever calls joins the *next* query, never the one under way: that one may have been
    answered before an append which the caller has to see.

    A head that went back, or a new epoch, means that an older copy was put in the place of the
    store. What this process knows of it is worth nothing from then on.
    """

    def __init__(self, events_pool: Pool, *, deadline_seconds: float = 1.0) -> None:
        self._pool = events_pool
        self._deadline = deadline_seconds
        self._waiting: list[Joined] = []
        self._asking: asyncio.Task[None] | None = None
        self._given_up: set[asyncio.Task[None]] = set()
        self._seen = 0
        self._replaced: RebuildNeeded | None = None
        self.epoch: UUID | None = None
        """The store's epoch as the first answered query found it; None before that."""
        self.forgotten_at = 0
        """The position of the last fact by which a person was forgotten; 0 if there is none."""
        self.booked = 0
        """Where the ledger ended when the last answered query looked."""

    async def read(self) -> int:
        """The position of the last event committed before now. Raises as `both` does."""
        return (await self.both()).position

    async def both(self) -> Heads:
        """What was committed before now, to the store and to the ledger.

        Raises HeadUnavailable, and RebuildNeeded for good once the store was replaced.
        """
        self.check()
        joined: Joined = asyncio.get_running_loop().create_future()
        self._waiting.append(joined)
        if self._asking is None:
            self._begin()
        return await joined

    def check(self) -> None:
        """Raise RebuildNeeded if the store is known to have been replaced."""
        if self._replaced is not None:
            raise self._replaced

    @property
    def seen(self) -> int:
        """The furthest position known to hold an event."""
        return self._seen

    def saw(self, position: int) -> None:
        """There is an event at this position: no later query may find the head before it."""
        self._seen = max(self._seen, position)

    def _begin(self) -> None:
        if self._waiting:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        asking = cast("asyncio.Task[None]", asyncio.current_task())
        loop = asyncio.get_running_loop()
        while self._waiting and self._asking is asking:
            waiting, self._waiting = self._waiting, []
            late = loop.call_later(self._deadline, self._give_up, asking, waiting)
            try:
                heads = await self._query()
            except psycopg.Error as error:
                _fail(waiting, _untold(str(error)))
            except RebuildNeeded as replaced:
                self._replaced = replaced
                _fail(waiting, replaced)
            else:
                for joined in _still(waiting):
                    joined.set_result(heads)
            finally:
                late.cancel()
        if self._asking is asking:
            self._asking = None

    def _give_up(self, asking: "asyncio.Task[None]", waiting: Sequence[Joined]) -> None:
        """Wait no longer for a query; where the database stands still, to cancel it takes time."""
        asking.cancel()
        self._given_up.add(asking)
        asking.add_done_callback(self._given_up.discard)
        self._asking = None
        _fail(waiting, _untold("it took too long"))
        self._begin()

    async def _query(self) -> Heads:
        seen = self._seen
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_QUERY, prepare=True)
            row = await cursor.fetchone()
        if row is None or row[1] is None:
            raise psycopg.DataError("events.store holds no epoch")
        head, epoch, forgotten_at, *ledger = row
        if self.epoch is not None and epoch != self.epoch:
            raise RebuildNeeded(f"the store has a new epoch, {epoch}, instead of {self.epoch}")
        if head < seen:
            raise RebuildNeeded(f"the store ends at position {head} and held event {seen} before")
        self.epoch = epoch
        self.forgotten_at = max(self.forgotten_at, forgotten_at)
        self.saw(head)
        heads = Heads(head, LedgerHeads(*ledger))
        self.booked = heads.ledger.position
        return heads


def _untold(why: str) -> HeadUnavailable:
    return HeadUnavailable(f"the event database did not tell its head: {why}")


def _fail(waiting: Iterable[Joined], error: Exception) -> None:
    for joined in _still(waiting):
        joined.set_exception(error)
        joined.exception()  # who waited may be gone before he is told


def _still(waiting: Iterable[Joined]) -> Iterator[Joined]:
    return (joined for joined in waiting if not joined.done())
