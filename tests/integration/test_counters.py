"""What a process knows of the ledger is what the ledger says, whenever it was booked or loaded."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.usage import UsageCorrected, UsageRecorded
from services.spend import following as module
from services.spend.budgets import Account
from services.spend.counters import Counted
from services.spend.following import LedgerHeads
from services.spend.spent import Span
from tests.support.following import KEY, TEAM, Process, counted, following
from tests.support.usage import NOON, Books, call, member_of, opened_books, total


@pytest.fixture
async def process(url: str) -> AsyncIterator[Process]:
    async with following(url) as opened:
        yield opened


async def test_what_is_booked_later_is_counted(books: Books, process: Process) -> None:
    await books.book(call(1, "0.1"))
    everything = [counted(TEAM), counted(KEY), counted(Account("team", "other", 1))]
    assert await process.spent(*everything) == [Decimal("0.1"), Decimal("0.1"), 0]
    await books.book(call(2, "0.2"), call(3, "0.4", NOON - timedelta(days=3)))
    assert await process.spent(*everything) == [Decimal("0.7"), Decimal("0.7"), 0]


async def test_an_account_that_is_new_to_the_ledger_is_counted(
    books: Books, process: Process
) -> None:
    await books.book(call(1), by=member_of("other", "bob"))
    assert await process.spent(counted(TEAM)) == [0]
    await books.book(call(2, "3"))
    assert await process.spent(counted(TEAM)) == [3]


async def test_a_correction_is_counted_where_the_call_was(books: Books, process: Process) -> None:
    yesterday, today = counted(TEAM, NOON - timedelta(days=1)), counted(TEAM, NOON)
    await books.book(call(1, "5", NOON - timedelta(hours=1)), call(2, "1"))
    assert await process.spent(yesterday, today) == [6, 1]
    await books.book(UsageCorrected(id="fix", corrects="call-1", cost=Decimal("-1.5")))
    assert await process.spent(yesterday, today) == [Decimal("4.5"), 1]


async def test_a_model_of_a_key_is_counted_by_itself(books: Books, process: Process) -> None:
    one, other = counted(KEY, model="gpt-4o"), counted(KEY, model="sonnet")
    assert await process.spent(one, other) == [0, 0]
    await books.book(call(1, "2"), call(2, "3").model_copy(update={"model": "sonnet"}))
    await books.book(call(3, "4"), by=member_of("other", "bob"))
    assert await process.spent(one, other) == [2, 3]
    await books.book(call(4, "1"), call(5, "1").model_copy(update={"model": "sonnet"}))
    assert await process.spent(one, other, counted(KEY)) == [3, 4, 7]


async def test_accounts_that_came_to_be_here_are_known_up_to_a_bound(url: str) -> None:
    """Whatever callers call models, they do not fill the memory."""
    async with following(url, capacity=100) as process:
        named = [Account("model", f"model-{n}", 0) for n in range(300)]
        for start in range(0, len(named), 30):
            born = await process.follower.born(named[start : start + 30])
            assert born.keys() == {*named[start : start + 30]}
        known = [one for one in named if process.follower.reached(LedgerHeads(0, -1), (), [one])]
        assert named[-1] in known
        assert len(known) <= 100


async def test_news_are_shared_by_all_who_wait(books: Books, process: Process) -> None:
    await process.spent(counted(TEAM))
    await books.book(call(1))
    heads = await process.heads()
    before = process.pool.get_stats().get("requests_num", 0)
    waiting = (process.follower.reach(heads, [counted(TEAM)], [TEAM]) for _ in range(50))
    await asyncio.gather(*waiting)
    assert process.pool.get_stats().get("requests_num", 0) <= before + 2


async def test_too_much_news_is_loaded_instead(
    books: Books, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_NEWS", 10)
    assert await process.spent(counted(TEAM)) == [0]
    await books.book(*(call(n) for n in range(50)))
    assert await process.spent(counted(TEAM), counted(KEY)) == [50, 50]


async def test_what_makes_room_is_loaded_again(url: str, books: Books) -> None:
    async with following(url, capacity=2) as process:
        for number in range(1, 5):
            await books.book(call(number))
            for account in (TEAM, KEY, Account("user", "ann", 1)):
                assert await process.spent(counted(account)) == [number]


SECONDS = st.integers(-2 * 86_400, 240)
PARTS = st.lists(
    st.lists(st.tuples(SECONDS, st.integers(0, 10**12), st.sampled_from("ab")), max_size=6),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(PARTS, st.lists(st.tuples(SECONDS, SECONDS, st.integers(0, 5)), min_size=1, max_size=6))
async def test_every_span_is_the_sum_of_its_calls_at_any_time(
    url: str,
    parts: list[list[tuple[int, int, str]]],
    asked: list[tuple[int, int, int]],
) -> None:
    """Spans are asked for at different times, and stay true whatever is booked afterwards."""
    run = uuid4().hex
    sent: list[tuple[str, UsageRecorded]] = []
    async with opened_books(url) as books, following(url) as process:
        for place, part in enumerate(parts):
            for seconds, cents, who in part:
                at = NOON + timedelta(seconds=seconds)
                made = call(len(sent), str(Decimal(cents).scaleb(-9)), at)
                sent.append((who, made))
                await books.book(made, by=member_of(run + who, "ann"), source=run)
            for who in "ab":
                spans = [
                    Span(
                        "team", run + who, 1, "", *sorted((NOON + timedelta(seconds=s)) for s in b)
                    )
                    for *b, since in asked
                    if since <= place
                ]
                expected = [
                    total((c for w, c in sent if w == who), span.since or NOON, span.until or NOON)
                    for span in spans
                ]
                assert await process.spent(*map(Counted, spans)) == expected
