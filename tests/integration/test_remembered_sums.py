"""What reads remember of the ledger is what it holds, as of the head that they read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.usage import UsageCorrected, UsageRecorded
from services.database.connections import Pool, open_pool, service_conninfo
from services.projection.head import Head
from services.spend.reading import SpendReading
from services.spend.remembered import MOST_AT_ONCE, RememberedSums
from services.spend.spent import Span
from tests.support.usage import NOON, Books, call, member_of, opened_books, total

TEAM, OTHER = Span("team", "core", 1), Span("team", "other", 1)
KEY = Span("key", "core:ann", 1)


@dataclass(frozen=True, slots=True)
class Reads:
    """What one process reads: the head first, then sums."""

    head: Head
    ledger: Pool
    remembered: RememberedSums

    async def spent(self, *spans: Span) -> list[Decimal]:
        await self.head.both()
        return list(await self.remembered.sums(spans))

    @property
    def statements(self) -> int:
        """How often the ledger was asked for sums."""
        return self.ledger.get_stats().get("requests_num", 0)


@asynccontextmanager
async def reads_of(url: str, capacity: int = 100) -> AsyncIterator[Reads]:
    heads = await open_pool(service_conninfo(url), 1, 1, "heads")
    ledger = await open_pool(service_conninfo(url), 1, 2, "sums")
    head = Head(heads)
    try:
        sums = RememberedSums(SpendReading(ledger), lambda: head.booked, capacity)
        yield Reads(head, ledger, sums)
    finally:
        await heads.close()
        await ledger.close()


@pytest.fixture
async def reads(url: str) -> AsyncIterator[Reads]:
    async with reads_of(url) as opened:
        yield opened


async def test_the_ledger_is_asked_once_while_nothing_is_booked(books: Books, reads: Reads) -> None:
    await books.book(call(1, "0.1"))
    before = reads.statements
    for _ in range(3):
        assert await reads.spent(TEAM, OTHER) == [Decimal("0.1"), 0]
    assert reads.statements == before + 1
    assert await reads.spent(OTHER, TEAM) == [0, Decimal("0.1")]
    assert reads.statements == before + 2


async def test_what_is_booked_and_corrected_counts_in_the_next_answer(
    books: Books, reads: Reads
) -> None:
    today = KEY._replace(since=NOON)
    assert await reads.spent(TEAM, OTHER, today) == [0, 0, 0]
    await books.book(call(1, "5", NOON - timedelta(hours=1)), call(2, "1"))
    assert await reads.spent(TEAM, OTHER, today) == [6, 0, 1]
    await books.book(call(3, "2"), by=member_of("other", "bob"))
    assert await reads.spent(TEAM, OTHER, today) == [6, 2, 1]
    await books.book(UsageCorrected(id="fix", corrects="call-1", cost=Decimal("-1.5")))
    assert await reads.spent(TEAM, OTHER, today) == [Decimal("4.5"), 2, 1]


async def test_what_makes_room_is_asked_for_again(url: str, books: Books) -> None:
    async with reads_of(url, capacity=2) as reads:
        await books.book(call(1))
        for _ in range(2):
            assert await reads.spent(TEAM) == [1]
            assert await reads.spent(KEY, OTHER) == [1, 0]
        assert reads.statements == 4
        assert await reads.spent(KEY, OTHER) == [1, 0]
        assert reads.statements == 4


async def test_who_scans_everything_takes_nobodys_place(books: Books, reads: Reads) -> None:
    await books.book(call(1))
    await reads.spent(TEAM)
    many = [OTHER._replace(id=f"team-{number}") for number in range(MOST_AT_ONCE)]
    assert await reads.spent(TEAM, *many) == [1, *(0 for _ in many)]
    before = reads.statements
    assert await reads.spent(TEAM) == [1]
    assert reads.statements == before


SECONDS = st.integers(-2 * 86_400, 240)
BOOKED = st.lists(st.tuples(SECONDS, st.integers(0, 10**12), st.sampled_from("ab")), max_size=4)
STEPS = st.lists(st.tuples(BOOKED, st.booleans()), min_size=1, max_size=6)
WINDOWS = st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=3)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS, WINDOWS)
async def test_sums_that_are_remembered_are_those_of_what_was_sent(
    url: str,
    steps: list[tuple[list[tuple[int, int, str]], bool]],
    windows: list[tuple[int, int]],
) -> None:
    """Whether a step has nothing booked, something corrected, or is read while it is booked."""
    run = uuid4().hex
    sent: list[tuple[str, UsageRecorded]] = []
    bounds = [sorted(NOON + timedelta(seconds=s) for s in window) for window in windows]
    spans = [Span("team", run + who, 1, "", *bound) for who in "ab" for bound in bounds]
    async with opened_books(url) as books, reads_of(url) as reads:

        async def book(booked: list[tuple[int, int, str]], *, corrected: bool) -> None:
            for seconds, units, who in booked:
                cost = Decimal(units).scaleb(-9)
                made = call(len(sent), str(cost), NOON + timedelta(seconds=seconds))
                sent.append((who, made))
                await books.book(made, by=member_of(run + who, "ann"), source=run)
                if corrected:
                    fix = UsageCorrected(id=f"fix-{made.id}", corrects=made.id, cost=-cost / 2)
                    sent.append((who, made.model_copy(update={"cost": -cost / 2})))
                    await books.book(fix, source=run)

        for booked, corrected in steps:
            await asyncio.gather(book(booked, corrected=corrected), reads.spent(*spans))
            expected = [
                total((made for by, made in sent if by == who), *bound)
                for who in "ab"
                for bound in bounds
            ]
            assert await reads.spent(*spans) == expected
            assert await reads.spent(*spans) == expected
