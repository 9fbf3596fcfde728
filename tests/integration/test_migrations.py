"""Migrations against a real server: order, memory, refusals, and several at once."""

import hashlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from services.database.connections import DatabaseUnusable
from services.database.embedded import EmbeddedServer
from services.database.migrations import MigrationError, migrate
from tests.support.postgres import fresh_database, open_directory, running_server

TEAMS = "CREATE TABLE ops.teams (id text PRIMARY KEY);"
COLOURS = "ALTER TABLE ops.teams ADD colour text;\nGRANT SELECT ON ops.teams TO teamledger_service;"

WAITS_FOR_TEAMS = """
SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE c.relname = 'teams' AND l.database = (SELECT oid FROM pg_database
    WHERE datname = current_database()) AND NOT l.granted
"""


@pytest.fixture
def sql_dir(tmp_path: Path) -> Path:
    write(tmp_path, "0001_teams.sql", TEAMS)
    write(tmp_path, "0002_colours.sql", COLOURS)
    return tmp_path


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    """For tests that drop the role: elsewhere tables of other tests may depend on it."""
    with open_directory() as parent, running_server(parent / "data") as server:
        yield server


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def rows(url: str, query: LiteralString) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(query).fetchall()


def test_files_are_applied_in_order_and_once(database_url: str, sql_dir: Path) -> None:
    assert migrate(database_url, sql_dir) == ["0001_teams.sql", "0002_colours.sql"]
    assert migrate(database_url, sql_dir) == []
    write(sql_dir, "0003_drop.sql", "ALTER TABLE ops.teams DROP colour;")
    assert migrate(database_url, sql_dir) == ["0003_drop.sql"]


def test_nobody_waits_long_behind_a_change_that_waits(database_url: str, sql_dir: Path) -> None:
    """Who holds a table up may be waiting for somebody who reads it."""
    migrate(database_url, sql_dir, upto=1)
    with (
        ThreadPoolExecutor(1) as beside,
        psycopg.connect(database_url) as holder,
        psycopg.connect(database_url, autocommit=True) as reader,
    ):
        holder.execute("SELECT FROM ops.teams")
        applied = beside.submit(migrate, database_url, sql_dir)
        while reader.execute(WAITS_FOR_TEAMS).fetchone() is None:
            assert not applied.done()
        reader.execute("SET statement_timeout = '10s'")
        assert reader.execute("SELECT count(*) FROM ops.teams").fetchone() == (0,)
        holder.commit()
        assert applied.result() == ["0002_colours.sql"]


def test_what_was_applied_is_recorded(database_url: str, sql_dir: Path) -> None:
    migrate(database_url, sql_dir)
    recorded = rows(
        database_url,
        "SELECT number, name, sha256, applied_at <= now() FROM ops.migrations",
    )
    assert recorded == [
        (1, "0001_teams.sql", hashlib.sha256(TEAMS.encode()).hexdigest(), True),
        (2, "0002_colours.sql", hashlib.sha256(COLOURS.encode()).hexdigest(), True),
    ]


def test_line_ends_of_a_checkout_do_not_count(database_url: str, sql_dir: Path) -> None:
    migrate(database_url, sql_dir)
    (sql_dir / "0002_colours.sql").write_bytes(COLOURS.replace("\n", "\r\n").encode())
    assert migrate(database_url, sql_dir) == []


def test_two_sets_of_files_live_side_by_side(
    database_url: str, sql_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    read = tmp_path_factory.mktemp("read")
    write(read, "0001_rows.sql", "CREATE TABLE read.rows (id text);")
    migrate(database_url, sql_dir)
    assert migrate(database_url, read, schema="read") == ["0001_rows.sql"]
    assert rows(database_url, "SELECT name FROM read.migrations") == [("0001_rows.sql",)]


def test_a_failing_file_leaves_nothing_and_is_named_with_its_line(
    database_url: str, sql_dir: Path
) -> None:
    broken = "CREATE TABLE ops.half (id int);\nSELECT 1;\nSELECT nonsense FROM ops.half;"
    write(sql_dir, "0003_broken.sql", broken)
    with pytest.raises(MigrationError, match=r'0003_broken\.sql, line 3: column "nonsense"'):
        migrate(database_url, sql_dir)
    assert rows(database_url, "SELECT to_regclass('ops.half')") == [(None,)]
    assert rows(database_url, "SELECT max(number) FROM ops.migrations") == [(2,)]


def test_a_file_must_not_end_its_own_transaction(database_url: str, tmp_path: Path) -> None:
    write(tmp_path, "0001_commits.sql", "CREATE TABLE ops.early (id int); COMMIT;")
    with pytest.raises(MigrationError, match=r"0001_commits\.sql must not end its own transaction"):
        migrate(database_url, tmp_path)


def test_an_edited_file_is_refused(database_url: str, sql_dir: Path) -> None:
    migrate(database_url, sql_dir)
    write(sql_dir, "0001_teams.sql", TEAMS + " -- better")
    write(sql_dir, "0003_more.sql", "CREATE TABLE ops.more (id int);")
    with pytest.raises(MigrationError, match=r"0001_teams\.sql is not what was applied"):
        migrate(database_url, sql_dir)
    assert rows(database_url, "SELECT to_regclass('ops.more')") == [(None,)]


def test_a_renamed_file_is_refused(database_url: str, sql_dir: Path) -> None:
    migrate(database_url, sql_dir)
    (sql_dir / "0002_colours.sql").rename(sql_dir / "0002_colors.sql")
    with pytest.raises(MigrationError, match=r"0002_colors\.sql is not .* 0002_colours\.sql"):
        migrate(database_url, sql_dir)


def test_a_database_newer_than_the_program_is_refused(database_url: str, sql_dir: Path) -> None:
    migrate(database_url, sql_dir)
    (sql_dir / "0002_colours.sql").unlink()
    with pytest.raises(MigrationError, match=r"newer than this program.*0002_colours\.sql"):
        migrate(database_url, sql_dir)


@pytest.mark.parametrize(
    ("stray", "complaint"),
    [
        ("0004_gap.sql", r"0004_gap\.sql should be preceded by a file 0003_"),
        ("0002_again.sql", r"0002_colours\.sql repeats the number"),
        ("3_short.sql", r"3_short\.sql is not named like"),
        ("0003-dash.sql", r"0003-dash\.sql is not named like"),
    ],
)
def test_stray_files_are_refused_before_anything_runs(
    database_url: str, sql_dir: Path, stray: str, complaint: str
) -> None:
    write(sql_dir, stray, "SELECT 1;")
    with pytest.raises(MigrationError, match=complaint):
        migrate(database_url, sql_dir)
    assert rows(database_url, "SELECT to_regnamespace('ops')") == [(None,)]


def test_a_gap_in_what_was_applied_is_refused(database_url: str, sql_dir: Path) -> None:
    migrate(database_url, sql_dir)
    with psycopg.connect(database_url) as conn:
        conn.execute("DELETE FROM ops.migrations WHERE number = 1")
    with pytest.raises(MigrationError, match="no migration 0001"):
        migrate(database_url, sql_dir)


def test_a_missing_directory_and_an_unreachable_server_have_their_texts(
    database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(MigrationError, match="is not a directory"):
        migrate(database_url, tmp_path / "absent")
    with pytest.raises(DatabaseUnusable, match="cannot be used"):
        migrate(database_url + "_absent", tmp_path)


def test_a_database_whose_text_is_not_utf8_is_refused(
    postgres_server: EmbeddedServer, sql_dir: Path
) -> None:
    """In SQL_ASCII, the default where the locale is C, text would come as bytes."""
    made = "CREATE DATABASE {} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.conninfo(), autocommit=True) as admin:
        admin.execute(sql.SQL(made).format(sql.Identifier(name)))
        try:
            with pytest.raises(DatabaseUnusable, match="SQL_ASCII; teamledger needs UTF8"):
                migrate(postgres_server.conninfo(name), sql_dir)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def test_many_migrating_at_once_apply_each_file_once(database_url: str, tmp_path: Path) -> None:
    names = [f"{number:04d}_table.sql" for number in range(1, 9)]
    for number, name in enumerate(names):
        write(tmp_path, name, f"CREATE TABLE ops.t{number} (id int);")
    together = Barrier(4)

    def run(_: int) -> list[str]:
        together.wait()
        return migrate(database_url, tmp_path)

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(run, range(4)))
    assert sorted(applied) == [[], [], [], names]


def drop_role(server: EmbeddedServer) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        conn.execute("DROP ROLE IF EXISTS teamledger_service")


def new_user(url: str, right: LiteralString = "", *, may_make_schemas: bool = True) -> str:
    """The address of the same database for a new ordinary user."""
    name = f"user_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as conn:
        database, user = sql.Identifier(conn.info.dbname), sql.Identifier(name)
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN {}").format(user, sql.SQL(right)))
        if may_make_schemas:
            conn.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, user))
    return url.replace("postgresql://postgres@", f"postgresql://{name}@")


def test_the_role_is_made_without_login(own_server: EmbeddedServer, sql_dir: Path) -> None:
    drop_role(own_server)
    with fresh_database(own_server) as url:
        migrate(url, sql_dir)
        role = "SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = 'teamledger_service'"
        assert rows(url, role) == [(False, False)]


def test_several_databases_may_make_the_role_at_once(
    own_server: EmbeddedServer, sql_dir: Path
) -> None:
    drop_role(own_server)
    together = Barrier(4)

    def run(url: str) -> list[str]:
        together.wait()
        return migrate(url, sql_dir)

    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        urls = [stack.enter_context(fresh_database(own_server)) for _ in range(4)]
        assert list(pool.map(run, urls)) == [["0001_teams.sql", "0002_colours.sql"]] * 4


def test_a_user_who_may_make_roles_needs_no_administrator(
    own_server: EmbeddedServer, sql_dir: Path
) -> None:
    drop_role(own_server)
    with fresh_database(own_server) as url:
        as_user = new_user(url, "CREATEROLE")
        migrate(as_user, sql_dir)
        with psycopg.connect(as_user) as conn:
            conn.execute("SET ROLE teamledger_service")
            assert conn.execute("SELECT current_user").fetchone() == ("teamledger_service",)


def test_without_the_right_to_make_roles_the_text_says_what_to_run(
    own_server: EmbeddedServer, sql_dir: Path
) -> None:
    drop_role(own_server)
    with fresh_database(own_server) as url:
        as_user = new_user(url)
        with pytest.raises(MigrationError) as refused:
            migrate(as_user, sql_dir)
        advice = [line.strip() for line in str(refused.value).splitlines()[-2:]]
        assert advice[0] == 'CREATE ROLE "teamledger_service" NOLOGIN;'
        assert advice[1].startswith('GRANT "teamledger_service" TO "user_')
        with psycopg.connect(url, autocommit=True) as administrator:
            for statement in advice:
                administrator.execute(statement.encode())
        assert migrate(as_user, sql_dir) == ["0001_teams.sql", "0002_colours.sql"]


def test_without_the_right_to_make_schemas_the_text_says_what_to_run(
    own_server: EmbeddedServer, sql_dir: Path
) -> None:
    drop_role(own_server)
    with fresh_database(own_server) as url:
        as_user = new_user(url, "CREATEROLE", may_make_schemas=False)
        with pytest.raises(MigrationError, match="GRANT CREATE ON DATABASE") as refused:
            migrate(as_user, sql_dir)
        with psycopg.connect(url, autocommit=True) as administrator:
            administrator.execute(str(refused.value).splitlines()[-1].encode())
        assert migrate(as_user, sql_dir) == ["0001_teams.sql", "0002_colours.sql"]
