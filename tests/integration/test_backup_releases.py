"""Backups across releases: schemas that are older, newer, or not there yet, found by themselves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from psycopg import sql

from services.database.backup.load import RestoreRefused, check_migrations, load
from services.database.backup.reader import Archive
from services.database.embedded import EmbeddedServer
from services.database.migrations import migrate
from services.database.schemas import EVENT_MIGRATIONS
from tests.support.archives import backed_up, checked, everything, quiet
from tests.support.eventlog import History, append, owner
from tests.support.groups import team_facts
from tests.support.postgres import fresh_database

ODD = 'tab\t line\n return\r \\N \\ "quoted" {,} é \U0001f600 \x7f'
USAGE = """
CREATE TABLE usage.later (
    id bigint GENERATED ALWAYS AS IDENTITY, day date NOT NULL, cost numeric, tags jsonb,
    at timestamptz, took interval, share double precision, label text, hash bytea,
    twice numeric GENERATED ALWAYS AS (cost * 2) STORED
) PARTITION BY RANGE (day);
CREATE TABLE usage.later_2026 PARTITION OF usage.later
    FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE UNLOGGED TABLE usage.scratch (n int);
"""
LATER = """
ALTER TABLE ops.chores ADD note text;
UPDATE ops.chores SET note = 'migrated ' || parent;
"""


class Release(NamedTuple):
    """What a release knows of the event database."""

    sql_dir: Path
    newest: str


def release(folder: Path, *added: str) -> Release:
    """Ours with further migrations."""
    folder.mkdir()
    own = sorted(EVENT_MIGRATIONS.glob("*.sql"))
    for file in own:
        (folder / file.name).write_bytes(file.read_bytes())
    newest = own[-1].name
    for number, text in enumerate(added, len(own) + 1):
        newest = f"{number:04d}_more.sql"
        (folder / newest).write_text(text)
    return Release(folder, newest)


@pytest.fixture
def with_usage(tmp_path: Path) -> Release:
    return release(tmp_path / "with usage", USAGE)


@pytest.fixture
def later(tmp_path: Path) -> Release:
    return release(tmp_path / "later", USAGE, LATER)


@pytest.fixture
def source(database_url: str, with_usage: Release) -> str:
    """Of the release with usage, in a database whose settings are not ours."""
    migrate(database_url, with_usage.sql_dir)
    with owner(database_url) as conn:
        append(conn, team_facts(History(), "a", members=3))
        conn.execute("INSERT INTO ops.secrets VALUES ('root_fingerprint', 'x')")
        conn.execute("INSERT INTO ops.chores VALUES ('team-a', 'keys', 3)")
        conn.execute(
            "INSERT INTO usage.later (day, cost, tags, at, took, share, label, hash) VALUES"
            " ('2026-05-05', 0.1, %s, '2026-05-05T05:05:05.123456Z', '1 mon -3 s', 1/3::float8,"
            " %s, %s), ('2026-05-06', NULL, NULL, NULL, NULL, 'NaN', '', '')",
            (json.dumps({"odd": ODD}), ODD, bytes(range(256))),
        )
        conn.execute("INSERT INTO usage.scratch VALUES (1)")
        name = sql.Identifier(conn.info.dbname)
        for setting in ("datestyle = German", "timezone = 'Asia/Kathmandu'", "bytea_output = hex"):
            text = sql.SQL("ALTER DATABASE {} SET ").format(name) + sql.SQL(setting)
            conn.execute(text)
    return database_url


@pytest.fixture
def archive(source: str, tmp_path: Path) -> Path:
    backed_up(source, tmp_path / "archive")
    return tmp_path / "archive"


@pytest.fixture
def target(postgres_server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        yield url


def restored(url: str, file: Path, into: Release) -> None:
    with Archive(file) as archive:
        check_migrations(archive.manifest, into.sql_dir)
        load(url, archive, into.sql_dir, told=quiet)


def test_tables_of_a_new_schema_come_along_with_all_their_types(
    source: str, archive: Path, target: str, with_usage: Release
) -> None:
    held = {member.table: member.rows for member in checked(archive).members}
    assert (held["usage.later"], held["ops.chores"]) == (2, 1)
    assert not held.keys() & {"usage.later_2026", "usage.scratch", "ops.migrations"}
    restored(target, archive, with_usage)
    before, after = everything(source), everything(target)
    with owner(target) as conn:
        assert conn.execute("SELECT count(*) FROM usage.scratch").fetchone() == (0,)
    assert after == before


def test_counters_go_on_where_they_were(archive: Path, target: str, with_usage: Release) -> None:
    restored(target, archive, with_usage)
    with owner(target) as conn:
        row = conn.execute("INSERT INTO usage.later (day) VALUES ('2026-01-01') RETURNING id")
        assert row.fetchone() == (3,)


def test_an_older_backup_is_restored_as_it_was_and_then_migrated(
    archive: Path, target: str, later: Release
) -> None:
    """What a migration does to rows it does to these as well."""
    restored(target, archive, later)
    with owner(target) as conn:
        assert conn.execute("SELECT note FROM ops.chores").fetchall() == [("migrated team-a",)]
        newest = conn.execute("SELECT name FROM ops.migrations ORDER BY number DESC LIMIT 1")
        assert newest.fetchone() == (later.newest,)
    assert migrate(target, later.sql_dir) == []


def test_a_database_prepared_for_a_newer_release_is_refused(
    archive: Path, target: str, later: Release
) -> None:
    migrate(target, later.sql_dir)
    with pytest.raises(RestoreRefused, match=f"newer release.*{later.newest}.*empty database"):
        restored(target, archive, later)


def test_a_backup_of_a_newer_release_is_refused(
    archive: Path, target: str, with_usage: Release
) -> None:
    own = Release(EVENT_MIGRATIONS, "")
    says = f"{with_usage.newest}, which this program does not know"
    with pytest.raises(RestoreRefused, match=says):
        restored(target, archive, own)
    with owner(target) as conn:
        assert conn.execute("SELECT to_regnamespace('events')").fetchone() == (None,)


def test_an_edited_migration_is_another_one(
    archive: Path, target: str, with_usage: Release
) -> None:
    file = with_usage.sql_dir / with_usage.newest
    file.write_text(file.read_text() + "-- better\n")
    with pytest.raises(RestoreRefused, match=with_usage.newest):
        restored(target, archive, with_usage)
