"""Numbered SQL files, applied once, in order, under a lock, and remembered by their content.

The rules for the files are in `migrations/README.md`.
"""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from services.database.connections import (
    DatabaseUnusable,
    check_encoding,
    check_server_version,
    owner_conninfo,
)
from services.database.service_role import NoServiceRole, ensure_service_role

FILE_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")
ADVISORY_LOCK = 7305228
LOCK_TIMEOUT = "500ms"
"""Less than readers wait for: who comes after a change that waits for a table waits behind it."""

TRIES, PAUSE_SECONDS = 100, 0.5


class MigrationError(Exception):
    """Nothing further was applied; the text names the file or number at fault and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name (`0001_events.sql`) and its SQL."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Of the text with its line ends made uniform: the same for every checkout."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(sql_dir: Path) -> list[Migration]:
    """The files of a directory by number. Raises MigrationError for a gap or a stray name."""
    if not sql_dir.is_dir():
        raise MigrationError(f"{sql_dir} is not a directory")
    found: list[Migration] = []
    for path in sorted(sql_dir.glob("*.sql")):
        named = FILE_NAME.fullmatch(path.name)
        if named is None:
            raise MigrationError(f"{path.name} is not named like 0001_what_it_brings.sql")
        found.append(Migration(int(named[1]), path.name, path.read_text(encoding="utf-8")))
    for expected, migration in enumerate(found, 1):
        if migration.number < expected:
            raise MigrationError(f"{migration.name} repeats the number of another file")
        if migration.number > expected:
            raise MigrationError(f"{migration.name} should be preceded by a file {expected:04d}_…")
    return found


def last_migration(sql_dir: Path) -> int:
    """The number of the last file: no process runs on a database that lacks it."""
    return read_migrations(sql_dir)[-1].number


def migrate(
    conninfo: str, sql_dir: Path, *, schema: str = "ops", upto: int | None = None
) -> list[str]:
    """Bring the database up to the files and return the names of those applied now.

    Each file is one transaction, recorded in `<schema>.migrations`. Schema, table and the role
    `teamledger_service` are made first. Any number of processes may do this at once. Files with
    numbers beyond `upto` are left for later: an older backup is restored before they are applied.
    Raises MigrationError (also when files and database disagree) and DatabaseUnusable.
    """
    files = read_migrations(sql_dir)
    try:
        conn = psycopg.connect(owner_conninfo(conninfo), autocommit=True)
    except psycopg.OperationalError as failed:
        raise DatabaseUnusable(f"the database cannot be used: {failed}") from failed
    with conn:
        check_server_version(conn.info.server_version)
        check_encoding(conn.info.parameter_status("server_encoding"))
        conn.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))  # until the session ends
        table = _prepare(conn, schema)
        pending = _pending(files, _applied(conn, table))
        if upto is not None:
            pending = [migration for migration in pending if migration.number <= upto]
        for migration in pending:
            _apply(conn, table, migration)
    return [migration.name for migration in pending]


def _prepare(conn: psycopg.Connection[Any], schema: str) -> sql.Identifier:
    try:
        ensure_service_role(conn)
    except NoServiceRole as missing:
        raise MigrationError(str(missing)) from missing
    table = sql.Identifier(schema, "migrations")
    try:
        namespace = "SELECT FROM pg_namespace WHERE nspname = %s"
        if conn.execute(namespace, (schema,)).fetchone() is None:
            conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        conn.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (number int PRIMARY KEY, name text NOT NULL, "
                "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            ).format(table)
        )
    except psycopg.errors.InsufficientPrivilege as refused:
        user = sql.Identifier(conn.info.user).as_string(conn)
        database = sql.Identifier(conn.info.dbname).as_string(conn)
        raise MigrationError(
            f"{refused.diag.message_primary}. A database administrator must run once:\n"
            f"  GRANT CREATE ON DATABASE {database} TO {user};"
        ) from refused
    return table


def _applied(conn: psycopg.Connection[Any], table: sql.Identifier) -> list[tuple[int, str, str]]:
    query = sql.SQL("SELECT number, name, sha256 FROM {} ORDER BY number").format(table)
    return conn.execute(query).fetchall()


def _pending(files: list[Migration], applied: Sequence[tuple[int, str, str]]) -> list[Migration]:
    for expected, (number, name, _) in enumerate(applied, 1):
        if number != expected:
            raise MigrationError(f"the database has {name} applied but no migration {expected:04d}")
    if len(applied) > len(files):
        raise MigrationError(
            f"the database is newer than this program: it has {applied[-1][1]} applied and the "
            f"program knows {len(files)} migrations; install a newer teamledger"
        )
    for file, (_, name, sha256) in zip(files, applied, strict=False):
        if (file.name, file.sha256) != (name, sha256):
            raise MigrationError(
                f"{file.name} is not what was applied as {name}: an applied migration is never "
                "edited or renamed; put it back and write a new one"
            )
    return files[len(applied) :]


def patiently(conn: psycopg.Connection[Any], change: Callable[[], object]) -> None:
    """Make a change of tables, in a transaction, that others are working with.

    A command may hold what it waits for, and need to read what then waits behind the change: so it
    steps aside after half a second, and tries again. Raises LockNotAvailable after some minutes.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with conn.transaction():
                conn.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
                change()
        except psycopg.errors.LockNotAvailable:
            if not tries_left:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _apply(conn: psycopg.Connection[Any], table: sql.Identifier, migration: Migration) -> None:
    def change() -> None:
        conn.execute(migration.text.encode())
        if conn.info.transaction_status is not TransactionStatus.INTRANS:
            raise MigrationError(f"{migration.name} must not end its own transaction")
        conn.execute(
            sql.SQL("INSERT INTO {} (number, name, sha256) VALUES (%s, %s, %s)").format(table),
            (migration.number, migration.name, migration.sha256),
        )

    try:
        patiently(conn, change)
    except psycopg.Error as failed:
        raise MigrationError(
            f"{migration.name}{_line(migration, failed)}: {failed.diag.message_primary or failed}"
        ) from failed


def _line(migration: Migration, failed: psycopg.Error) -> str:
    position = failed.diag.statement_position
    if position is None:
        return ""
    return f", line {migration.text.count(chr(10), 0, int(position) - 1) + 1}"
