"""The library's recorder and mapper over our append and our codec."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import Mapper, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder

from events.envelope import decode, encode
from services.command.application.appending import APPEND


class EnvelopeMapper(Mapper[str]):
    """The library's mapper for our envelope: our codec, our topics, our upcasts."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:  # noqa: ANN401
        topic, state = encode(domain_event)
        return StoredEvent(
            domain_event.originator_id, domain_event.originator_version, topic, state
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:  # noqa: ANN401
        return decode(
            str(stored_event.originator_id),
            stored_event.originator_version,
            getattr(stored_event, "id", 0),
            stored_event.topic,
            stored_event.state,
        )


class EventRecorder(PostgresApplicationRecorder):
    """The library's recorder over our append.

    For everything in the library that reads, and for tools that write outside a command loop.
    """

    def create_table(self) -> None:
        """Tables come from our migrations."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **_: Any,  # noqa: ANN401
    ) -> Sequence[int] | None:
        """All of them in one append; raises the library's IntegrityError on a version taken."""
        if not stored_events:
            return []
        rows = [(e.originator_id, e.originator_version, e.topic, e.state) for e in stored_events]
        columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SELECT events.lock_head() AS head")
            head = int((cursor.fetchone() or {})["head"])
            cursor.execute(APPEND, (head, *columns, *[[]] * 8, None), binary=True)
        return list(range(head + 1, head + 1 + len(rows)))
