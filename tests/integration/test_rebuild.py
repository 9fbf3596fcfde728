"""A rebuild makes the tables again beside the live ones, says what differs, and swaps them in."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest

from events.envelope import Envelope
from events.streams import TEAM, USER, stream
from events.team import MemberAdded, TeamBlocked, TeamCreated, TeamSettings
from events.user import UserForgotten
from services.database.connections import service_conninfo
from services.projection.comparison import Comparison, Difference
from services.projection.filling.crew import Alone, Others, Together
from services.projection.projector import Projector, TableProjector, on
from services.projection.projectors.memberships import MEMBERSHIPS
from services.projection.projectors.teams import TABLE, TEAMS
from services.projection.rebuild import RebuildFailed, RebuildReport, discard, rebuild
from services.projection.rows import Rows
from tests.support.eventlog import History, append, owner
from tests.support.facts import SEALED, user_created
from tests.support.groups import Process, eventually, process
from tests.support.projected import TABLES, contents, everything

INDEXES = "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'read' ORDER BY 1, 2"
SHADOWS = "FROM pg_tables WHERE schemaname = 'read' AND tablename LIKE '%#%'"
CORE = stream(TEAM, "t0")


@pytest.fixture
def log() -> History:
    return History()


def fill(conn: psycopg.Connection[Any], log: History, teams: int) -> None:
    """Teams with two members each: three facts a command."""
    for _ in range(teams):
        team = stream(TEAM, f"t{log.position}")
        added = [(team, MemberAdded(user_id=name, role="user")) for name in ("ann", "bob")]
        created = (team, TeamCreated(settings=TeamSettings(team_alias=team)))
        append(conn, log.command(created, *added))


async def refuse(_: Sequence[Comparison]) -> bool:
    return False


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


async def run(
    process: Process,
    url: str,
    told: Callable[[int, int], None] = quiet,
    **how: Any,  # noqa: ANN401
) -> RebuildReport:
    async with asyncio.timeout(60):
        return await rebuild(process.group, url, progress=told, **how)


class Ending:
    """A projector whose process loses its connection after so many parts of the log."""

    def __init__(self, projector: Projector, parts: int) -> None:
        self.table, self.facts, self.reach = projector.table, projector.facts, projector.reach
        self._projector, self._parts = projector, parts

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        if self._parts == 0:
            raise ConnectionAbortedError
        self._parts -= 1
        return await self._projector.fold(facts)


async def test_a_rebuilt_read_model_equals_the_live_one(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 20)
    told: list[tuple[int, int]] = []
    async with process(database_url) as live:
        await live.reach(60)
        before, indexes = everything(conn), conn.execute(INDEXES).fetchall()
        for _ in range(2):
            told.clear()
            report = await run(live, database_url, lambda *at: told.append(at), page=9)
            assert (report.resumed, report.position, report.compared_at) == (0, 60, 60)
            assert [table.equal for table in report.tables] == [True] * len(TABLES)
            assert [table.live[0] for table in report.tables] == [20, 40, *[0] * 7, 40, 0, 20]
            assert (told, told[-1]) == (sorted(told), (60, 60))
            assert everything(conn) == before
            assert conn.execute(INDEXES).fetchall() == indexes
        fill(conn, log, 1)
        await live.reach(63)
    assert len(contents(conn, "teams_1")) == 21
    assert conn.execute(f"SELECT count(*) {SHADOWS}".encode()).fetchone() == (0,)


async def test_differences_are_named_and_repaired(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 30)
    async with process(database_url) as live:
        await live.reach(90)
        before = everything(conn)
        conn.execute("UPDATE read.teams_1 SET team_alias = 'wrong' WHERE team_id = 't3'")
        conn.execute("DELETE FROM read.memberships_1 WHERE team_id < 't7'")
        conn.execute("INSERT INTO read.memberships_1 VALUES ('t0', 9, 'x', 'user', 1, now())")
        report = await run(live, database_url)
    teams, members, *others = report.tables
    assert (teams.missing, teams.surplus, teams.changed) == (0, 0, 1)
    assert teams.rows == (Difference(("t3", 1), ("team_alias",)),)
    assert (members.missing, members.surplus, members.changed) == (46, 1, 0)
    assert (members.live[0], members.shadow[0], len(members.rows)) == (15, 60, 20)
    assert Difference(("t0", 9, "x"), (), only="live") in members.rows
    assert Difference(("t0", 1, "ann"), (), only="shadow") in members.rows
    assert all(table.equal and not table.rows for table in others)
    assert everything(conn) == before


async def test_an_interrupted_rebuild_goes_on_where_it_was(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 20)
    async with process(database_url) as live:
        await live.reach(60)
        before = everything(conn)
        first, *others = live.group.projectors
        with pytest.raises(ConnectionAbortedError):
            await run(live, database_url, page=6, crew=lambda _: Alone([Ending(first, 4), *others]))
        left = conn.execute('SELECT sum(events) FROM read."spans#rebuild"').fetchone()
        fill(conn, log, 2)
        await live.reach(66)
        assert everything(conn) != before
        report = await run(live, database_url, page=6)
    assert (left, report.resumed, report.position) == ((21,), 21, 66)
    assert [table.equal for table in report.tables] == [True] * len(TABLES)


async def test_what_another_release_has_begun_is_begun_anew(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 5)

    async with process(database_url) as live:
        await live.reach(15)
        await run(live, database_url, judge=refuse)
        conn.execute("UPDATE read.\"spans#rebuild\" SET shape = 'another'")
        report = await run(live, database_url)
    assert (report.resumed, report.position) == (0, 15)


async def test_a_rebuild_that_is_judged_wrong_is_not_swapped_in(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 5)
    judged: list[Sequence[Comparison]] = []

    async def refuse_seen(tables: Sequence[Comparison]) -> bool:
        judged.append(tables)
        return False

    async with process(database_url) as live:
        await live.reach(15)
        right = everything(conn)
        conn.execute("UPDATE read.teams_1 SET team_alias = 'wrong' WHERE team_id = 't3'")
        wrong = everything(conn)
        report = await run(live, database_url, judge=refuse_seen)
        assert (report.swapped, judged) == (False, [report.tables])
        assert everything(conn) == wrong
        fill(conn, log, 1)
        await live.reach(18)
        again = await run(live, database_url, judge=refuse_seen)
        assert (again.resumed, again.compared_at) == (15, 18)
        assert [table.changed for table in again.tables] == [1, *[0] * (len(TABLES) - 1)]
        await discard(live.group, database_url)
        assert conn.execute(f"SELECT count(*) {SHADOWS}".encode()).fetchone() == (0,)
        report = await run(live, database_url)
    assert (report.resumed, report.swapped) == (0, True)
    assert set(right["teams_1"]) <= set(everything(conn)["teams_1"])


async def test_processes_fill_what_one_process_does(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 100)
    async with process(database_url) as live:
        await live.reach(300)
        before = everything(conn)
        crews = [Others(2, bytes(32)), Together(Alone(live.group.projectors), Others(1, bytes(32)))]
        reports = [await run(live, database_url, page=50, crew=lambda _, c=c: c) for c in crews]
    assert [[t.equal for t in report.tables] for report in reports] == [[True] * len(TABLES)] * 2
    assert everything(conn) == before


async def test_the_group_goes_on_while_it_is_rebuilt(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 20)
    ended = asyncio.Event()

    async def write_and_read(live: Process) -> None:
        while not ended.is_set():
            fill(conn, log, 1)
            await live.reach(log.position)
            assert len(contents(conn, "teams_1")) == log.position // 3

    async with process(database_url) as live:
        await live.reach(60)
        writing = asyncio.create_task(write_and_read(live))
        report = await run(live, database_url, page=10)
        ended.set()
        await writing
    assert report.compared_at is not None
    assert report.position >= report.compared_at >= 60
    assert [table.equal for table in report.tables] == [True] * len(TABLES)
    assert len(contents(conn, "teams_1")) == log.position // 3


def fails(_: Rows, at: object, event: TeamBlocked) -> None:
    raise KeyError(at, event)


BROKEN = TableProjector(TABLE, {**TEAMS.folds, **on(TeamBlocked, fails)})


async def test_a_failing_fact_aborts_and_the_old_tables_are_served(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 5)
    append(conn, log.command((CORE, TeamBlocked())))
    fill(conn, log, 5)
    async with process(database_url) as live:
        await live.reach(31)
        before = everything(conn)
        async with process(database_url, [MEMBERSHIPS, BROKEN], run=False) as broken:
            with pytest.raises(RebuildFailed, match=r"team\.blocked at position 16: KeyError"):
                await run(broken, database_url, page=6)
        assert everything(conn) == before
        assert conn.execute(f"SELECT count(*) {SHADOWS}".encode()).fetchone() == (0,)
        fill(conn, log, 1)
        await live.reach(34)
        report = await run(live, database_url)
    assert (report.resumed, report.position) == (0, 34)


async def test_a_restored_store_is_rebuilt_to_its_head(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 10)
    async with process(database_url) as before:
        await before.reach(30)
    conn.execute("DELETE FROM events.stored_events WHERE notification_id > 15")
    conn.execute("UPDATE events.store SET epoch = gen_random_uuid()")
    async with process(database_url) as stopped:
        await stopped.running
        assert stopped.group.failed is not None
        report = await run(stopped, database_url)
    assert (report.position, report.compared_at, report.tables) == (15, None, [])
    log.position = 15
    async with process(database_url) as after:
        fill(conn, log, 1)
        await after.reach(18)
        assert after.group.failed is None
    assert len(contents(conn, "teams_1")) == 6


async def test_a_group_that_never_ran_is_filled(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 3)
    async with process(database_url, run=False) as idle:
        report = await run(idle, database_url)
    assert (report.position, report.compared_at) == (9, None)
    async with process(database_url) as live:
        await live.reach(9)
    assert len(contents(conn, "teams_1")) == 3


async def test_the_swap_waits_until_the_tables_are_free(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 3)
    async with process(database_url) as live:
        await live.reach(9)
        with owner(database_url) as reader:
            with reader.transaction():
                reader.execute("SELECT FROM read.memberships_1")
                rebuilding = asyncio.create_task(run(live, database_url))
                await eventually(conn, "count(*) > 0 FROM pg_locks WHERE NOT granted")
                await eventually(conn, "count(*) = 0 FROM pg_locks WHERE NOT granted")
                assert not rebuilding.done()
                reader.execute("SELECT FROM read.memberships_1")
            report = await rebuilding
    assert report.position == 9


async def test_prepared_statements_and_rights_survive_the_swap(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 3)
    query = b"SELECT team_id, settings, metadata FROM read.teams_1 WHERE team_id = %s"
    async with process(database_url) as live:
        await live.reach(9)
        with psycopg.connect(service_conninfo(database_url), autocommit=True) as service:
            before = service.execute(query, ("t0",), prepare=True).fetchall()
            for _ in range(2):
                await run(live, database_url)
                assert service.execute(query, ("t0",), prepare=True).fetchall() == before
            service.execute("UPDATE read.teams_1 SET blocked = true")
            service.execute("DELETE FROM read.audit_1")


async def test_who_is_forgotten_is_so_in_what_a_rebuild_has_left(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    told = b'SELECT email, email_lower, user_alias FROM read."users_1#rebuild" ORDER BY user_id'
    for name in ("ann", "bob"):
        append(conn, log.command((stream(USER, name), user_created(email=SEALED))))

    async with process(database_url) as live:
        await live.reach(2)
        await run(live, database_url, judge=refuse)
        [ann, bob] = conn.execute(told).fetchall()
        assert ann == bob != (None, None, None)
        append(conn, log.command((stream(USER, "ann"), UserForgotten(persons=["p-ann"]))))
        await live.reach(3)
        assert conn.execute(told).fetchall() == [(None, None, None), bob]
        report = await run(live, database_url)
    assert [table.equal for table in report.tables] == [True] * len(TABLES)


ALTERED = b'ALTER TABLE read."users_1#rebuild" DROP COLUMN user_alias'
LOCKED = b'LOCK TABLE read."users_1#rebuild" IN SHARE MODE'


@pytest.mark.parametrize(
    ("before", "meanwhile"), [(b"", LOCKED), (ALTERED, b"")], ids=["busy", "of another release"]
)
async def test_what_a_rebuild_has_left_stops_no_projection(
    conn: psycopg.Connection[Any], log: History, database_url: str, before: bytes, meanwhile: bytes
) -> None:
    append(conn, log.command((stream(USER, "ann"), user_created(email=SEALED))))

    async with process(database_url) as live:
        await live.reach(1)
        await run(live, database_url, judge=refuse)
        conn.execute(before)
        with owner(database_url) as other, other.transaction():
            other.execute(meanwhile)
            append(conn, log.command((stream(USER, "ann"), UserForgotten(persons=["p-ann"]))))
            await live.reach(2)
    assert conn.execute("SELECT email FROM read.users_1").fetchall() == [(None,)]


async def test_one_rebuild_of_a_group_at_a_time(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    fill(conn, log, 3)
    second: list[asyncio.Task[RebuildReport]] = []
    async with process(database_url) as live:
        await live.reach(9)

        def begin_another(_: int, __: int) -> None:
            if not second:
                second.append(asyncio.create_task(run(live, database_url)))

        report = await run(live, database_url, begin_another)
        assert report.position == 9
        with pytest.raises(RebuildFailed, match="another rebuild"):
            await second[0]


async def test_nothing_is_dropped_that_another_rebuild_goes_on_with(
    conn: psycopg.Connection[Any], log: History, database_url: str
) -> None:
    """As `rebuild --check` would, which is done with the shadows before it drops them."""
    fill(conn, log, 3)

    async with process(database_url) as live:
        await live.reach(9)
        await run(live, database_url, judge=refuse)

        async def drop(_: Sequence[Comparison]) -> bool:
            await discard(live.group, database_url)
            return True

        report = await run(live, database_url, judge=drop)
    assert (report.resumed, report.swapped) == (9, True)
