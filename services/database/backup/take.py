"""Taking a backup: one snapshot of the event database, beside a service that goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg import IsolationLevel

from services.database.backup import Told
from services.database.backup.manifest import FORMAT, LOG, Manifest, Member
from services.database.backup.tables import (
    Table,
    applied_migrations,
    connect,
    counters,
    exists,
    tables,
)
from services.database.backup.writer import ArchiveWriter, written_archive
from services.database.connections import DatabaseUnusable

TOLD_EVERY = 1_000
_HEAD = """
SELECT notification_id, state FROM events.stored_events ORDER BY notification_id DESC LIMIT 1
"""


def back_up(url: str, file: Path, *, force: bool, told: Told) -> Manifest:
    """Write the event database of `url` as it is now to `file`; what is in the archive.

    `told` counts rows; how many there will be is an estimate. Raises ArchiveError for the file,
    which is then as it was before, and DatabaseUnusable.
    """
    with _snapshot(url) as conn, written_archive(file, force=force) as archive:
        manifest = _described(conn)
        members = _copied(conn, archive, manifest.position, told)
        manifest = manifest.model_copy(update={"members": members})
        archive.finish(manifest)
    return manifest


def head_of(conn: psycopg.Connection[Any]) -> tuple[int, str | None]:
    """Position and id of the last event; (0, None) in an empty log."""
    row = conn.execute(_HEAD, binary=True).fetchone()
    return (0, None) if row is None else (row[0], orjson.loads(row[1])["id"])


@contextmanager
def _snapshot(url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(url) as conn:
        conn.isolation_level, conn.read_only = IsolationLevel.REPEATABLE_READ, True
        try:
            with conn.transaction():
                yield conn
        except psycopg.Error as failed:  # its whole text may quote what stands in the rows
            raise DatabaseUnusable(
                f"the backup was not made: {failed.diag.message_primary or failed}"
            ) from failed


def _described(conn: psycopg.Connection[Any]) -> Manifest:
    """The manifest without its members."""
    if not exists(conn, LOG):
        raise DatabaseUnusable("it has no events: `teamledger serve` never ran on it")
    fingerprint = "SELECT encode(value, 'hex') FROM ops.secrets WHERE name = 'root_fingerprint'"
    root_key = conn.execute(fingerprint).fetchone()
    epoch = conn.execute("SELECT epoch FROM events.store").fetchone()
    if root_key is None or epoch is None:
        raise DatabaseUnusable("`teamledger serve` never came up on it: there is nothing to keep")
    position, event_id = head_of(conn)
    return Manifest(
        format=FORMAT,
        teamledger=version("teamledger"),
        postgres=conn.info.parameter_status("server_version") or "",
        created_at=datetime.now(UTC),
        epoch=epoch[0],
        position=position,
        event_id=event_id,
        root_key=root_key[0],
        migrations=applied_migrations(conn),
        counters=counters(conn),
        members=[],
    )


def _copied(
    conn: psycopg.Connection[Any], archive: ArchiveWriter, position: int, told: Told
) -> list[Member]:
    progress = _Progress(told)
    found = tables(conn)
    progress.total = position + sum(t.about for t in found if t.full_name != LOG)
    return [_copied_table(conn, archive, table, progress) for table in found]


def _copied_table(
    conn: psycopg.Connection[Any], archive: ArchiveWriter, table: Table, progress: "_Progress"
) -> Member:
    member = Member(table=table.full_name, columns=table.columns, rows=0, size=0, sha256="")
    with conn.cursor() as cursor:
        with cursor.copy(table.copy_out()) as copy:
            written = archive.add(member.name, progress.counted(copy))
        rows = cursor.rowcount
    return member.model_copy(update={**written._asdict(), "rows": rows})


class _Progress:
    """Counts rows that pass by; the estimate of their number grows with them."""

    def __init__(self, told: Told) -> None:
        self.total = 0
        self._told = told
        self._rows = 0

    def counted(self, copy: psycopg.Copy) -> Iterator[bytes]:
        for row in copy:
            yield bytes(row)
            self._rows += 1
            if self._rows % TOLD_EVERY == 0:
                self._told(self._rows, max(self.total, self._rows))
        self._told(self._rows, max(self.total, self._rows))
