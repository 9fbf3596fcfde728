"""A BulkWriter: a whole history by COPY into the embedded database of a data directory."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import psycopg

from events.envelope import Envelope, encode
from services.command.domain.dependents import links
from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from services.database.schemas import prepare_database

CHUNK = 20_000
_EVENTS = (
    "COPY events.stored_events "
    "(originator_id, originator_version, topic, state, notification_id) FROM STDIN (FORMAT binary)"
)
_LINKS = "COPY ops.dependents (parent, kind, child, since) FROM STDIN (FORMAT binary)"


def write(data: Path, events: Iterable[Envelope]) -> None:
    """Histories without removals only: every link that a fact makes is copied as it is."""
    with EmbeddedServer(data) as server:
        prepare_database(server.conninfo())
        with psycopg.connect(owner_conninfo(server.conninfo())) as connection:
            rest = iter(events)
            while chunk := list(islice(rest, CHUNK)):
                _copy(connection, chunk)
            connection.commit()
            connection.autocommit = True
            connection.execute("ANALYZE")


def _copy(connection: psycopg.Connection, chunk: list[Envelope]) -> None:
    with connection.cursor() as cursor, cursor.copy(_EVENTS) as copy:
        copy.set_types(["text", "int8", "text", "bytea", "int8"])
        for envelope in chunk:
            topic, state = encode(envelope)
            copy.write_row(
                (
                    envelope.originator_id,
                    envelope.originator_version,
                    topic,
                    state,
                    envelope.position,
                )
            )
    with connection.cursor() as cursor, cursor.copy(_LINKS) as copy:
        copy.set_types(["text", "text", "text", "int8"])
        for envelope in chunk:
            for link in links(envelope):
                copy.write_row((link.parent, link.kind, link.child, link.since))
