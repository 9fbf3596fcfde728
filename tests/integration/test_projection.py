"""The running group on a real log: it follows, waits, shares, recovers, and stops for a reason."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from events.envelope import Envelope
from events.registry import UnknownFact
from events.streams import TEAM, stream
from events.team import MemberAdded, TeamBlocked, TeamRenamed
from services.projection.feed import Feed
from services.projection.feed.store import StoreFeed
from services.projection.progress import RebuildNeeded
from services.projection.projector import TableProjector, on
from services.projection.projectors.memberships import MEMBERSHIPS
from services.projection.projectors.teams import TABLE, TEAMS
from services.projection.rows import Rows
from services.projection.runner import NotReached
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.groups import Process, eventually, process, team_facts
from tests.support.projected import contents

CORE = stream(TEAM, "core")
BACKENDS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


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


def aliases(conn: psycopg.Connection[Any]) -> list[str]:
    return [row["team_alias"] for row in contents(conn, "teams_1")]


async def test_what_is_appended_is_there_once_it_is_waited_for(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    for name in ("a", "b", "c"):
        append(conn, team_facts(log, name, members=2))
        await one.reach(await one.head.read())
        assert contents(conn, "teams_1")[-1]["team_alias"] == name
    assert len(contents(conn, "memberships_1")) == 6
    assert one.group.position == log.position == 9


async def test_a_group_moves_on_though_nobody_waits(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, team_facts(log, "a"))
    await eventually(conn, "position = 1 FROM read.groups WHERE name = 'contract'")
    assert (aliases(conn), one.group.failed) == (["a"], None)


async def test_a_position_beyond_the_head_is_not_reached(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, team_facts(log, "a"))
    with pytest.raises(NotReached, match="asked for position 5, the read models stand at 1"):
        await one.group.wait_for(5, 0.3)
    await one.reach(1)


async def test_a_large_log_is_applied_in_pages_and_restarts_where_it_stopped(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    append(conn, [at for n in range(40) for at in team_facts(log, f"t{n}", members=7)])
    async with process(url, page=50) as first:
        await first.reach(log.position)
    append(conn, team_facts(log, "later"))
    async with process(url, page=50) as second:
        await second.reach(log.position)
    assert len(contents(conn, "teams_1")) == 41
    assert len(contents(conn, "memberships_1")) == 280


async def test_two_processes_share_the_work_and_both_see_it(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    async with process(url, page=10) as one, process(url, page=10) as two:
        for n in range(30):
            append(conn, team_facts(log, f"t{n}", members=3))
            await asyncio.gather(one.reach(log.position), two.reach(log.position))
            assert len(contents(conn, "teams_1")) == n + 1
    assert [row["members_total"] for row in contents(conn, "teams_1")] == [3] * 30


async def test_whoever_does_not_get_the_lock_waits_for_the_position(
    conn: psycopg.Connection[Any], log: History, url: str, one: Process
) -> None:
    await one.reach(await one.head.read())
    lock = "pg_try_advisory_xact_lock(hashtextextended('read.groups contract', 0))"
    with owner(url) as other, other.transaction():
        await eventually(other, lock)
        append(conn, team_facts(log, "a"))
        with pytest.raises(NotReached):
            await one.group.wait_for(1, 0.3)
    await one.reach(1)
    assert aliases(conn) == ["a"]


class Repeating(StoreFeed):
    """Delivers what was delivered before once more, as a relay may after a crash."""

    async def after(
        self, position: int, limit: int = 2_000, *, event_id: str | None = None
    ) -> list[Envelope]:
        del event_id
        return await super().after(max(0, position - 3), limit)


async def test_repeats_change_nothing(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    def repeating(feed: StoreFeed) -> Repeating:
        return Repeating(feed._pool, feed._conninfo)  # noqa: SLF001

    async with process(url, wrapped=repeating) as running:
        for name in ("a", "b", "c"):
            append(conn, team_facts(log, name, members=2))
            await running.reach(log.position)
        await running.group.feed.close()  # type: ignore[attr-defined]
    assert [row["members_total"] for row in contents(conn, "teams_1")] == [2, 2, 2]
    assert len(contents(conn, "audit_1")) == 3


async def test_unknown_facts_only_move_the_position(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    unknown = UnknownFact(name="team.painted", version=3, data={"colour": "red"})
    append(conn, log.command((CORE, unknown)))
    append(conn, team_facts(log, "b"))
    await one.reach(2)
    assert (aliases(conn), len(contents(conn, "audit_1"))) == (["b"], 1)


def fails(_: Rows, at: Envelope, event: TeamBlocked) -> None:
    raise KeyError(at.originator_id, event)


BREAKABLE = TableProjector(TABLE, {**TEAMS.folds, **on(TeamBlocked, fails)})


async def test_a_fact_that_cannot_be_folded_stops_the_group_and_writes_nothing(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    append(conn, team_facts(log, "core", members=1))
    async with process(url, [MEMBERSHIPS, BREAKABLE]) as running:
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
    async with process(url) as mended:
        await mended.reach(4)
    assert contents(conn, "teams_1")[0]["blocked"] is True


async def test_a_fact_that_cannot_be_read_stops_the_group(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    at = team_facts(log, "core")[0]
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
    conn: psycopg.Connection[Any], log: History, url: str, harm: str, reason: str
) -> None:
    append(conn, team_facts(log, "a") + team_facts(log, "b"))
    async with process(url) as before:
        await before.reach(2)
    conn.execute(harm.encode())
    async with process(url) as after:
        await after.running
        assert after.group.failed is not None
        assert reason in after.group.failed
    assert aliases(conn) == ["a", "b"]


async def test_a_new_epoch_is_noticed_while_running(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    append(conn, team_facts(log, "a"))
    await one.reach(1)
    conn.execute("UPDATE events.store SET epoch = gen_random_uuid()")
    for _ in range(2):
        with pytest.raises(RebuildNeeded, match="new epoch"):
            await one.head.read()
    append(conn, team_facts(log, "b"))
    await one.running
    assert one.group.failed is not None
    assert "new epoch" in one.group.failed
    assert aliases(conn) == ["a"]


async def test_lost_connections_are_tried_again(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    for name in ("a", "b", "c"):
        append(conn, team_facts(log, name))
        await one.reach(log.position)
        conn.execute(f"SELECT pg_terminate_backend(pid) FROM {BACKENDS}".encode())
    append(conn, team_facts(log, "d"))
    await one.reach(4)
    assert (aliases(conn), one.group.failed) == (["a", "b", "c", "d"], None)


class SlowFeed:
    """What it brings takes so long to fold, each time, that the server ends the transaction."""

    def __init__(self, feed: StoreFeed, conn: psycopg.Connection[Any]) -> None:
        self._feed, self._conn = feed, conn
        self.pages = list[int]()

    async def after(
        self, position: int, limit: int = 2_000, *, event_id: str | None = None
    ) -> list[Envelope]:
        page = await self._feed.after(position, limit, event_id=event_id)
        if page:
            self.pages.append(position)
            idle = f"{BACKENDS} AND state = 'idle in transaction'"
            ended = self._conn.execute(f"SELECT pg_terminate_backend(pid) FROM {idle}".encode())
            assert ended.fetchall() == [(True,)]
        return page

    async def wait(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109
        return await self._feed.wait(position, timeout)

    async def event_id(self, position: int) -> str | None:
        return await self._feed.event_id(position)


async def test_what_took_longer_to_fold_than_a_transaction_may_idle_is_written_all_the_same(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    slow = list[SlowFeed]()

    def wrapped(feed: StoreFeed) -> Feed:
        slow.append(SlowFeed(feed, conn))
        return slow[0]

    append(conn, team_facts(log, "a", members=2))
    async with process(url, wrapped=wrapped) as running:
        await running.reach(3)
        append(conn, team_facts(log, "b"))
        await running.reach(4)
    assert (aliases(conn), slow[0].pages) == (["a", "b"], [0, 3])


async def test_stopping_lets_go_of_whoever_waits(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    async with process(url) as running:
        append(conn, team_facts(log, "a"))
        await running.reach(1)
        waiting = asyncio.create_task(running.group.wait_for(9, 60))
        await asyncio.sleep(0)
        await running.group.stop()
        with pytest.raises(NotReached, match="stopped"):
            await waiting


async def test_a_row_that_cannot_be_written_stops_the_group_without_quoting_it(
    conn: psycopg.Connection[Any], log: History, url: str
) -> None:
    conn.execute("ALTER TABLE read.teams_1 ADD CHECK (team_alias <> 'secret')")
    append(conn, team_facts(log, "a"))
    async with process(url) as running:
        await running.reach(1)
        append(conn, team_facts(log, "secret"))
        await running.running
        assert running.group.failed is not None
        assert running.group.failed.startswith("CheckViolation: ")
        assert "secret" not in running.group.failed
    assert aliases(conn) == ["a"]


async def test_old_positions_are_reached_at_once(
    conn: psycopg.Connection[Any], log: History, one: Process
) -> None:
    renamed = [(CORE, TeamRenamed(before=str(n), after=str(n + 1))) for n in range(5)]
    append(conn, team_facts(log, "core") + [at for r in renamed for at in log.command(r)])
    await one.reach(6)
    for position in range(7):
        await one.group.wait_for(position, 0)
    assert all(a < b for a, b in pairwise(row["position"] for row in contents(conn, "audit_1")))
