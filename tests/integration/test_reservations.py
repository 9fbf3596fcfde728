"""What is held with what is spent never exceeds a budget, whoever reserves at the same time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from services.spend import following as module
from services.spend.budgets import Account
from services.spend.counters import Counted
from services.spend.reservations import Limit, Refused
from services.spend.spent import Span
from tests.support.eventlog import owner
from tests.support.following import KEY, TEAM, Process, counted, following, limit
from tests.support.loop import until
from tests.support.processes import reserve, two_processes
from tests.support.usage import GATEWAY, NOON, Books, call, rows

HELD = "SELECT sum(amount) FROM usage.reservations"
STUCK = """
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()
"""


@pytest.fixture
async def process(url: str) -> AsyncIterator[Process]:
    async with following(url) as opened:
        yield opened


async def test_what_is_held_counts_for_the_next_one(process: Process) -> None:
    assert await process.reserve("6", limit(TEAM, "10")) is None
    assert await process.reserve("5", limit(TEAM, "10")) == Refused(0, Decimal(0), Decimal(6))
    assert await process.reserve("4", limit(TEAM, "10")) is None
    assert await process.held(TEAM, KEY, Account("team", "other", 1)) == [10, 10, 0]


async def test_what_is_spent_counts_since_it_is_booked(books: Books, process: Process) -> None:
    assert await process.spent(counted(TEAM)) == [0]
    await books.book(call(1, "3"), call(2, "4"))
    refused = await process.reserve("4", limit(TEAM, "10"))
    assert refused == Refused(0, Decimal(7), Decimal(0))
    assert await process.reserve("3", limit(TEAM, "10")) is None


async def test_the_first_limit_that_does_not_bear_it_is_named(process: Process) -> None:
    limits = [limit(KEY, "100"), limit(TEAM, "5", base="3"), limit(TEAM, "1")]
    assert await process.reserve("4", *limits) == Refused(1, Decimal(3), Decimal(0))
    assert await process.held(TEAM, KEY) == [0, 0]


async def test_only_calls_of_the_window_and_the_model_count(books: Books, process: Process) -> None:
    await process.spent(counted(KEY))
    await books.book(call(1, "3", NOON - timedelta(days=1)), call(2, "4"))
    today = Limit(KEY, (counted(KEY, NOON - timedelta(hours=1)),), Decimal(0), Decimal(5))
    assert await process.reserve("2", today) == Refused(0, Decimal(4), Decimal(0))
    holder = Account("key_model", KEY.id, 1, "sonnet")
    other = Limit(holder, (counted(KEY, model="sonnet"),), Decimal(0), Decimal(5))
    assert await process.reserve("2", other, holders=[KEY, holder]) is None
    assert await process.reserve("4", other) == Refused(0, Decimal(0), Decimal(2))


async def test_a_key_that_had_other_secrets_holds_and_spends_as_one(
    books: Books, process: Process
) -> None:
    await books.book(call(1, "3"))
    again = Span("key", "later", 1)
    both = Limit(KEY, (counted(KEY), Counted(again)), Decimal(0), Decimal(10))
    assert await process.reserve("4", both, holders=[KEY]) is None
    assert await process.reserve("4", both, holders=[KEY]) == Refused(0, Decimal(3), Decimal(4))


async def test_who_waits_no_more_has_nothing_held(url: str, process: Process) -> None:
    """While the ledger stands still many come and go: what they wanted is not made later."""
    with owner(url) as conn, conn.transaction():
        conn.execute("SELECT usage.lock_head()")
        first = asyncio.create_task(process.reserve("1"))
        await until(lambda: conn.execute(STUCK).fetchone() == (1,))
        others = [asyncio.create_task(process.reserve("2")) for _ in range(5)]
        done, _ = await asyncio.wait(others, timeout=0.05)
        assert not done
        for each in others:
            each.cancel()
        await asyncio.wait(others)
    assert await first is None
    assert await process.reserve("4") is None
    assert rows(url, HELD) == [(5,)]


async def test_usage_that_names_it_ends_it(books: Books, process: Process) -> None:
    name = uuid4()
    assert await process.reserve("6", limit(TEAM, "10"), named=name) is None
    assert await process.held(TEAM) == [6]
    await books.book(call(1, "2").model_copy(update={"reservation": name}))
    assert await process.held(TEAM) == [0]
    assert await process.spent(counted(TEAM)) == [2]
    assert await process.reserve("8", limit(TEAM, "10")) is None


async def test_one_that_expired_holds_nothing(process: Process, url: str) -> None:
    assert await process.reserve("6", limit(TEAM, "10"), seconds=60) is None
    process.at(NOON + timedelta(seconds=59))
    assert await process.held(TEAM) == [6]
    process.at(NOON + timedelta(seconds=60))
    assert await process.held(TEAM) == [0]
    assert await process.reserve("10", limit(TEAM, "10")) is None
    assert rows(url, HELD) == [(10,)]
    assert await process.held(TEAM, KEY) == [10, 10]


async def test_a_source_ends_its_own(process: Process) -> None:
    name = uuid4()
    await process.reserve("6", limit(TEAM, "10"), named=name)
    assert not await process.reservations.release("other", name)
    assert await process.reservations.release(GATEWAY, name)
    assert not await process.reservations.release(GATEWAY, name)
    assert await process.held(TEAM) == [0]


async def test_one_that_is_there_is_not_made_twice(process: Process, url: str) -> None:
    name = uuid4()
    for _ in range(2):
        assert await process.reserve("6", limit(TEAM, "10"), named=name) is None
    assert rows(url, HELD) == [(6,)]


async def test_who_was_left_behind_learns_what_there_is(
    url: str, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_NEWS", 5)
    assert await process.held(TEAM) == [0]
    async with following(url) as other:
        for _ in range(8):
            assert await other.reserve("1", limit(TEAM, "10")) is None
    rows(url, "SELECT usage.tidy_reservations(%s, 1)", NOON)
    assert await process.reserve("3", limit(TEAM, "10")) == Refused(0, Decimal(0), Decimal(8))
    assert await process.held(TEAM) == [8]


async def test_what_ended_unseen_is_forgotten(url: str, process: Process) -> None:
    name = uuid4()
    await process.reserve("6", limit(TEAM, "10"), named=name)
    async with following(url) as other:
        assert await other.held(TEAM) == [6]
        await process.reservations.release(GATEWAY, name)
        await process.reserve("1", limit(TEAM, "10"))
        rows(url, "SELECT usage.tidy_reservations(%s, 1)", NOON)
        assert await other.held(TEAM) == [1]


async def test_parallel_reservations_share_a_transaction(process: Process, url: str) -> None:
    outcomes = await asyncio.gather(*(process.reserve("1", limit(TEAM, "70")) for _ in range(100)))
    assert sum(outcome is None for outcome in outcomes) == 70
    assert rows(url, "SELECT count(DISTINCT made_at) FROM usage.reservations") == [(1,)]
    assert rows(url, HELD) == [(70,)]


async def test_two_processes_never_overspend_together(url: str, books: Books) -> None:
    """While usage is booked, some of it naming reservations that it ends."""
    await books.book(call(0, "3"))
    async with two_processes() as (one, other):
        made = await asyncio.gather(one(reserve, url, 400), other(reserve, url, 400))
    names = [name for part in made for name in part]
    [(held,)] = rows(url, HELD)
    assert len(names) == held == 97
