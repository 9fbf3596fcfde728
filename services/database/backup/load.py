"""Restoring: an archive into a database without events, in one transaction."""

from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.sql import SQL

from services.database.backup import ArchiveError, Told
from services.database.backup.manifest import LOG, Manifest, Member
from services.database.backup.reader import Archive
from services.database.backup.tables import (
    Table,
    applied_migrations,
    connect,
    exists,
    tables,
)
from services.database.backup.take import head_of
from services.database.connections import SERVICE_NAME, DatabaseUnusable
from services.database.migrations import migrate, read_migrations

_SERVICES = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s
"""
_NEW_EPOCH = "UPDATE events.store SET epoch = gen_random_uuid() RETURNING epoch"


class RestoreRefused(Exception):
    """Nothing was changed; the text says what stands in the way and what to do."""


def check_migrations(manifest: Manifest, sql_dir: Path) -> None:
    """Raise RestoreRefused unless every migration of the archive is one of this program's."""
    known = [(m.number, m.name, m.sha256) for m in read_migrations(sql_dir)]
    for place, applied in enumerate(manifest.migrations):
        if known[place : place + 1] != [(applied.number, applied.name, applied.sha256)]:
            raise RestoreRefused(
                f"the backup was made by teamledger {manifest.teamledger} with migration "
                f"{applied.name}, which this program does not know; install that release or a "
                "newer one"
            )


def load(url: str, archive: Archive, sql_dir: Path, *, told: Told) -> UUID:
    """Fill a database that holds no events, and bring it up to date; its new epoch.

    Until the one transaction that fills it has ended the database stays without events, so that
    what was interrupted can be repeated. `told` counts bytes. Raises RestoreRefused, ArchiveError
    and DatabaseUnusable.
    """
    level = len(archive.manifest.migrations)
    with connect(url) as conn:
        _check_target(conn, level)
        migrate(url, sql_dir, upto=level)
        try:
            with conn.transaction():
                epoch = _fill(conn, archive, told)
            migrate(url, sql_dir)
            for table in tables(conn):
                conn.execute(SQL("ANALYZE {}").format(table.identifier))
        except psycopg.Error as failed:  # its whole text may quote what stands in the rows
            raise DatabaseUnusable(
                f"the backup was not restored: {failed.diag.message_primary or failed}"
            ) from failed
    return epoch


def _check_target(conn: psycopg.Connection[Any], level: int) -> None:
    if exists(conn, LOG):
        _check_empty(conn)
    applied = applied_migrations(conn)
    if len(applied) > level:
        raise RestoreRefused(
            f"the database is prepared for a newer release ({applied[-1].name}) than the backup; "
            "restore into an empty database or data directory, which is then brought up to date"
        )
    services = conn.execute(_SERVICES, (SERVICE_NAME,)).fetchone()
    if services is not None and services[0]:
        raise RestoreRefused("a teamledger service is connected to this database; stop it first")


def _check_empty(conn: psycopg.Connection[Any]) -> None:
    position, _ = head_of(conn)
    if position:
        raise RestoreRefused(
            f"the database holds {position} events already, and a backup replaces none; restore "
            "into another data directory (TEAMLEDGER_DATA_DIR) or database "
            "(TEAMLEDGER_DATABASE_URL), or move this one away first"
        )


def _fill(conn: psycopg.Connection[Any], archive: Archive, told: Told) -> UUID:
    """Everything that commits together. A second restore waits for the lock, then finds events."""
    manifest = archive.manifest
    conn.execute("SELECT events.lock_head()")
    _check_empty(conn)
    there = {table.full_name: table for table in tables(conn)}
    if there.keys() != {member.table for member in manifest.members}:
        raise ArchiveError(f"{archive.path} has other tables than its migrations make")
    names = SQL(", ").join(table.identifier for table in there.values())
    conn.execute(SQL("TRUNCATE {}").format(names))
    done = 0
    for member in manifest.members:
        done = _fill_table(conn, archive, member, there[member.table], done, told)
    for counter in manifest.counters:
        conn.execute(
            "SELECT setval(%s::regclass, %s, %s)", (counter.sequence, counter.last, counter.called)
        )
    if head_of(conn) != (manifest.position, manifest.event_id):
        raise ArchiveError(f"{archive.path} does not end with event {manifest.event_id}")
    epoch = conn.execute(_NEW_EPOCH).fetchone()
    if epoch is None:
        raise ArchiveError(f"{archive.path} has no epoch")
    found: UUID = epoch[0]
    return found


def _fill_table(  # noqa: PLR0913, PLR0917 - a table, its content, and how far everything is
    conn: psycopg.Connection[Any],
    archive: Archive,
    member: Member,
    table: Table,
    done: int,
    told: Told,
) -> int:
    with conn.cursor() as cursor, cursor.copy(table.copy_in(member.columns)) as copy:
        for block in archive.blocks(member):
            copy.write(block)
            done += len(block)
            told(done, archive.manifest.size)
    counted = conn.execute(SQL("SELECT count(*) FROM {}").format(table.identifier)).fetchone()
    if counted != (member.rows,):
        raise ArchiveError(f"{archive.path}: {counted} rows of {member.rows} in {member.table}")
    return done
