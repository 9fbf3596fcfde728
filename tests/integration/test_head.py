"""Reading the head: one query for all who wait, and never one that began before they asked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from events.streams import TEAM, stream
from events.team import TeamCreated, TeamSettings
from services.database.connections import Pool, open_pool, service_conninfo
from services.database.embedded import EmbeddedServer
from services.projection.head import Head, HeadUnavailable
from tests.support.eventlog import History, append, owner
from tests.support.groups import eventually
from tests.support.kills import held_up

BLOCKED = "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')"


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection[Any]]:
    with owner(url) as conn:
        yield conn


@pytest.fixture
async def pool(url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(service_conninfo(url), 1, 2, "test")
    yield pool
    await pool.close()


def add(conn: psycopg.Connection[Any], log: History) -> None:
    append(
        conn, log.command((stream(TEAM, f"t{log.position}"), TeamCreated(settings=TeamSettings())))
    )


def asked(pool: Pool) -> int:
    """How often a connection was asked for: once per query."""
    return pool.get_stats().get("requests_num", 0)


async def test_the_head_is_the_last_position_and_tells_the_epoch(
    conn: psycopg.Connection[Any], pool: Pool
) -> None:
    head, log = Head(pool), History()
    assert (head.epoch, await head.read()) == (None, 0)
    add(conn, log)
    assert await head.read() == 1
    assert conn.execute("SELECT epoch FROM events.store").fetchone() == (head.epoch,)


async def test_all_who_wait_share_one_query(conn: psycopg.Connection[Any], pool: Pool) -> None:
    head = Head(pool)
    add(conn, History())
    before = asked(pool)
    assert await asyncio.gather(*(head.read() for _ in range(100))) == [1] * 100
    assert asked(pool) == before + 1


async def test_nobody_joins_a_query_under_way(
    conn: psycopg.Connection[Any], pool: Pool, url: str
) -> None:
    head, log = Head(pool, deadline_seconds=10), History()
    before = asked(pool)
    with owner(url) as other, other.transaction():
        other.execute("LOCK TABLE events.stored_events IN ACCESS EXCLUSIVE MODE")
        first = asyncio.create_task(head.read())
        await eventually(conn, BLOCKED)
        later = [asyncio.create_task(head.read()) for _ in range(10)]
        await asyncio.sleep(0)
        assert asked(pool) == before + 1
    add(conn, log)
    assert await first <= 1
    assert await asyncio.gather(*later) == [1] * 10
    assert asked(pool) == before + 2


async def test_a_caller_who_leaves_takes_nobody_along(
    conn: psycopg.Connection[Any], pool: Pool
) -> None:
    head = Head(pool)
    add(conn, History())
    leaving, staying = (asyncio.create_task(head.read()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 1
    assert leaving.cancelled()


async def test_without_an_answer_in_time_the_head_is_unavailable_to_all(
    conn: psycopg.Connection[Any], pool: Pool, url: str
) -> None:
    head = Head(pool, deadline_seconds=0.2)
    with owner(url) as other, other.transaction():
        other.execute("LOCK TABLE events.stored_events IN ACCESS EXCLUSIVE MODE")
        found = await asyncio.gather(*(head.read() for _ in range(5)), return_exceptions=True)
    assert [type(error) for error in found] == [HeadUnavailable] * 5
    await eventually(conn, f"NOT {BLOCKED}")
    assert await head.read() == 0


async def test_nobody_waits_longer_for_a_database_that_stands_still(
    pool: Pool, postgres_server: EmbeddedServer
) -> None:
    """Nor for its query to be cancelled: whoever comes next is told in time as well."""
    head = Head(pool, deadline_seconds=0.2)
    assert await head.read() == 0
    with held_up(postgres_server):
        async with asyncio.timeout(4):
            for _ in range(5):
                with pytest.raises(HeadUnavailable):
                    await head.read()
    async with asyncio.timeout(20):
        while True:
            with suppress(HeadUnavailable):
                assert await head.read() == 0
                break


async def test_a_lost_database_is_unavailable_until_it_is_back(
    conn: psycopg.Connection[Any], pool: Pool
) -> None:
    head = Head(pool)
    assert await head.read() == 0
    conn.execute("ALTER TABLE events.store RENAME TO elsewhere")
    with pytest.raises(HeadUnavailable):
        await head.read()
    conn.execute("ALTER TABLE events.elsewhere RENAME TO store")
    assert await head.read() == 0
