"""Gives every event and every batch of usage its leaf, and signs what the tree has become.

Every process runs a sealer; whoever has the lock for one transaction adds the next leaves, so that
nobody has to be elected. Leaves, tiles and positions are one commit: a kill loses and doubles none.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services import metrics
from services.database.connections import Pool
from services.projection.feed import Feed
from services.projection.head import Head
from services.projection.progress import RebuildNeeded
from services.projection.runner import CONNECTION_LOST
from services.projection.seal.signing import ORIGIN
from services.projection.seal.sinks import Sink, Sinks
from services.projection.seal.tree_store import Kept, TreeStore
from services.proof.checkpoint import Checkpoint, public_text
from services.proof.log import EVENTS, USAGE

LOCK = 7305232
LOOK_SECONDS = 1.0
PAUSE_SECONDS = 1.0
GATHER_SECONDS = 0.25
"""How long leaves gather after a page that took all there was: each page is a commit of its own."""

log = logging.getLogger(__name__)


class LogShrank(Exception):
    """The log ends before what was sealed: committed events are missing."""


class Sealer:
    """`run()` is the task. `failed` is why it has stopped for good, for readiness to show.

    There is at most one checkpoint in `checkpoint_seconds`, and none while nothing is new.
    """

    def __init__(  # noqa: PLR0913
        self,
        pool: Pool,
        feed: Feed,
        head: Head,
        key: Ed25519PrivateKey,
        *,
        sink: Sink | None = None,
        checkpoint_seconds: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool, self._feed, self._head, self._key = pool, feed, head, key
        self._sinks = Sinks(pool, sink)
        self._seconds, self._clock = checkpoint_seconds, clock
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._sealed = 0
        self._introduced = False
        self.failed: str | None = None

    async def run(self) -> None:
        """Follow the log until `stop()`, or a failure that ends up in `failed`."""
        metrics.SEALER_STOPPED.set_function(lambda: float(self.failed is not None))
        try:
            while not self._stopping.is_set():
                await self._turn()
        except (LogShrank, RebuildNeeded) as error:
            self.failed = str(error)
            log.error("the sealer has stopped: %s", error)  # noqa: TRY400
        except Exception as error:
            self.failed = type(error).__name__
            log.exception("the sealer has stopped")
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Finish the leaves under way and end `run()`."""
        self._stopping.set()
        await self._ended.wait()

    async def introduce(self) -> None:
        """Write down which key checkpoints are signed by."""
        async with self._pool.connection() as connection:
            log = (await TreeStore(connection).kept()).log
            verifier = public_text(ORIGIN.format(log=log), self._key.public_key())
            await connection.execute(_INTRODUCE, {"verifier": verifier})
        self._introduced = True

    async def _turn(self) -> None:
        try:
            if not self._introduced:
                await self.introduce()
            while await self.seal() and not self._stopping.is_set():
                pass
            await self.check()
            await self.deliver()
            await self._rest(GATHER_SECONDS)
            await self._news()
        except CONNECTION_LOST as error:
            log.warning("the sealer waits for the database: %s", error)
            await self._rest(PAUSE_SECONDS)

    async def seal(self) -> bool:
        """Add the next page of leaves; whether more were waiting already.

        False also while somebody else is at it.
        """
        async with self._pool.connection() as connection, connection.transaction():
            if not await _locked(connection):
                return False
            tree = TreeStore(connection)
            kept = await tree.kept()
            events, usage = await self._ends(kept, connection)
            leaves = await tree.event_leaves(kept)
            kind = EVENTS if leaves else USAGE
            leaves = leaves or await tree.usage_leaves(kept)
            if leaves:
                kept = await tree.extend(kept, kind, leaves)
        self._sealed = kept.events
        return bool(leaves) and (kept.events < events or kept.usage < usage)

    async def check(self) -> bool:
        """Sign a checkpoint if there are leaves without one and the last is old enough."""
        async with self._pool.connection() as connection, connection.transaction():
            if not await _locked(connection):
                return False
            tree = TreeStore(connection)
            kept, now = await tree.kept(), self._clock()
            if not kept.size or not await tree.due(kept, now, self._seconds):
                return False
            checkpoint = Checkpoint(
                origin=ORIGIN.format(log=kept.log),
                size=kept.size,
                root=await tree.root(kept.size),
                events=kept.events,
                usage=kept.usage,
                epoch=str(kept.epoch),
                time=now,
            )
            await tree.keep(checkpoint, checkpoint.signed(self._key))
        metrics.CHECKPOINTS.inc()
        return True

    async def deliver(self) -> None:
        """Hand checkpoints that nobody has yet to the sink."""
        await self._sinks.deliver()

    async def _ends(self, kept: Kept, connection: psycopg.AsyncConnection[Any]) -> tuple[int, int]:
        """The last positions of events and usage; raises LogShrank."""
        self._head.check()
        events, usage = await (await connection.execute(_ENDS)).fetchone() or (0, 0)
        if events < kept.events or usage < kept.usage:
            raise LogShrank(
                f"the log ends at event {events} and usage {usage}, but was sealed up to "
                f"{kept.events} and {kept.usage}: committed records are missing"
            )
        return events, usage

    async def _news(self) -> None:
        news = asyncio.ensure_future(self._feed.wait(self._sealed, LOOK_SECONDS))
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({news, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            stop.cancel()
            await asyncio.gather(news, stop, return_exceptions=True)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


_INTRODUCE = """
UPDATE ops.seal SET verifier = %(verifier)s WHERE verifier IS DISTINCT FROM %(verifier)s
"""
_ENDS = """
SELECT (SELECT coalesce(max(notification_id), 0) FROM events.stored_events),
    (SELECT coalesce(max(position), 0) FROM usage.batches)
"""


async def _locked(connection: psycopg.AsyncConnection[Any]) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,))
    return await cursor.fetchone() == (True,)
