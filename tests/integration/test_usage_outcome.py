"""A connection that is lost while calls are being booked: nothing is lost, nothing counts twice."""

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from events.usage import UsageRecorded
from services.command.application.requests import Unavailable
from services.database.connections import service_conninfo
from services.spend.reconcile import reconcile
from tests.support.loop import until
from tests.support.processes import book_calls, two_processes
from tests.support.proxy import Moment, Proxy, proxied
from tests.support.usage import Books, call, opened_books, rows, statuses

CUTS: list[Moment] = ["before", "half", "after", "answered"]
LOCK = 7305230
SESSIONS_ENDED = 30
END_SESSIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = 'victim' AND datname = current_database()
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE objid = %s AND NOT granted"


@pytest.fixture
async def through(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    async with proxied(service_conninfo(url)) as opened:
        yield opened


async def check(url: str, calls: int) -> None:
    """So many calls of one dollar are booked, each once, at positions without gaps."""
    async with opened_books(url) as books, books.pool.connection() as connection:
        found = await reconcile(connection)
    assert (found.agrees, found.position, found.total.rows) == (True, calls, calls)
    assert {book.kept.cost for book in found.books} == {Decimal(calls), Decimal(0)}


@pytest.mark.parametrize("moment", CUTS)
async def test_a_booking_that_is_cut_off_counts_once(
    url: str, through: tuple[Proxy, str], moment: Moment
) -> None:
    proxy, conninfo = through
    async with opened_books(url, through=conninfo) as books:
        await books.book(call(0))
        cut = proxy.cut("call-7", moment)
        others = (books.book(call(100 + n)) for n in range(5))
        report, *_ = await asyncio.gather(books.book(call(7), call(8)), *others)
        assert cut.happened.is_set()
        was_booked = {"before": {"recorded"}, "half": {"recorded"}, "answered": {"duplicate"}}
        assert set(statuses(report)) <= was_booked.get(moment, {"recorded", "duplicate"})
        assert not any(outcome.altered for outcome in report.outcomes)
        assert statuses(await books.book(call(7), call(9))) == ["duplicate", "recorded"]
    await check(url, 9)


async def test_a_ghost_that_still_waits_for_the_lock_does_no_harm(
    url: str, through: tuple[Proxy, str]
) -> None:
    """The dead session's booking is carried out first, and found by the one that asks again."""
    proxy, conninfo = through
    async with opened_books(url, through=conninfo) as books:
        await books.book(call(0))
        with psycopg.connect(url) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            cut = proxy.cut("call-7", "after")
            booking = asyncio.create_task(books.book(call(7)))
            await cut.happened.wait()
            await until(lambda: holder.execute(WAITING, (LOCK,)).fetchone() == (2,))
        assert statuses(await booking) == ["duplicate"]
    await check(url, 2)


async def test_a_ghost_that_arrives_late_does_no_harm(url: str, through: tuple[Proxy, str]) -> None:
    proxy, conninfo = through
    async with opened_books(url, through=conninfo) as books:
        await books.book(call(0))
        cut = proxy.cut("call-7", "delayed")
        assert statuses(await books.book(call(7), call(8))) == ["recorded"] * 2
        await cut.release()
        assert statuses(await books.book(call(8), call(9))) == ["duplicate", "recorded"]
    await check(url, 4)


async def test_a_connection_that_falls_silent_is_replaced(
    url: str, through: tuple[Proxy, str]
) -> None:
    """Whether it was booked is not known, and sending it again settles that."""
    proxy, conninfo = through
    async with opened_books(url, through=conninfo, deadline=1.0) as books:
        await books.book(call(0))
        cut = proxy.cut("call-7", "frozen")
        with pytest.raises(Unavailable) as refused:
            await books.book(call(7))
        assert refused.value.outcome == "unknown"
        await cut.release()
        await again(books, call(7))
        await again(books, call(8))
    await check(url, 3)


async def again(books: Books, *calls: UsageRecorded) -> None:
    """Send them until they are acknowledged."""
    async with asyncio.timeout(60):
        while True:
            try:
                await books.book(*calls)
            except Unavailable:
                continue
            return


async def test_sessions_ended_at_random_moments_lose_and_double_nothing(url: str) -> None:
    conninfo = make_conninfo(service_conninfo(url), application_name="victim")
    over = asyncio.Event()
    async with opened_books(url, through=conninfo) as books, opened_books(url) as other:
        senders = [keep_sending(books if n < 3 else other, n, over) for n in range(4)]
        ended, *sent = await asyncio.gather(end_sessions(url, over), *senders)
    assert ended >= SESSIONS_ENDED
    await check(url, sum(sent))


async def keep_sending(books: Books, sender: int, over: asyncio.Event) -> int:
    """How many calls were sent, three at a time; of each three one was in those before."""
    number = first = sender * 1_000_000
    while not over.is_set():
        await again(books, *(call(n) for n in range(number, number + 3)))
        number += 2
    return number + 1 - first if number > first else 0


async def end_sessions(url: str, over: asyncio.Event) -> int:
    """End the victim's sessions again and again; how often there was one to end."""
    moments = random.Random(7)
    ended = 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        while ended < SESSIONS_ENDED:
            cursor = await conn.execute(END_SESSIONS)
            row = await cursor.fetchone()
            ended += row[0] if row else 0
            await asyncio.sleep(moments.uniform(0, 0.15))
    over.set()
    return ended


async def test_two_processes_that_are_sent_the_same_book_it_once(url: str) -> None:
    """In another order, and in batches of another size."""
    async with two_processes() as (one, two):
        booked = await asyncio.gather(
            one(book_calls, url, 0, 1_500, 7), two(book_calls, url, 1_999, 499, 11)
        )
    ids = [name for names in booked for name in names]
    assert sorted(ids) == sorted(f"call-{n}" for n in range(2_000))
    await check(url, 2_000)
    batches = rows(url, "SELECT sum(records)::int, max(position)::int FROM usage.batches")
    assert batches == [(2_000, 2_000)]
