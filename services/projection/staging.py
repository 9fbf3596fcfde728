"""An export of the log, verified and laid down as a table that read models can be filled from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL

from services.database.connections import owner_conninfo
from services.projection.feed.store import decode_row
from services.projection.filling.job import Log
from services.projection.progress import Progress
from services.projection.statements import SCHEMA
from services.proof.export import BadExport, Line, data_of
from services.proof.verify import Verdict, verify

TABLE = "log#rebuild"
_CREATE = """
CREATE TABLE {log} (originator_id text NOT NULL, originator_version bigint NOT NULL,
    topic text NOT NULL, state bytea NOT NULL, notification_id bigint NOT NULL)
"""
_COPY = """
COPY {log} (originator_id, originator_version, notification_id, topic, state)
FROM STDIN (FORMAT binary)
"""
_INDEX = (
    "ALTER TABLE {log} ADD PRIMARY KEY (originator_id, originator_version)",
    "CREATE UNIQUE INDEX ON {log} (notification_id)",
    "ANALYZE {log}",
)
_LAST = """
SELECT originator_id, originator_version, notification_id, topic, state FROM {log}
ORDER BY notification_id DESC LIMIT 1
"""


class ExportChanged(Exception):
    """The export is not as it was sealed: the text names the first difference."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A log from an export, where it ends, and what was proved of it."""

    log: Log
    at: Progress
    verdict: Verdict


def stage(
    lines: Iterator[Line], url: str, schema: str | None, *, trusted: Sequence[str], key: str | None
) -> Staged:
    """Verify an export as `audit verify` does while it is laid down; all of it or nothing.

    Raises ExportChanged, BadExport, BadCheckpoint.
    """
    conninfo, place = owner_conninfo(url), schema or SCHEMA
    log = Log(conninfo, place, TABLE)
    with psycopg.connect(conninfo) as connection, connection.cursor(binary=True) as cursor:
        cursor.execute(SQL("DROP TABLE IF EXISTS {log}").format(log=log.name))
        cursor.execute(SQL(_CREATE).format(log=log.name))
        try:
            with cursor.copy(SQL(_COPY).format(log=log.name)) as copy:
                copy.set_types(["text", "int8", "int8", "text", "bytea"])
                verdict = verify(
                    _copied(lines, copy), trusted=trusted, verifiers=() if key is None else [key]
                )
            if verdict.problem is not None:
                raise ExportChanged(f"not as it was sealed: {verdict.problem}")
            for statement in _INDEX:
                cursor.execute(SQL(statement).format(log=log.name))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise BadExport(f"the log cannot be laid down: {error.diag.message_primary}") from None
        cursor.execute(SQL(_LAST).format(log=log.name))
        row = cursor.fetchone()
        last = Progress() if row is None else Progress.at(decode_row(row), None)
    return Staged(log, last, verdict)


def unstage(staged: Staged) -> None:
    """Drop the log again: the read models are all that is wanted."""
    with psycopg.connect(staged.log.conninfo) as connection:
        connection.execute(SQL("DROP TABLE IF EXISTS {}").format(staged.log.name))


def _copied(lines: Iterator[Line], copy: psycopg.Copy) -> Iterator[Line]:
    for line in lines:
        if "event" in line:
            try:
                stream, version, position, topic, state = line["event"]
                row = (str(stream), int(version), int(position), str(topic), data_of(state))
            except (AttributeError, TypeError, ValueError) as error:
                raise BadExport(f"a line of the log cannot be read: {error}") from None
            copy.write_row(row)
        yield line
