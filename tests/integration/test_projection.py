"""The running group on a real log: it follows, waits, shares, recovers, and stops for a reason."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from events.envelope import Envelope
from events.registry import UnknownFact
from events.streams import TEAM, stream
from events.team import MemberAdded, TeamBlocked, TeamCreated, TeamRenamed, TeamSettings
from services.projection.feed.store import StoreFeed
from services.projection.projector import TableProjector, on
from services.projection.projectors.memberships import MEMBERSHIPS
from services.projection.projectors.teams import TABLE, TEAMS
from services.projection.rows import Rows
from services.projection.runner import NotReached
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.groups import Process, eventually, process
from tests.support.projected import contents

CORE = stream(TEAM, "core")
BACKENDS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

LISTENERS = f"{BACKENDS} AND query = 'LISTEN stored_events'"


@pytest.fixture
def log() -> History:
    return History()


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """As the owner, on empty schemas `events` and `read`."""
    create_store(database_url)
    create_read(database_url)
    with owner(database_url) as conn:
        yield conn


@pytest.fixture
async def one(conn: psycopg.Connection[Any], database_url: str) -> AsyncIterator[Process]:
    assert conn.info.dbname in database_url
    async with process(database_url) as running:
        yield running


def create(log: History, name: str, members: int = 0) -> list[Envelope]:
    team = stream(TEAM, name)
    added = ((team, MemberAdded(user_id=f"u{n}", role="user")) for n in range(members))
    return log.command((team, TeamCreated(settings=TeamSettings(team_alias=name))), *added)


def aliases(conn: psycopg.Connection[Any]) -> list[str]:
    return [row["team_alias"] for row in contents(conn, "teams_1")]


async def test_what_is_appended_is_there_once_it_is_waited_for(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    for name in ("a", "b", "c"):
        append(conn, create(log, name, members=2))
        await one.reach(await one.head.read())
        assert contents(conn, "teams_1")[-1]["team_alias"] == name
    assert len(contents(conn, "memberships_1")) == 6
    assert one.group.position == log.position == 9


async def test_a_group_moves_on_though_nobody_waits(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, create(log, "a"))
    await eventually(conn, "position = 1 FROM read.groups WHERE name = 'contract'")
    assert (aliases(conn), one.group.failed) == (["a"], None)


async def test_a_position_beyond_the_head_is_not_reached(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, create(log, "a"))
    with pytest.raises(NotReached, match="asked for position 5, the read models stand at 1"):
        await one.group.wait_for(5, 0.3)
    await one.reach(1)


async def test_a_large_log_is_applied_in_pages_and_restarts_where_it_stopped(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    append(conn, [at for n in range(40) for at in create(log, f"t{n}", members=7)])
    async with process(database_url, page=50) as first:
        await first.reach(log.position)
    append(conn, create(log, "later"))
    async with process(database_url, page=50) as second:
        await second.reach(log.position)
    assert len(contents(conn, "teams_1")) == 41
    assert len(contents(conn, "memberships_1")) == 280


async def test_two_processes_share_the_work_and_both_see_it(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    async with process(database_url, page=10) as one, process(database_url, page=10) as two:
        for n in range(30):
            append(conn, create(log, f"t{n}", members=3))
            await asyncio.gather(one.reach(log.position), two.reach(log.position))
            assert len(contents(conn, "teams_1")) == n + 1
    assert [row["members_total"] for row in contents(conn, "teams_1")] == [3] * 30


async def test_whoever_does_not_get_the_lock_waits_for_the_position(
    conn: psycopg.Connection[Any], log: History, database_url: str, one: Process
) -> None:
    await one.reach(await one.head.read())
    lock = "pg_try_advisory_xact_lock(hashtextextended('read.groups contract', 0))"
    with owner(database_url) as other, other.transaction():
        await eventually(other, lock)
        append(conn, create(log, "a"))
        with pytest.raises(NotReached):
            await one.group.wait_for(1, 0.3)
    await one.reach(1)
    assert aliases(conn) == ["a"]


class Repeating(StoreFeed):
    """Delivers what was delivered before once more, as a relay may after a crash."""

    async def after(self, position: int, limit: int = 2_000) -> list[Envelope]:
        return await super().after(max(0, position - 3), limit)


async def test_repeats_change_nothing(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    def repeating(feed: StoreFeed) -> Repeating:
        return Repeating(feed._pool, feed._conninfo)  # noqa: SLF001

    async with process(database_url, wrapped=repeating) as running:
        for name in ("a", "b", "c"):
            append(conn, create(log, name, members=2))
            await running.reach(log.position)
        await running.group.feed.close()  # type: ignore[attr-defined]
    assert [row["members_total"] for row in contents(conn, "teams_1")] == [2, 2, 2]
    assert len(contents(conn, "audit_1")) == 3


async def test_unknown_facts_only_move_the_position(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    unknown = UnknownFact(name="team.painted", version=3, data={"colour": "red"})
    append(conn, log.command((CORE, unknown)))
    append(conn, create(log, "b"))
    await one.reach(2)
    assert (aliases(conn), len(contents(conn, "audit_1"))) == (["b"], 1)


def fails(_: Rows, at: Envelope, event: TeamBlocked) -> None:
    raise KeyError(at.originator_id, event)


BREAKABLE = TableProjector(TABLE, {**TEAMS.folds, **on(TeamBlocked, fails)})


async def test_a_fact_that_cannot_be_folded_stops_the_group_and_writes_nothing(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    append(conn, create(log, "core", members=1))
    async with process(database_url, [MEMBERSHIPS, BREAKABLE]) as running:
        await running.reach(2)
        member = MemberAdded(user_id="late", role="user")
        append(conn, log.command((CORE, member), (CORE, TeamBlocked())))
        with pytest.raises(NotReached):
            await running.reach(4)
        reason = "teams_1: team.blocked at position 4: KeyError"
        assert running.group.failed == reason
        with pytest.raises(NotReached, match=reason):
            await running.group.wait_for(4, 60)
        assert running.running.done()
    assert [row["user_id"] for row in contents(conn, "memberships_1")] == ["u0"]
    assert contents(conn, "teams_1")[0]["blocked"] is False
    async with process(database_url) as mended:
        await mended.reach(4)
    assert contents(conn, "teams_1")[0]["blocked"] is True


async def test_a_fact_that_cannot_be_read_stops_the_group(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    at = create(log, "core")[0]
    conn.execute(
        "INSERT INTO events.stored_events VALUES (%s, 1, 'team.created', %s, 1)",
        (at.originator_id, b'{"id": "secret"}'),
    )
    with pytest.raises(NotReached):
        await one.reach(1)
    assert one.group.failed == "the log: team.created at position 1: KeyError"


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("UPDATE events.store SET epoch = gen_random_uuid()", "new epoch"),
        ("DELETE FROM events.stored_events WHERE notification_id = 2", "holds event None"),
        (
            """
            UPDATE events.stored_events
            SET state = convert_to(replace(convert_from(state, 'utf8'), '0195', '0196'), 'utf8')
            """,
            "holds event 0196",
        ),
    ],
)
async def test_another_store_stops_the_group_and_demands_a_rebuild(
    conn: psycopg.Connection[Any], log: History, database_url: str, harm: str, reason: str
) -> None:
    append(conn, create(log, "a") + create(log, "b"))
    async with process(database_url) as before:
        await before.reach(2)
    conn.execute(harm.encode())
    async with process(database_url) as after:
        await after.running
        assert after.group.failed is not None
        assert reason in after.group.failed
    assert aliases(conn) == ["a", "b"]


async def test_a_new_epoch_is_noticed_while_running(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, create(log, "a"))
    await one.reach(1)
    conn.execute("UPDATE events.store SET epoch = gen_random_uuid()")
    await one.head.read()
    append(conn, create(log, "b"))
    with pytest.raises(NotReached):
        await one.reach(2)
    assert one.group.failed is not None
    assert aliases(conn) == ["a"]


async def test_lost_connections_are_tried_again(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    for name in ("a", "b", "c"):
        append(conn, create(log, name))
        await one.reach(log.position)
        conn.execute(f"SELECT pg_terminate_backend(pid) FROM {BACKENDS}".encode())
    append(conn, create(log, "d"))
    await one.reach(4)
    assert (aliases(conn), one.group.failed) == (["a", "b", "c", "d"], None)


async def test_stopping_lets_go_of_whoever_waits(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    async with process(database_url) as running:
        append(conn, create(log, "a"))
        await running.reach(1)
        waiting = asyncio.create_task(running.group.wait_for(9, 60))
        await asyncio.sleep(0)
        await running.group.stop()
        with pytest.raises(NotReached, match="stopped"):
            await waiting


async def test_what_a_writer_hands_over_is_neither_read_nor_decoded_again(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    async with process(database_url, run=False) as idle:
        first, second, third = (create(log, name) for name in "abc")
        append(conn, [*first, *second, *third])
        idle.feed.offer(second)
        assert [at.position for at in await idle.feed.after(0)] == [1, 2, 3]
        assert (await idle.feed.after(1))[0] is second[0]
        idle.feed.offer(third)
        idle.feed.offer([])
        assert (await idle.feed.after(2))[0] is third[0]
        assert await idle.feed.after(3) == []


async def test_a_gap_in_what_is_handed_over_is_filled_from_the_store(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    async with process(database_url, run=False) as idle:
        first, second, third = (create(log, name) for name in "abc")
        append(conn, [*first, *second, *third])
        idle.feed.offer(first)
        idle.feed.offer(third)
        found = await idle.feed.after(0)
        assert [at.originator_id for at in found] == ["team-a", "team-b", "team-c"]
        assert (await idle.feed.after(2))[0] is third[0]


@pytest.mark.parametrize("handed", [True, False])
async def test_pages_end_with_the_end_of_a_command(
    conn: psycopg.Connection[Any], log: History, database_url: str, *, handed: bool
) -> None:
    commands = [create(log, f"t{n}", members=n) for n in (1, 6, 0, 2)]
    envelopes = [at for command in commands for at in command]
    append(conn, envelopes)
    async with process(database_url, run=False) as idle:
        if handed:
            idle.feed.offer(envelopes)
        pages = [await idle.feed.after(0, 3)]
        while pages[-1]:
            pages.append(await idle.feed.after(pages[-1][-1].position, 3))
    assert [len(page) for page in pages] == [2, 7, 1, 3, 0]
    assert [at for page in pages for at in page] == envelopes


async def test_a_page_of_large_events_is_shorter(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    settings = TeamSettings(metadata={"large": "x" * 250_000})
    facts = [(stream(TEAM, f"t{n}"), TeamCreated(settings=settings)) for n in range(60)]
    append(conn, [at for fact in facts for at in log.command(fact)])
    async with process(database_url, run=False) as idle:
        assert 0 < len(await idle.feed.after(0)) < 40
    async with process(database_url) as running:
        await running.reach(60)
    assert len(aliases(conn)) == 60


async def test_a_row_that_cannot_be_written_stops_the_group_without_quoting_it(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    conn.execute("ALTER TABLE read.teams_1 ADD CHECK (team_alias <> 'secret')")
    append(conn, create(log, "a"))
    async with process(database_url) as running:
        await running.reach(1)
        append(conn, create(log, "secret"))
        await running.running
        assert running.group.failed is not None
        assert running.group.failed.startswith("CheckViolation: ")
        assert "secret" not in running.group.failed
    assert aliases(conn) == ["a"]


async def test_a_gap_in_the_store_is_never_stepped_over(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    envelopes = [at for name in "abc" for at in create(log, name)]
    append(conn, [envelopes[0], envelopes[2]])
    with pytest.raises(NotReached):
        await one.reach(3)
    assert one.group.failed == "positions are missing between 0 and 3"


async def test_half_a_command_is_never_delivered(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, create(log, "a", members=2)[:2])
    with pytest.raises(NotReached):
        await one.reach(2)
    assert one.group.failed == "the command at position 1 has no end"


async def test_waiting_ends_with_the_news_even_on_a_new_connection(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    async with process(database_url, run=False) as idle:
        assert not await idle.feed.wait(0, 0.05)
        for position in (1, 2, 3):
            waiting = asyncio.create_task(idle.feed.wait(position - 1, 10))
            await eventually(conn, f"count(*) = 1 FROM {LISTENERS}")
            append(conn, create(log, f"t{position}"))
            assert await waiting
            conn.execute(f"SELECT pg_terminate_backend(pid) FROM {LISTENERS}".encode())
            await eventually(conn, f"count(*) = 0 FROM {LISTENERS}")


async def test_a_false_alarm_is_given_once(
    conn: psycopg.Connection[Any], database_url: str
) -> None:
    async with process(database_url, run=False) as idle:
        waiting = asyncio.create_task(idle.feed.wait(0, 10))
        await eventually(conn, f"count(*) = 1 FROM {LISTENERS}")
        conn.execute("SELECT pg_notify('stored_events', '1000')")
        assert await waiting
        assert await idle.feed.after(0) == []
        assert not await idle.feed.wait(0, 0.05)


async def test_nonsense_notifications_do_no_harm(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    for payload in ("", "x", "-1", "9" * 30, "²"):
        conn.execute("SELECT pg_notify('stored_events', %s)", (payload,))
    append(conn, create(log, "a"))
    await one.reach(1)
    assert one.group.failed is None


async def test_old_positions_are_reached_at_once(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    renamed = [(CORE, TeamRenamed(before=str(n), after=str(n + 1))) for n in range(5)]
    append(conn, create(log, "core") + [at for r in renamed for at in log.command(r)])
    await one.reach(6)
    for position in range(7):
        await one.group.wait_for(position, 0)
    assert all(a < b for a, b in pairwise(row["position"] for row in contents(conn, "audit_1")))
    assert replace(log.command((CORE, TeamBlocked()))[0], position=1).ends_command
