"""Backups in tests: made, taken apart, damaged, and compared with what they were made from."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from services.database.backup.manifest import Manifest
from services.database.backup.reader import Archive
from services.database.backup.take import back_up
from services.database.connections import owner_conninfo


def quiet(done: int, total: int) -> None:
    """To be told of progress."""
    assert 0 <= done <= total


def backed_up(url: str, file: Path) -> Manifest:
    return back_up(url, file, force=False, told=quiet)


def checked(file: Path) -> Manifest:
    """The manifest of an archive that was read to its end; raises ArchiveError."""
    with Archive(file) as archive:
        archive.check(quiet)
        return archive.manifest


def everything(url: str) -> dict[str, list[str]]:
    """All rows of events, ops and usage as text, but for the epoch and what was migrated.

    What can be made again stands in unlogged tables, which no archive holds.
    """
    tables = (
        "SELECT schemaname, tablename FROM pg_tables JOIN pg_class ON oid ="
        " format('%I.%I', schemaname, tablename)::regclass WHERE relpersistence = 'p'"
        " AND schemaname IN ('events', 'ops', 'usage')"
        " AND schemaname || '.' || tablename NOT IN ('events.store', 'ops.migrations')"
    )
    with psycopg.connect(owner_conninfo(url)) as conn:
        conn.execute("SET datestyle = 'ISO, YMD'; SET bytea_output = hex")
        return {
            f"{schema}.{table}": _rows(conn, Identifier(schema, table))
            for schema, table in conn.execute(tables).fetchall()
        }


def _rows(conn: psycopg.Connection[Any], table: Identifier) -> list[str]:
    query = SQL("SELECT t::text FROM {} t ORDER BY 1").format(table)
    return [text for (text,) in conn.execute(query)]


def epoch(url: str) -> str:
    with psycopg.connect(owner_conninfo(url)) as conn:
        row = conn.execute("SELECT epoch FROM events.store").fetchone()
    assert row is not None
    return str(row[0])


def without_events(url: str) -> bool:
    """Whether nothing stands in the log, whatever schemas there are."""
    with psycopg.connect(owner_conninfo(url)) as conn:
        if conn.execute("SELECT to_regclass('events.stored_events')").fetchone() == (None,):
            return True
        return conn.execute("SELECT FROM events.stored_events LIMIT 1").fetchone() is None


def members(file: Path) -> dict[str, bytes]:
    """Everything in an archive by name."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(file: Path, to: Path, **changes: object) -> Path:
    """A copy whose manifest says something else."""
    with zipfile.ZipFile(to, "w") as archive:
        for name, data in members(file).items():
            text = data
            if name == "manifest.json":
                text = json.dumps({**json.loads(data), **changes}).encode()
            archive.writestr(name, text)
    return to


def flipped(file: Path, to: Path) -> Iterator[int]:
    """Copies under the name `to`, in each of which another bit is the wrong way round.

    A prime step reaches every part of the file, and every bit of a byte.
    """
    whole = file.read_bytes()
    for bit in range(0, len(whole) * 8, 1_009):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        to.write_bytes(damaged)
        yield bit
