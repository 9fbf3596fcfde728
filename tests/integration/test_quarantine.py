"""A decision about quarantined usage is carried out once, whoever is killed after it (010)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from events.usage import UsageRecorded
from services.command.application.chores import Chores
from services.command.application.ledger import Ledger
from services.command.application.ledger_page import Entry, entry_id
from services.command.application.ledger_store import LedgerStore
from services.command.application.quarantine import BOOK, DISCARD, SETTLE, Quarantine
from services.command.application.quarantine import SettleQuarantined as Settle
from services.command.application.requests import Done, Origin
from services.command.domain.errors import AlreadySettled, NotFound
from tests.support.eventlog import create_store
from tests.support.loop import MASTER, Writer, opened_writer, token_of
from tests.support.usage import GATEWAY, NOON, call, rows

LATE = NOON - timedelta(days=40)
ID = entry_id(GATEWAY, "call-1").hex()
WAITING = "SELECT count(*)::int FROM usage.quarantine"
CHORES = "SELECT count(*)::int FROM ops.chores"
BOOKED = """
SELECT request_id, started_at, cost, s.team_id, s.key_alias
FROM usage.records JOIN usage.series s USING (series)
"""


@dataclass(frozen=True, slots=True)
class Process:
    """What one process of the service has that decides, books and works off."""

    writer: Writer
    ledger: Ledger
    quarantine: Quarantine

    async def report(self, *calls: UsageRecorded) -> None:
        await self.ledger.book([Entry(GATEWAY, each) for each in calls])

    async def decide(self, command: Settle) -> Done:
        """What a route does first; whoever is killed then has done no more."""
        route = BOOK if command.decision == "book" else DISCARD
        return await self.writer.send(command, route)

    async def carry_out(self) -> None:
        origin = Origin(MASTER, BOOK, BOOK, uuid4().hex, uuid4().hex)
        await self.quarantine.carry_out(ID, origin)

    async def work_off(self) -> None:
        others = {SETTLE: self.quarantine.carry_out}
        await Chores(self.writer.loop, self.writer.pool, others).work_off()

    async def book(self, started_at: datetime | None = None) -> Settle:
        return Settle(ID, await self.quarantine.waiting(ID), "book", started_at)

    async def discard(self) -> Settle:
        return Settle(ID, await self.quarantine.waiting(ID), "discard")


@asynccontextmanager
async def process(url: str, now: datetime = NOON) -> AsyncIterator[Process]:
    async with opened_writer(url) as writer:
        ledger = Ledger(LedgerStore(writer.pool), clock=lambda: now)
        ledger.start()
        try:
            yield Process(writer, ledger, Quarantine(writer.loop, ledger, writer.pool))
        finally:
            await ledger.stop()


@pytest.fixture
async def url(database_url: str) -> str:
    """A team with a key, whose call came too late."""
    create_store(database_url)
    async with process(database_url) as first:
        await first.writer.create("core", "ann")
        await first.writer.make_key("ann's", team_id="core", user_id="ann", key_alias="ann")
        await first.report(call(1, "0.7", LATE, key_hash=token_of("ann's")))
    return database_url


def state(url: str) -> tuple[int, int, int]:
    """How many records wait, how many chores there are, and how many records are booked."""
    booked = rows(url, "SELECT count(*)::int FROM usage.records")
    return rows(url, WAITING)[0][0], rows(url, CHORES)[0][0], booked[0][0]


async def test_a_decision_is_carried_out_at_once(url: str) -> None:
    async with process(url) as one:
        await one.decide(await one.book())
        await one.carry_out()
        assert state(url) == (0, 1, 1)
        assert rows(url, BOOKED) == [("call-1", LATE, Decimal("0.7"), "core", "ann")]
        await one.work_off()
        assert state(url) == (0, 0, 1)


async def test_a_kill_after_the_decision_leaves_nothing_half_done(url: str) -> None:
    async with process(url) as killed:
        await killed.decide(await killed.book(NOON))
    assert state(url) == (1, 1, 0)
    async with process(url) as next_one:
        await next_one.work_off()
    assert state(url) == (0, 0, 1)
    assert rows(url, BOOKED) == [("call-1", NOON, Decimal("0.7"), "core", "ann")]


async def test_a_kill_after_the_booking_books_nothing_twice(url: str) -> None:
    async with process(url) as killed:
        await killed.decide(await killed.book())
        settled = (await killed.decide(await killed.book())).answer["answer"]
        usage = UsageRecorded.model_validate(settled.waited.usage)
        await killed.ledger.book([Entry(GATEWAY, usage, released=True)])
    assert state(url) == (1, 1, 1)
    async with process(url) as next_one:
        await next_one.work_off()
    assert state(url) == (0, 0, 1)


async def test_a_kill_after_discarding_books_nothing(url: str) -> None:
    async with process(url) as killed:
        await killed.decide(await killed.discard())
    async with process(url) as next_one:
        await next_one.work_off()
        assert state(url) == (0, 0, 0)
        with pytest.raises(AlreadySettled):
            await next_one.decide(await next_one.book())


async def test_of_two_decisions_at_once_one_holds(url: str) -> None:
    async with process(url) as one, process(url) as other:
        book, discard = await one.book(), await other.discard()
        outcomes = await asyncio.gather(
            one.decide(book), other.decide(discard), return_exceptions=True
        )
        refused = [each for each in outcomes if isinstance(each, BaseException)]
        assert [type(each) for each in refused] == [AlreadySettled]
        await asyncio.gather(one.work_off(), other.work_off(), one.carry_out(), other.carry_out())
    booked = not isinstance(outcomes[0], BaseException)
    assert state(url) == (0, 0, int(booked))


async def test_repeating_a_decision_records_nothing_more(url: str) -> None:
    async with process(url) as one:
        for _ in range(3):
            await one.decide(await one.book())
            await one.carry_out()
    [(facts,)] = rows(
        url,
        "SELECT count(*)::int FROM events.stored_events WHERE originator_id = %s",
        f"quarantine-{ID}",
    )
    assert (facts, state(url)[2]) == (1, 1)


async def test_what_was_discarded_may_be_sent_again_and_is_decided_anew(url: str) -> None:
    async with process(url) as one:
        await one.decide(await one.discard())
        await one.carry_out()
        assert state(url)[0] == 0
    async with process(url, NOON + timedelta(hours=1)) as later:
        await later.report(call(1, "0.7", LATE, key_hash=token_of("ann's")))
        assert state(url)[0] == 1
        await later.decide(await later.book())
        await later.carry_out()
    assert (state(url)[0], state(url)[2]) == (0, 1)


async def test_what_is_booked_is_a_duplicate_from_then_on(url: str) -> None:
    async with process(url) as one:
        await one.decide(await one.book())
        await one.carry_out()
        again = [Entry(GATEWAY, call(1, "0.7", LATE, key_hash=token_of("ann's")))]
        report = await one.ledger.book(again)
        assert [outcome.status for outcome in report.outcomes] == ["duplicate"]
        assert state(url)[0] == 0


@pytest.mark.parametrize("identity", ["", "0" * 32, "zz", ID.upper(), "x" * 1_000])
async def test_nothing_waits_under_another_id(url: str, identity: str) -> None:
    async with process(url) as one:
        assert await one.quarantine.waiting(identity) is None
        with pytest.raises(NotFound):
            await one.decide(Settle(identity, None, "book"))
