"""A log of events to project: the real tables, and facts put into envelopes as a writer would."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from events.envelope import Envelope, Meta, encode
from events.registry import DomainEvent
from events.streams import Stream
from services.database.connections import owner_conninfo
from services.database.migrations import migrate

MIGRATIONS = Path(__file__).parents[2] / "services/database/migrations"
START = datetime(2026, 3, 11, 13, 27, 45, 123456, tzinfo=UTC)


def create_store(url: str) -> None:
    """The schemas `events` and `ops`, empty, with a new epoch."""
    migrate(url, MIGRATIONS / "events", schema="ops")


def create_read(url: str) -> None:
    """The schema `read`, empty."""
    migrate(url, MIGRATIONS / "read", schema="read")


@contextmanager
def owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    """An autocommit connection as the owner of all schemas."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        yield conn


def append(conn: psycopg.Connection[Any], envelopes: Sequence[Envelope]) -> None:
    """Store envelopes under the positions they carry, in one commit, and notify."""
    with conn.transaction(), conn.cursor() as cursor:
        copied = "COPY events.stored_events FROM STDIN (FORMAT binary)"
        with cursor.copy(copied) as copy:
            copy.set_types(["text", "int8", "text", "bytea", "int8"])
            for at in envelopes:
                topic, state = encode(at)
                copy.write_row((at.originator_id, at.originator_version, topic, state, at.position))
        conn.execute("SELECT pg_notify('stored_events', %s)", (str(envelopes[-1].position),))


@dataclass
class History:
    """Puts facts into envelopes: next position, next version, incarnation, a second a position."""

    position: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    incarnations: dict[str, int] = field(default_factory=dict)

    def command(
        self, *facts: tuple[Stream, DomainEvent], meta: Meta | None = None
    ) -> list[Envelope]:
        """The envelopes of one command with these facts, by default an admin's."""
        first = self.position + 1
        meta = meta or Meta(f"command-{first}", "/test", actor="admin")
        return [
            replace(
                self._next(stream, event),
                recorded_at=START + timedelta(seconds=first),
                index=index,
                count=len(facts),
                meta=meta,
            )
            for index, (stream, event) in enumerate(facts)
        ]

    def _next(self, stream: str, event: DomainEvent) -> Envelope:
        self.position += 1
        self.versions[stream] += 1
        if event.begins_life:
            self.incarnations[stream] = self.versions[stream]
        return Envelope(
            originator_id=stream,
            originator_version=self.versions[stream],
            position=self.position,
            event_id=f"0195{self.position:028x}",
            recorded_at=START,
            incarnation=self.incarnations.get(stream, 1),
            index=0,
            count=1,
            meta=Meta("", ""),
            event=event,
        )
