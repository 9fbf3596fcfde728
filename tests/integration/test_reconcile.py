"""Whatever is changed in the ledger behind its back is named, with both figures."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from events.usage import UsageCorrected
from services.command.application.day_sums import DaySums
from services.command.domain.usage import Attribution
from services.spend.reconcile import MOST_NAMED, Difference, Reconciliation, Total, reconcile
from tests.support.eventlog import owner
from tests.support.usage import NOON, Books, call, member_of, opened_books

YESTERDAY = NOON - timedelta(days=1)
BOOKED = 8


@pytest.fixture
async def books(url: str) -> AsyncIterator[Books]:
    """Two teams, two days, an unknown key, a correction, a commit for each call."""
    async with opened_books(url) as opened:
        await opened.book(call(1, "1.5"), by=member_of("core", "ann", "acme"))
        await opened.book(call(2, "0.25", YESTERDAY), by=member_of("core", "ann", "acme"))
        await opened.book(call(3, "2", YESTERDAY), by=member_of("core", "bob", "acme"))
        await opened.book(call(4, "4"), call(5, "8"), by=member_of("edge", "ann"))
        await opened.book(call(6, "16", key_hash="ab" * 32), by=Attribution(unattributed="unknown"))
        fix = UsageCorrected(id="fix", corrects="call-4", cost=Decimal(-1), prompt_tokens=3)
        await opened.book(fix, by=member_of("edge", "ann"))
        await DaySums(opened.pool).work_off(fewest=1)
        await opened.book(call(7, "0", provider="azure"), by=member_of("edge", "ann"))
        yield opened


async def reconciled(books: Books) -> Reconciliation:
    async with books.pool.connection() as connection:
        return await reconcile(connection)


def tamper(url: str, *statements: str) -> None:
    """As a superuser of the database."""
    with owner(url) as connection:
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount > 0


def says(difference: Difference, **of: object) -> bool:
    return of.items() <= difference.of.items()


async def test_a_ledger_agrees_with_all_its_sums(books: Books) -> None:
    found = await reconciled(books)
    assert (found.agrees, found.differences, found.position) == (True, [], BOOKED)
    assert (found.total.rows, found.total.cost, found.total.tokens) == (BOOKED, Decimal("30.75"), 3)
    sums = {book.name: book.kept.cost for book in found.books}
    assert sums == {
        "quarter": Decimal("30.75"),
        "organization": Decimal("3.75"),
        "team": Decimal("14.75"),
        "member": Decimal("14.75"),
        "organization_member": Decimal("3.75"),
        "user": Decimal("14.75"),
        "key": Decimal("14.75"),
        "model": Decimal("30.75"),
    }
    assert all(book.kept.cost == book.by_records.cost for book in found.books)


async def test_an_empty_ledger_agrees(url: str) -> None:
    async with opened_books(url) as books:
        found = await reconciled(books)
    assert (found.agrees, found.position) == (True, 0)
    assert {book.kept for book in found.books} == {Total()}


TEAM = "(SELECT account FROM usage.accounts WHERE (kind, id) = ('team', 'core'))"
OTHER_TEAM = TEAM.replace("core", "edge")
OF_OTHER_TEAM = "(SELECT min(series) FROM usage.series WHERE team_id = 'edge')"
ANN = "(SELECT series FROM usage.series WHERE (team_id, user_id) = ('core', 'ann'))"
BOB = "(SELECT account FROM usage.accounts WHERE (id, member) = ('core', 'bob'))"
ON_DAY = f"WHERE account = {TEAM} AND day = '2026-11-18'"
OF_DAY = f"WHERE series = {ANN} AND day = '2026-11-18'"
IN_QUARTER = f"WHERE series = {ANN} AND quarter = '{NOON}'"
NEXT_QUARTER = NOON + timedelta(minutes=15)
MADE_UP = "99, series, started_at, NULL, received_at, 7, 0, 0, 0, 0, 1, 'made-up', NULL"
DAY = {"cost": "1.5", "tokens": 0, "requests": 1}
QUARTER = {
    "cost": "1.5",
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "cache_read_tokens": 0,
    "cache_creation_tokens": 0,
    "succeeded": 1,
    "failed": 0,
}
Tampering = tuple[str, str, dict[str, object], object, object]
TAMPERINGS: dict[str, Tampering] = {
    "a day's cost": (
        f"UPDATE usage.days SET cost = cost + 0.000000000000000001 {ON_DAY}",
        "days",
        {"kind": "team", "id": "core", "incarnation": 1, "member": None, "day": "2026-11-18"},
        DAY,
        {**DAY, "cost": "1.500000000000000001"},
    ),
    "a day's tokens": (
        f"UPDATE usage.days SET tokens = 1 {ON_DAY}",
        "days",
        {"kind": "team", "id": "core", "day": "2026-11-18"},
        DAY,
        {**DAY, "tokens": 1},
    ),
    "a day's requests": (
        f"UPDATE usage.days SET requests = 2 {ON_DAY}",
        "days",
        {"kind": "team", "id": "core", "day": "2026-11-18"},
        DAY,
        {**DAY, "requests": 2},
    ),
    "a day taken away": (
        f"DELETE FROM usage.days {ON_DAY}",
        "days",
        {"kind": "team", "id": "core", "day": "2026-11-18"},
        DAY,
        None,
    ),
    "a day made up": (
        f"INSERT INTO usage.days VALUES ({TEAM}, '2026-11-19', 5, 6, 7)",
        "days",
        {"kind": "team", "id": "core", "day": "2026-11-19"},
        None,
        {"cost": "5", "tokens": 6, "requests": 7},
    ),
    "a day moved": (
        f"UPDATE usage.days SET day = '2026-11-20' {ON_DAY}",
        "days",
        {"kind": "team", "id": "core", "day": "2026-11-20"},
        None,
        DAY,
    ),
    "a member's day": (
        f"UPDATE usage.days SET cost = 0 WHERE account = {BOB}",
        "days",
        {"kind": "member", "id": "core", "member": "bob", "day": "2026-11-17"},
        {"cost": "2", "tokens": 0, "requests": 1},
        {"cost": "0", "tokens": 0, "requests": 1},
    ),
    "a quarter's cost": (
        f"UPDATE usage.quarters SET cost = 9 {IN_QUARTER}",
        "quarters",
        {"team_id": "core", "user_id": "ann", "quarter": "2026-11-18T12:00:00+00:00"},
        QUARTER,
        {**QUARTER, "cost": "9"},
    ),
    "a quarter's tokens": (
        f"UPDATE usage.quarters SET cache_read_tokens = 1 {IN_QUARTER}",
        "quarters",
        {"team_id": "core", "quarter": "2026-11-18T12:00:00+00:00"},
        QUARTER,
        {**QUARTER, "cache_read_tokens": 1},
    ),
    "a quarter taken away": (
        f"DELETE FROM usage.quarters {IN_QUARTER}",
        "quarters",
        {"source": "eu", "model": "gpt-4o", "quarter": "2026-11-18T12:00:00+00:00"},
        QUARTER,
        None,
    ),
    "a quarter made up": (
        f"INSERT INTO usage.quarters VALUES ({ANN}, '{NEXT_QUARTER}', 3, 0, 0, 0, 0, 1, 0)",
        "quarters",
        {"team_id": "core", "quarter": "2026-11-18T12:15:00+00:00"},
        None,
        {**QUARTER, "cost": "3"},
    ),
    "the cost of a series on a day": (
        f"UPDATE usage.series_days SET cost = 9 {OF_DAY}",
        "series_days",
        {"team_id": "core", "user_id": "ann", "day": "2026-11-18"},
        QUARTER,
        {**QUARTER, "cost": "9"},
    ),
    "a series on a day taken away": (
        f"DELETE FROM usage.series_days {OF_DAY}",
        "series_days",
        {"team_id": "core", "user_id": "ann", "day": "2026-11-18"},
        QUARTER,
        None,
    ),
    "a series on a day made up": (
        f"INSERT INTO usage.series_days VALUES ({ANN}, '2026-11-19', 3, 0, 0, 0, 0, 1, 0)",
        "series_days",
        {"team_id": "core", "user_id": "ann", "day": "2026-11-19"},
        None,
        {**QUARTER, "cost": "3"},
    ),
    "what was summed by day, forgotten": (
        "UPDATE usage.days_summed SET position = 0",
        "series_days",
        {"team_id": "core", "user_id": "ann", "day": "2026-11-18"},
        None,
        QUARTER,
    ),
    "what was not summed by day, passed over": (
        f"UPDATE usage.days_summed SET position = {BOOKED}",
        "series_days",
        {"team_id": "edge", "user_id": "ann", "day": "2026-11-18"},
        {**QUARTER, "cost": "0"},
        None,
    ),
    "a record's cost": (
        "UPDATE usage.records SET cost = 2.5 WHERE position = 1",
        "days",
        {"kind": "key", "id": "core:ann", "day": "2026-11-18"},
        {**DAY, "cost": "2.5"},
        DAY,
    ),
    "a record's moment": (
        f"UPDATE usage.records SET started_at = '{NEXT_QUARTER}' WHERE position = 1",
        "quarters",
        {"quarter": "2026-11-18T12:15:00+00:00"},
        QUARTER,
        None,
    ),
    "a record that failed after all": (
        "UPDATE usage.records SET outcome = 0 WHERE position = 1",
        "quarters",
        {"quarter": "2026-11-18T12:00:00+00:00"},
        {**QUARTER, "succeeded": 0, "failed": 1},
        QUARTER,
    ),
    "a record taken away": (
        "DELETE FROM usage.records WHERE position = 1",
        "batches",
        {"position": 1},
        {"records": 0},
        {"records": 1},
    ),
    "a record taken away, its id left": (
        "DELETE FROM usage.records WHERE position = 1",
        "ids",
        {"position": 1, "request_id": None},
        None,
        {"ids": 1},
    ),
    "a record made up": (
        f"INSERT INTO usage.records SELECT {MADE_UP} FROM usage.records WHERE position = 1",
        "batches",
        {"position": 99},
        {"records": 1},
        {"records": 0},
    ),
    "a record of another series": (
        f"UPDATE usage.records SET series = {OF_OTHER_TEAM} WHERE position = 1",
        "days",
        {"kind": "team", "id": "core", "day": "2026-11-18"},
        None,
        DAY,
    ),
    "an id forgotten": (
        "DELETE FROM usage.seen WHERE position = 2",
        "ids",
        {"position": 2, "request_id": "call-2", "source": "eu"},
        {"ids": 1},
        None,
    ),
    "an id made up": (
        r"INSERT INTO usage.seen VALUES ('\x00', '\x00', 2, now())",
        "ids",
        {"position": 2},
        {"ids": 1},
        {"ids": 2},
    ),
    "a commit forgotten": (
        "DELETE FROM usage.batches WHERE position = 2",
        "batches",
        {"position": 3},
        {"records": 2},
        {"records": 1},
    ),
    "the last commit forgotten": (
        f"DELETE FROM usage.batches WHERE position = {BOOKED}",
        "batches",
        {"position": BOOKED},
        {"records": 1},
        {"records": 0},
    ),
    "a series of another team": (
        f"UPDATE usage.series SET team = {OTHER_TEAM} WHERE series = {ANN}",
        "names",
        {"kind": "team"},
        {"kind": "team", "id": "core", "member": None},
        {"kind": "team", "id": "edge", "member": None},
    ),
    "a series of nobody": (
        f"UPDATE usage.series SET team = NULL WHERE series = {ANN}",
        "lists",
        {"kind": "team", "id": "core"},
        {"listed": False},
        {"listed": True},
    ),
    "a series that is not listed": (
        f"DELETE FROM usage.booked_on WHERE (account, series) = ({TEAM}, {ANN})",
        "lists",
        {"kind": "team", "id": "core"},
        {"listed": True},
        {"listed": False},
    ),
    "a series taken away": (
        f"DELETE FROM usage.series WHERE series = {ANN}",
        "days",
        {"kind": "team", "id": "core", "day": "2026-11-18"},
        None,
        DAY,
    ),
    "an account of another name": (
        "UPDATE usage.accounts SET id = 'other' WHERE (kind, id) = ('team', 'core')",
        "names",
        {"kind": "team"},
        {"kind": "team", "id": "core", "member": None},
        {"kind": "team", "id": "other", "member": None},
    ),
    "an account of another user": (
        "UPDATE usage.accounts SET member = 'eve' WHERE (kind, member) = ('member', 'bob')",
        "names",
        {"kind": "member"},
        {"kind": "member", "id": "core", "member": "bob"},
        {"kind": "member", "id": "core", "member": "eve"},
    ),
    "an account taken away": (
        f"DELETE FROM usage.accounts WHERE account = {TEAM}",
        "names",
        {"kind": "team"},
        {"kind": "team", "id": "core", "member": None},
        None,
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_what_was_tampered_with_is_named(books: Books, url: str, what: str) -> None:
    statement, among, of, by_records, kept = TAMPERINGS[what]
    tamper(url, statement)
    found = await reconciled(books)
    named = [d for d in found.differences if d.among == among and says(d, **of)]
    assert (by_records, kept) in [(d.by_records, d.kept) for d in named]
    assert not found.agrees
    assert found.counted[among] == sum(d.among == among for d in found.differences)


async def test_the_sums_of_both_sides_are_told(books: Books, url: str) -> None:
    tamper(url, f"UPDATE usage.days SET cost = cost + 1 WHERE account = {TEAM}")
    found = await reconciled(books)
    [team] = [book for book in found.books if book.name == "team"]
    assert (team.by_records.cost, team.kept.cost) == (Decimal("14.75"), Decimal("16.75"))


async def test_the_first_hundred_differences_are_named_and_all_counted(
    books: Books, url: str
) -> None:
    tamper(
        url,
        f"INSERT INTO usage.days SELECT {TEAM}, '2027-01-01'::date + n, 0, 0, 0"
        " FROM generate_series(1, 250) n",
        "DELETE FROM usage.quarters",
    )
    found = await reconciled(books)
    assert found.counted["days"] == 250
    assert found.counted["quarters"] > 0
    assert len(found.differences) == MOST_NAMED


async def test_nothing_is_half_seen_of_what_is_booked_meanwhile(books: Books) -> None:
    another, enough = asyncio.Event(), asyncio.Event()
    writing = asyncio.create_task(_book_on(books, another, enough))
    positions = []
    for _ in range(5):
        found = await reconciled(books)
        assert (found.agrees, found.total.rows) == (True, found.position)
        positions.append(found.position)
        another.clear()
        await another.wait()
    enough.set()
    await writing
    assert sorted(set(positions)) == positions


async def _book_on(books: Books, another: asyncio.Event, enough: asyncio.Event) -> None:
    for number in count(100):
        if enough.is_set():
            return
        await books.book(call(number, "0.1"), by=member_of("core", "ann", "acme"))
        another.set()
