"""Sums by series and day follow the ledger: what they hold is what was booked, however it came."""

import asyncio
from datetime import timedelta
from decimal import Decimal

from events.usage import UsageCorrected
from services.command.application.day_sums import DaySums
from tests.support.service import Start, on_database
from tests.support.usage import NOON, Books, member_of, opened_books, rows, used

_COLUMNS = (
    "cost, prompt_tokens, completion_tokens, cache_read_tokens, cache_creation_tokens, "
    "succeeded, failed"
)
KEPT = f"SELECT series, day, {_COLUMNS} FROM usage.series_days ORDER BY 1, 2"
BY_QUARTER = """
SELECT series, (quarter AT TIME ZONE 'UTC')::date, sum(cost), sum(prompt_tokens)::bigint,
    sum(completion_tokens)::bigint, sum(cache_read_tokens)::bigint,
    sum(cache_creation_tokens)::bigint, sum(succeeded)::bigint, sum(failed)::bigint
FROM usage.quarters GROUP BY 1, 2 ORDER BY 1, 2
"""


def summed(url: str) -> int:
    [(position,)] = rows(url, "SELECT position FROM usage.days_summed")
    return int(position)


async def book(books: Books, first: int, count: int) -> None:
    """Calls of two members over three days, every fifth of them corrected."""
    for number in range(first, first + count):
        at = NOON - timedelta(hours=7 * (number % 9))
        call = used(number, f"0.{number:04}", at, failed=number % 3 == 0)
        await books.book(call, by=member_of("core", ("ann", "bob")[number % 2]))
        if number % 5 == 0:
            fix = UsageCorrected(id=f"fix-{number}", corrects=call.id, cost=Decimal("-0.00005"))
            await books.book(fix)


async def test_they_are_those_of_the_records_whatever_was_done_at_once(url: str) -> None:
    async with opened_books(url) as books:
        sums = DaySums(books.pool)
        await book(books, 1, 20)
        await sums.work_off(fewest=1, most=7)
        assert rows(url, KEPT) == rows(url, BY_QUARTER) != []
        await book(books, 100, 11)
        await sums.work_off(fewest=1)
        assert rows(url, KEPT) == rows(url, BY_QUARTER)
        assert summed(url) == 31 + 4 + 3


async def test_few_records_are_left_for_later(url: str) -> None:
    async with opened_books(url) as books:
        sums = DaySums(books.pool)
        await book(books, 1, 4)
        await sums.work_off(fewest=5)
        assert (summed(url), rows(url, KEPT)) == (0, [])
        await book(books, 4, 1)
        await sums.work_off(fewest=5)
        assert summed(url) == 0  # the fourth was booked before
        await book(books, 6, 1)
        await sums.work_off(fewest=5)
        assert summed(url) == 5


async def test_while_few_wait_nothing_is_written(url: str) -> None:
    """Not even a lock, once a second for as long as nothing is new: each is a commit to disk."""
    async with opened_books(url) as books:
        await book(books, 1, 4)
        await DaySums(books.pool).work_off(fewest=6)
    assert rows(url, "SELECT xmax::text FROM usage.days_summed") == [("0",)]


async def test_nothing_is_summed_twice_by_several_processes(url: str) -> None:
    async with opened_books(url) as one, opened_books(url) as other:
        await book(one, 1, 30)
        each = [DaySums(books.pool).work_off(fewest=1, most=3) for books in (one, other) * 3]
        await asyncio.gather(*each)
        await DaySums(one.pool).work_off(fewest=1)
        assert rows(url, KEPT) == rows(url, BY_QUARTER)


async def test_a_running_service_does_it(database_url: str, start_service: Start) -> None:
    service = start_service(on_database(database_url))
    async with opened_books(database_url) as books:
        calls = [used(number, "0.01", NOON - timedelta(seconds=number)) for number in range(5_000)]
        await books.book(*calls, by=member_of("core", "ann"))
        for _ in range(600):
            if summed(database_url) == len(calls):
                break
            await asyncio.sleep(0.05)
    assert summed(database_url) == len(calls)
    assert rows(database_url, KEPT) == rows(database_url, BY_QUARTER)
    assert service.stop() == 0
