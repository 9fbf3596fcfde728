"""The ledger books every call once, sums it in the same transaction, and forgets nothing."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.usage import UsageCorrected, UsageRecorded
from services.command.domain.usage import Attribution
from services.spend.spent import Span, spent
from tests.support.usage import (
    NOON,
    Books,
    by_id,
    call,
    member_of,
    opened_books,
    rows,
    statuses,
    total,
)

SUMS = """
SELECT (SELECT sum(cost) FROM usage.records), (SELECT sum(cost) FROM usage.quarters),
    (SELECT sum(d.cost) FROM usage.days d JOIN usage.accounts a USING (account)
     WHERE a.kind = 'model')
"""
TEAM = Span("team", "core", 1)


async def spent_by(books: Books, *spans: Span) -> list[Decimal]:
    async with books.pool.connection() as connection:
        return await spent(connection, spans)


async def test_a_call_is_booked_on_everybody_it_concerns(books: Books, url: str) -> None:
    report = await books.book(call(1, "0.1"), call(2, "0.2"), by=member_of("core", "ann", "acme"))
    assert statuses(report) == ["recorded", "recorded"]
    assert report.position == 2
    owed = Decimal("0.3")
    spans = [
        Span("organization", "acme", 1),
        TEAM,
        Span("member", "core", 1, "ann"),
        Span("organization_member", "acme", 1, "ann"),
        Span("user", "ann", 1),
        Span("key", "core:ann", 1),
        Span("model", "gpt-4o", 0),
    ]
    assert await spent_by(books, *spans) == [owed] * len(spans)
    assert rows(url, SUMS) == [(owed, owed, owed)]


async def test_nobody_else_pays(books: Books) -> None:
    await books.book(call(1))
    others = [Span("team", "core", 2), Span("team", "other", 1), Span("member", "core", 1, "bob")]
    assert await spent_by(books, *others) == [Decimal(0)] * 3


async def test_the_first_payload_under_an_id_counts(books: Books) -> None:
    first = await books.book(call(1, "1"), call(1, "1"), call(1, "7"))
    assert statuses(first) == ["recorded", "duplicate", "duplicate"]
    assert [outcome.altered for outcome in first.outcomes] == [False, False, True]
    again = await books.book(call(1, "1"), call(1, "9"))
    assert statuses(again) == ["duplicate", "duplicate"]
    assert [outcome.altered for outcome in again.outcomes] == [False, True]
    assert await spent_by(books, TEAM) == [Decimal(1)]


async def test_ids_are_those_of_a_source(books: Books) -> None:
    await books.book(call(1))
    assert statuses(await books.book(call(1), source="us")) == ["recorded"]
    assert await spent_by(books, TEAM) == [Decimal(2)]


async def test_a_correction_counts_where_its_original_did(books: Books, url: str) -> None:
    yesterday = NOON - timedelta(days=1)
    await books.book(call(1, "5", yesterday))
    correction = UsageCorrected(id="fix-1", corrects="call-1", cost=Decimal("-1.5"))
    assert statuses(await books.book(correction)) == ["recorded"]
    assert statuses(await books.book(correction)) == ["duplicate"]
    then = TEAM._replace(since=yesterday, until=yesterday + timedelta(seconds=1))
    assert await spent_by(books, then, TEAM._replace(since=NOON)) == [Decimal("3.5"), Decimal(0)]
    assert rows(url, "SELECT sum(requests)::int FROM usage.days") == [(5,)]


async def test_an_original_may_come_with_its_correction(books: Books) -> None:
    fix = UsageCorrected(id="fix", corrects="call-1", cost=Decimal(-1))
    nothing = UsageCorrected(id="fix-2", corrects="call-9", cost=Decimal(-1))
    assert statuses(await books.book(fix, call(1, "4"), nothing)) == [
        "recorded",
        "recorded",
        "refused",
    ]
    assert await spent_by(books, TEAM) == [Decimal(3)]


async def test_what_comes_too_late_or_too_early_waits(books: Books, url: str) -> None:
    late, early = NOON - timedelta(days=35), NOON + timedelta(minutes=7)
    report = await books.book(call(1, at=late), call(2, at=early), call(3))
    assert statuses(report) == ["quarantined", "quarantined", "recorded"]
    assert await spent_by(books, TEAM) == [Decimal(1)]
    waiting = rows(url, "SELECT request_id, payload->>'cost' FROM usage.quarantine ORDER BY 1")
    assert waiting == [("call-1", "1"), ("call-2", "1")]
    assert statuses(await books.book(call(1, at=late))) == ["quarantined"]
    assert rows(url, "SELECT count(*) FROM usage.quarantine") == [(2,)]


async def test_what_nobody_owns_is_kept(books: Books, url: str) -> None:
    await books.book(call(1, key_hash="ab" * 32), by=Attribution(unattributed="unknown key"))
    kept = rows(url, "SELECT key_hash, unattributed FROM usage.series")
    assert kept == [("ab" * 32, "unknown key")]
    assert await spent_by(books, Span("model", "gpt-4o", 0)) == [Decimal(1)]


async def test_names_are_those_of_the_time(books: Books, url: str) -> None:
    before = member_of("core", "ann")
    await books.book(call(1), by=before)
    team = before.team
    assert team is not None
    renamed = type(team)(team.id, team.incarnation, "platform")
    await books.book(call(2), by=Attribution(team=renamed, user=before.user, key=before.key))
    names = rows(url, "SELECT team_alias FROM usage.records JOIN usage.series USING (series)")
    assert sorted(names) == [("platform",), ("the core team",)]
    assert await spent_by(books, TEAM) == [Decimal(2)]


async def test_positions_have_no_gaps_among_parallel_writers(url: str) -> None:
    async with opened_books(url) as one, opened_books(url) as other:
        writers = (one, other) * 10
        await asyncio.gather(
            *(
                books.book(*(call(n) for n in range(10 * i, 10 * i + 15)))
                for i, books in enumerate(writers)
            )
        )
        assert await spent_by(one, TEAM) == [Decimal(205)]
    [(first, last, count)] = rows(
        url, "SELECT min(position), max(position), count(*) FROM usage.records"
    )
    assert (first, last, count) == (1, 205, 205)
    assert rows(url, "SELECT sum(records)::int FROM usage.batches") == [(205,)]


SECONDS = st.integers(-2 * 86_400, 240)
CALLS = st.lists(
    st.builds(
        lambda n, seconds, cents, thing: call(
            n,
            str(Decimal(cents).scaleb(-9)),
            NOON + timedelta(seconds=seconds),
            provider=thing,
        ),
        st.integers(0, 30),
        SECONDS,
        st.integers(0, 10**12),
        st.sampled_from(["openai", "azure"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(CALLS, st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=8))
def test_every_window_is_the_sum_of_its_calls(
    url: str, calls: list[UsageRecorded], windows: list[tuple[int, int]]
) -> None:
    source = f"run-{uuid4()}"
    team = f"team-{source}"
    bounds = [sorted(NOON + timedelta(seconds=s) for s in pair) for pair in windows]
    spans = [Span("team", team, 1, "", since, until) for since, until in bounds]

    async def computed() -> list[Decimal]:
        async with opened_books(url) as books:
            for cut in range(0, len(calls), 7):
                part = calls[cut : cut + 7]
                await books.book(*part, by=member_of(team, "ann"), source=source)
            return await spent_by(books, *spans)

    expected = [total(by_id(calls), since, until) for since, until in bounds]
    assert asyncio.run(computed()) == expected
