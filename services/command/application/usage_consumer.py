"""Usage from a topic into the ledger: any number of processes share its partitions out.

A batch and where it ends are booked in one transaction, and only from where reading began. Whatever
goes wrong, what was read and is not booked is dropped, and reading goes on from where the ledger
says (decision 021). What cannot be booked is acknowledged as a dead letter before that.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
import uuid_utils
from kafka.errors import KafkaError
from psycopg_pool import AsyncConnectionPool

from services import metrics
from services.access.principal import Credential
from services.broker import BrokerAway, BrokerUnusable, topics
from services.broker.cluster import Cluster
from services.broker.group import Member, Unplaced
from services.broker.message import Message
from services.command.application.attribution import Attribute, claim_of
from services.command.application.booking import Booking, Prepared, Report
from services.command.application.commit import LOST
from services.command.application.dead_letters import DeadLetter, DeadLetterBox
from services.command.application.ledger_page import CORRECTS_NOTHING, Entry
from services.command.application.ledger_store import LedgerStore
from services.command.application.loop import CommandLoop
from services.command.application.requests import Origin, Unavailable
from services.command.application.usage_batch import Batch, Read, cut
from services.command.application.usage_places import PlaceLost, Places, Reading
from services.command.domain.usage import Attribution

log = structlog.get_logger(__name__)

CHUNK = 1_000
IDLE_SECONDS, BUSY_SECONDS = 0.2, 0.02
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
BOOK_SECONDS = 30.0
ROUTE = "/v1/usage"
_SYSTEM = Credential(token="", tail="", master=True)
T = TypeVar("T")
ReadMessage = Callable[[Message], Read]


class FuseBlown(Exception):
    """More messages than an operator allows became dead letters within an hour."""


@dataclass(frozen=True, slots=True)
class UsageTopic:
    """What is consumed: by which name it is booked, where what cannot be goes, and how much."""

    cluster: Cluster
    name: str
    dead: str
    source: str
    dead_per_hour: int


class UsageBooker:
    """Books batches of one topic."""

    def __init__(
        self, topic: UsageTopic, loop: CommandLoop, pool: AsyncConnectionPool[Any]
    ) -> None:
        self._topic, self._loop = topic, loop
        self._booking = Booking(LedgerStore(pool))
        self.places = Places(pool, topic.name)

    async def prepared(self, usages: Sequence[Read]) -> tuple[list[Entry], Prepared]:
        """What was read, with whose usage each is as of the head of the log, looked up."""
        told = [each.usage for each in usages if each.usage is not None]
        claims = [claim_of(usage) for usage in told]
        identity = str(uuid_utils.uuid7())
        origin = Origin(_SYSTEM, ROUTE, ROUTE, identity, identity)
        done = await self._loop.handle(Attribute.each(claims), origin, lambda found: found)
        found: dict[object, Attribution] = {None: Attribution(), **done.answer}
        pairs = zip(told, claims, strict=True)
        entries = [Entry(self._topic.source, usage, found[claim]) for usage, claim in pairs]
        return entries, await self._booking.prepare(entries)

    async def book(self, prepared: Prepared, reading: Reading) -> Report:
        """Raises PlaceLost, and TimeoutError where nobody knows whether it is booked."""
        async with asyncio.timeout(BOOK_SECONDS):
            return await self._booking.book_read(prepared, reading)

    async def book_entries(self, entries: Sequence[Entry]) -> Report:
        """Without any place that moves. Raises as `book` does."""
        async with asyncio.timeout(BOOK_SECONDS):
            return await self._booking.book(entries)

    async def rehearsed(
        self, entries: Sequence[Entry], prepared: Prepared
    ) -> tuple[Report, Collection[int]]:
        """What booking them would bring, and the places of what is new."""
        return await self._booking.rehearse(entries, prepared)

    @property
    def failed(self) -> str | None:
        """Why nothing is booked any more, if that is so."""
        return self._loop.failed


class UsageConsumer:
    """`run()` returns after `stop()`; others of the group go on with the partitions it had.

    `reads` tells whether it takes part, `trouble` which kind of failure it is not over yet.
    """

    def __init__(self, topic: UsageTopic, booker: UsageBooker, read: ReadMessage) -> None:
        self._topic, self._booker, self._read_message = topic, booker, read
        self._box = DeadLetterBox(topic.cluster, topic.dead)
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "usage")
        self._was_there = False
        self.reads = False
        self.trouble: str | None = None

    async def run(self) -> None:
        """Consume. Raises FuseBlown, and what no trying again would mend.

        That is BrokerUnusable of a topic that is not there when it begins, Unreadable, and
        Unavailable where the store was replaced.
        """
        metrics.CONSUMER_READS.set_function(lambda: float(self.reads))
        pause = FIRST_PAUSE
        try:
            while not self._stopping.is_set():
                try:
                    await self._take_part()
                    pause = FIRST_PAUSE
                except (KafkaError, BrokerUnusable) as error:
                    if not (self._was_there or isinstance(error, KafkaError | BrokerAway)):
                        raise
                    self._failed(error)
                    log.warning("usage is not consumed", error=f"{type(error).__name__}: {error}")
                    await self._rest(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            await self._in_thread(self._box.close)
            self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Book what is under way, leave the group and end `run()`."""
        self._stopping.set()

    async def _take_part(self) -> None:
        member = await self._in_thread(self._joined)
        self._was_there, self.reads, self.trouble = True, True, None
        try:
            await self._consume(member)
        finally:
            self.reads = False
            metrics.CONSUMER_PARTITIONS.set(0)
            await self._in_thread(member.close)

    def _joined(self) -> Member:
        for name in (self._topic.name, self._topic.dead):
            topics.check_kept(self._topic.cluster, name)
        return Member(self._topic.cluster, self._topic.name, self._topic.name)

    async def _consume(self, member: Member) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                await self._read_on(member)
            except (Unplaced, PlaceLost) as moved:
                log.info("reading begins anew", reason=str(moved))
                pause = FIRST_PAUSE
            except (*LOST, Unavailable) as error:
                if self._booker.failed is not None:
                    raise
                self._failed(error)
                log.warning("usage waits for the ledger", error=type(error).__name__)
                await self._rest(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _read_on(self, member: Member) -> None:
        """Read from where the ledger says, one batch ahead of what is being booked.

        Raises Unplaced or PlaceLost where that is not where to read on any more.
        """
        before = await self._booker.places.kept()
        times, extent = await self._in_thread(member.extent)
        places = await self._booker.places.begin(extent, before)
        await self._in_thread(member.begin, times, places)
        self.trouble = None
        _tell_lag(places, extent.ends)
        pending, under_way = Batch(places), None
        try:
            while not self._stopping.is_set():
                seconds = IDLE_SECONDS if under_way is None else BUSY_SECONDS
                pending.add(await self._in_thread(self._read, member, seconds))
                if under_way is not None and (under_way.done() or pending.full):
                    await under_way
                    under_way = None
                if pending.read and under_way is None:
                    await self._in_thread(member.check)
                    booking = self._book(pending, extent.topic_id, member)
                    under_way = asyncio.create_task(booking, name="booking usage")
                    pending = pending.following()
            if under_way is not None:
                await under_way
        finally:
            if under_way is not None:
                await asyncio.wait([under_way])
                with suppress(asyncio.CancelledError):
                    under_way.exception()

    def _read(self, member: Member, seconds: float) -> list[Read]:
        return [self._read_message(message) for message in member.read(seconds, CHUNK)]

    async def _book(self, batch: Batch, topic_id: Any, member: Member) -> None:  # noqa: ANN401
        """All of the batch, or what comes before the message that blows the fuse."""
        entries, prepared = await self._booker.prepared(batch.read)
        refused = _refused(batch, prepared)
        blown = None
        if refused:
            letters = await self._booker.places.letters_before(prepared.now)
            blown = cut([at for at, _ in refused], self._topic.dead_per_hour - letters)
        if blown is not None:
            if blown:
                await self._book(batch.until(blown), topic_id, member)
            raise self._fuse_blown(batch.read[blown].message, dict(refused)[blown])
        dead = [
            DeadLetter(self._topic.name, topic_id, batch.read[at].message, reason)
            for at, reason in refused
        ]
        if dead:
            await self._in_thread(self._box.put, dead)
        reading = Reading(self._topic.name, topic_id, batch.before, batch.after, len(dead))
        report = await self._booker.book(prepared, reading)
        self.trouble = None
        ends = await self._in_thread(member.note, reading.after)
        _tell_lag({**batch.before, **reading.after}, ends)
        _count(batch, refused)
        _note(entries, report, dead)

    def _failed(self, error: Exception) -> None:
        self.trouble = type(error).__name__
        metrics.CONSUMER_FAILURES.inc()

    def _fuse_blown(self, message: Message, reason: str) -> FuseBlown:
        return FuseBlown(
            f"{self._topic.dead_per_hour} messages of {self._topic.name} became dead letters "
            f"within an hour, and partition {message.partition} goes on at offset {message.offset} "
            f"with one more: {reason}. Correct whoever sends them, then start again; `teamledger "
            "dead-letters list` shows them, TEAMLEDGER_KAFKA_USAGE_DEAD_PER_HOUR allows more"
        )

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """All of kafka-python in one thread: its consumer is for no more."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _refused(batch: Batch, prepared: Prepared) -> list[tuple[int, str]]:
    """By their places in the batch: what tells of no usage, and what the ledger refuses."""
    places = [at for at, each in enumerate(batch.read) if each.usage is not None]
    unread = [(at, each.reason) for at, each in enumerate(batch.read) if each.usage is None]
    return sorted([*unread, *((places[at], CORRECTS_NOTHING) for at in prepared.refused)])


def _tell_lag(places: Mapping[int, int], ends: Mapping[int, int]) -> None:
    metrics.CONSUMER_PARTITIONS.set(len(places))
    behind = (ends[partition] - place for partition, place in places.items() if partition in ends)
    metrics.CONSUMER_LAG.set(sum(max(messages, 0) for messages in behind))


def _count(batch: Batch, refused: Sequence[tuple[int, str]]) -> None:
    metrics.CONSUMED.observe(len(batch.read))
    if batch.read:
        oldest = min(each.message.timestamp for each in batch.read)
        metrics.CONSUMER_DELAY.observe(max(time.time() - oldest / 1_000, 0.0))
    for at, _ in refused:
        unreadable = batch.read[at].usage is None
        metrics.DEAD_LETTERS.labels("unreadable" if unreadable else "corrects_nothing").inc()


def _note(entries: Sequence[Entry], report: Report, dead: Sequence[DeadLetter]) -> None:
    """One line with counts; names of keys and ids of calls stay out of it."""
    counts = dict.fromkeys(("recorded", "duplicate", "quarantined"), 0)
    altered = 0
    for outcome in report.outcomes:
        if outcome.status in counts:
            counts[outcome.status] += 1
        altered += outcome.altered
    unattributed = sum(entry.attribution.unattributed is not None for entry in entries)
    level = log.info if dead or altered or counts["quarantined"] else log.debug
    level("usage read", **counts, dead=len(dead), altered=altered, unattributed=unattributed)
