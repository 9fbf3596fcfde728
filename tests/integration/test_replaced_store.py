"""The log is replaced under a running process: nothing is written to it, nothing told of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from services.access.principal import AccessRefused
from services.command.application.requests import Unavailable
from services.command.domain.errors import AlreadyExists
from services.projection.progress import RebuildNeeded
from services.projection.runner import NotReached
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.groups import Process, eventually, process, team_facts
from tests.support.loop import Writer, credential_of, opened_writer, until
from tests.support.projected import contents
from tests.support.replaced import keep, new_epoch, put_back
from tests.support.stored import append_lock, stored_facts, waiting_appends


@pytest.fixture
def url(database_url: str) -> str:
    create_store(database_url)
    create_read(database_url)
    return database_url


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection[Any]]:
    with owner(url) as conn:
        yield conn


# Commands


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    async with opened_writer(url) as opened:
        yield opened


async def other_end(url: str, conn: psycopg.Connection[Any], name: str, members: int) -> None:
    """After the older copy was put back others went on from it."""
    put_back(conn)
    async with opened_writer(url) as other:
        await other.create(name, *(f"{name} {n}" for n in range(members)))


async def replaced(how: str, url: str, conn: psycopg.Connection[Any]) -> None:
    match how:
        case "epoch":
            new_epoch(conn)
        case "shorter":
            put_back(conn)
        case "as long":
            await other_end(url, conn, "other", 1)
        case "longer":
            await other_end(url, conn, "other", 5)


HOW = {
    "epoch": "new epoch",
    "shorter": "holds event None, not",
    "as long": "the store holds event",
    "longer": "the store holds event",
}


@pytest.mark.parametrize(("how", "says"), HOW.items())
async def test_no_command_is_taken_for_another_log(
    url: str, conn: psycopg.Connection[Any], writer: Writer, how: str, says: str
) -> None:
    await writer.create("core")
    keep(conn)
    await writer.create("lost", "x")
    await replaced(how, url, conn)
    before = stored_facts(url)
    for _ in range(2):
        with pytest.raises(Unavailable, match=f"{says}.*teamledger rebuild") as refused:
            await writer.create("new")
        assert refused.value.outcome == "not executed"
    assert stored_facts(url) == before
    assert writer.loop.stopped == writer.loop.failed == refused.value.reason
    async with opened_writer(url) as fresh:
        await fresh.create("new")
        assert fresh.loop.stopped is None


@pytest.mark.parametrize("how", HOW)
async def test_no_refusal_rests_on_another_log(
    url: str, conn: psycopg.Connection[Any], writer: Writer, how: str
) -> None:
    """A batch without events has to find its log as it was, too."""
    keep(conn)
    await writer.create("lost", "x")
    with pytest.raises(AlreadyExists):
        await writer.create("lost")
    with pytest.raises(AccessRefused):
        await writer.identify(credential_of("unknown"))
    await replaced(how, url, conn)
    with pytest.raises(Unavailable, match="teamledger rebuild"):
        await writer.create("lost")
    with pytest.raises(Unavailable, match="teamledger rebuild"):
        await writer.identify(credential_of("unknown"))


@pytest.mark.parametrize("how", HOW)
async def test_behind_a_lost_connection_the_log_is_recognised(
    url: str, conn: psycopg.Connection[Any], writer: Writer, how: str
) -> None:
    await writer.create("core")
    keep(conn)
    await writer.create("lost", "x")
    end_sessions(conn)
    await writer.add("lost", "y")
    end_sessions(conn)
    await replaced(how, url, conn)
    with pytest.raises(Unavailable, match="teamledger rebuild"):
        await writer.add("lost", "z")


def end_sessions(conn: psycopg.Connection[Any]) -> None:
    conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_an_append_that_waits_while_the_log_is_replaced_is_not_carried_out(
    url: str, conn: psycopg.Connection[Any], writer: Writer
) -> None:
    await writer.create("core")
    keep(conn)
    await writer.create("lost", "x")
    with append_lock(url) as holder:
        adding = asyncio.create_task(writer.add("lost", "y"))
        await until(lambda: waiting_appends(holder) > 0)
        put_back(holder)
        before = holder.execute("SELECT max(notification_id) FROM events.stored_events").fetchone()
    with pytest.raises(Unavailable, match="teamledger rebuild"):
        await adding
    now = conn.execute("SELECT max(notification_id) FROM events.stored_events").fetchone()
    assert now == before


# Reads


async def test_a_head_that_went_back_is_told_to_nobody(
    url: str, conn: psycopg.Connection[Any]
) -> None:
    log = History()
    append(conn, team_facts(log, "a"))
    keep(conn)
    append(conn, team_facts(log, "b"))
    async with process(url, run=False) as idle:
        assert await idle.head.read() == 2
        put_back(conn)
        for _ in range(2):
            with pytest.raises(RebuildNeeded, match="ends at position 1 and held event 2"):
                await idle.head.read()
        append(conn, [*team_facts(History(1), "c"), *team_facts(History(2), "d")])
        with pytest.raises(RebuildNeeded, match="ends at position 1"):
            await idle.head.read()


async def test_what_was_projected_counts_though_nobody_read_the_head(
    url: str, conn: psycopg.Connection[Any]
) -> None:
    log = History()
    append(conn, team_facts(log, "a"))
    keep(conn)
    async with process(url) as running:
        await running.reach(1)
        append(conn, team_facts(log, "b"))
        await running.reach(2)
        put_back(conn)
        with pytest.raises(RebuildNeeded, match="ends at position 1 and held event 2"):
            await running.head.read()


async def grown(conn: psycopg.Connection[Any], running: Process) -> None:
    """Two events, of which the second is replaced by two others."""
    log = History()
    append(conn, team_facts(log, "a"))
    keep(conn)
    append(conn, team_facts(log, "b"))
    await running.reach(2)
    put_back(conn)
    other = [*team_facts(History(1), "c"), *team_facts(History(2), "d")]
    replaced_ids = [f"0196{at.position:028x}" for at in other]
    with conn.transaction():
        append(conn, other)
        for at, event_id in zip(other, replaced_ids, strict=True):
            conn.execute(
                "UPDATE events.stored_events SET state = convert_to(replace("
                "convert_from(state, 'UTF8'), %s, %s), 'UTF8') WHERE notification_id = %s",
                (at.event_id, event_id, at.position),
            )


async def test_a_log_that_grew_again_is_not_projected_over(
    url: str, conn: psycopg.Connection[Any]
) -> None:
    async with process(url) as running:
        await grown(conn, running)
        with pytest.raises(NotReached, match=r"position 2 the store holds event 0196.*rebuild"):
            await running.reach(3)
        await running.running
    assert [row["team_alias"] for row in contents(conn, "teams_1")] == ["a", "b"]


async def test_an_idle_group_notices_a_log_that_ends_early(
    url: str, conn: psycopg.Connection[Any]
) -> None:
    append(conn, team_facts(History(), "a"))
    async with process(url) as running:
        await running.reach(1)
        conn.execute("TRUNCATE events.stored_events")
        await running.running
        assert running.group.failed is not None
        assert "at position 1 the store holds event None" in running.group.failed


async def test_a_process_that_never_gets_the_lock_recognises_the_log_too(
    url: str, conn: psycopg.Connection[Any]
) -> None:
    append(conn, team_facts(History(), "a"))
    async with process(url) as before:
        await before.reach(1)
    new_epoch(conn)
    lock = "pg_try_advisory_xact_lock(hashtextextended('read.groups contract', 0))"
    with owner(url) as other, other.transaction():
        await eventually(other, lock)
        async with process(url) as locked_out:
            await locked_out.running
            assert locked_out.group.failed is not None
            assert locked_out.group.position == 0
