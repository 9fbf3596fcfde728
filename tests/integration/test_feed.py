"""The feed of the store: whole commands in pages, news at once, and what a writer hands over."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from events.streams import TEAM, stream
from events.team import TeamCreated, TeamSettings
from services.database.connections import open_pool, service_conninfo
from services.projection.feed.store import StoreFeed
from services.projection.runner import NotReached
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.groups import Process, eventually, process, team_facts
from tests.support.projected import contents

BACKENDS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

LISTENERS = f"{BACKENDS} AND query = 'LISTEN stored_events' AND state = 'idle'"


@pytest.fixture
def log() -> History:
    return History()


@pytest.fixture
def url(database_url: str) -> str:
    """A database with empty schemas `events` and `read`."""
    create_store(database_url)
    create_read(database_url)
    return database_url


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection[Any]]:
    """As the owner."""
    with owner(url) as conn:
        yield conn


@pytest.fixture
async def one(url: str) -> AsyncIterator[Process]:
    """A process that projects."""
    async with process(url) as running:
        yield running


async def test_what_a_writer_hands_over_is_neither_read_nor_decoded_again(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    async with process(url, run=False) as idle:
        first, second, third = (team_facts(log, name) for name in "abc")
        append(conn, [*first, *second, *third])
        idle.feed.offer(second)
        assert [at.position for at in await idle.feed.after(0)] == [1, 2, 3]
        assert (await idle.feed.after(1))[0] is second[0]
        idle.feed.offer(third)
        idle.feed.offer([])
        assert (await idle.feed.after(2))[0] is third[0]
        assert await idle.feed.after(3) == []


async def test_a_gap_in_what_is_handed_over_is_filled_from_the_store(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    async with process(url, run=False) as idle:
        first, second, third = (team_facts(log, name) for name in "abc")
        append(conn, [*first, *second, *third])
        idle.feed.offer(first)
        idle.feed.offer(third)
        found = await idle.feed.after(0)
        assert [at.originator_id for at in found] == ["team-a", "team-b", "team-c"]
        assert (await idle.feed.after(2))[0] is third[0]


@pytest.mark.parametrize("handed", [True, False])
async def test_pages_end_with_the_end_of_a_command(
    conn: psycopg.Connection[Any], log: History, url: str, *, handed: bool
) -> None:
    commands = [team_facts(log, f"t{n}", members=n) for n in (1, 6, 0, 2)]
    envelopes = [at for command in commands for at in command]
    append(conn, envelopes)
    async with process(url, run=False) as idle:
        if handed:
            idle.feed.offer(envelopes)
        pages = [await idle.feed.after(0, 3)]
        while pages[-1]:
            pages.append(await idle.feed.after(pages[-1][-1].position, 3))
    assert [len(page) for page in pages] == [2, 7, 1, 3, 0]
    assert [at for page in pages for at in page] == envelopes


async def test_a_page_of_large_events_is_shorter(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    settings = TeamSettings(metadata={"large": "x" * 250_000})
    facts = [(stream(TEAM, f"t{n}"), TeamCreated(settings=settings)) for n in range(60)]
    append(conn, [at for fact in facts for at in log.command(fact)])
    async with process(url, run=False) as idle:
        assert 0 < len(await idle.feed.after(0)) < 40
    async with process(url) as running:
        await running.reach(60)
    assert len(contents(conn, "teams_1")) == 60


async def test_a_gap_in_the_store_is_never_stepped_over(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    envelopes = [at for name in "abc" for at in team_facts(log, name)]
    append(conn, [envelopes[0], envelopes[2]])
    with pytest.raises(NotReached):
        await one.reach(3)
    assert one.group.failed == "positions are missing between 0 and 3"


async def test_half_a_command_is_never_delivered(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, team_facts(log, "a", members=2)[:2])
    with pytest.raises(NotReached):
        await one.reach(2)
    assert one.group.failed == "the command at position 1 has no end"


async def test_waiting_ends_with_the_news_even_on_a_new_connection(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    async with process(url, run=False) as idle:
        assert not await idle.feed.wait(0, 0.05)
        for position in (1, 2, 3):
            waiting = asyncio.create_task(idle.feed.wait(position - 1, 10))
            await eventually(conn, f"count(*) = 1 FROM {LISTENERS}")
            append(conn, team_facts(log, f"t{position}"))
            assert await waiting
            conn.execute(f"SELECT pg_terminate_backend(pid) FROM {LISTENERS}".encode())
            await eventually(conn, f"count(*) = 0 FROM {LISTENERS}")


async def test_however_many_wait_the_log_is_looked_at_as_seldom(url: str) -> None:
    """Everybody who follows the change feed waits here."""
    async with await open_pool(service_conninfo(url), 1, 4, "test") as pool:
        feed = StoreFeed(pool, service_conninfo(url), look_seconds=0.1)
        before = pool.get_stats().get("requests_num", 0)
        assert not any(await asyncio.gather(*(feed.wait(0, 0.45) for _ in range(50))))
        await feed.close()
        assert 1 <= pool.get_stats().get("requests_num", 0) - before <= 6


async def test_a_false_alarm_is_given_once(conn: psycopg.Connection[Any], url: str) -> None:
    async with process(url, run=False) as idle:
        waiting = asyncio.create_task(idle.feed.wait(0, 10))
        await eventually(conn, f"count(*) = 1 FROM {LISTENERS}")
        conn.execute("SELECT pg_notify('stored_events', '1000')")
        assert await waiting
        assert await idle.feed.after(0) == []
        assert not await idle.feed.wait(0, 0.05)


async def test_nonsense_notifications_do_no_harm(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    await eventually(conn, f"count(*) = 1 FROM {LISTENERS}")
    for payload in ("", "x", "-1", "9" * 30, "²", "9" * 5_000):
        conn.execute("SELECT pg_notify('stored_events', %s)", (payload,))
    append(conn, team_facts(log, "a"))
    await one.reach(1)
    assert one.group.failed is None
    await eventually(conn, f"count(*) = 1 FROM {LISTENERS}")
