"""How far a topic holds the log, and the lock of who publishes to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg

from events.envelope import beginning
from events.messages import Stored

PAGE_BYTES = 8 * 1024 * 1024
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('relay ' || %s, 0))"
_BEGIN = """
INSERT INTO ops.relay (topic, position, epoch)
SELECT %s, 0, epoch FROM events.store ON CONFLICT (topic) DO NOTHING
"""
_PLACE = "SELECT topic, position, epoch, event_id FROM ops.relay WHERE topic = %s"
_SAVE = """
UPDATE ops.relay SET position = %s, epoch = %s, event_id = %s, published_at = now()
WHERE topic = %s AND position = %s AND epoch = %s
"""
_PAGE = f"""
SELECT originator_id, originator_version, notification_id, topic, state,
    (SELECT epoch FROM events.store)
FROM (
    SELECT *, sum(octet_length(state)) OVER (ORDER BY notification_id ROWS UNBOUNDED PRECEDING)
        - octet_length(state) AS bytes_before
    FROM events.stored_events WHERE notification_id >= %s ORDER BY notification_id LIMIT %s
) page WHERE bytes_before < {PAGE_BYTES} ORDER BY notification_id
"""  # noqa: S608
_EPOCH = "SELECT epoch FROM events.store"

Connection = psycopg.Connection[Any]


class LogReplaced(Exception):
    """The store does not hold what was published: another log is in its place."""


class Deposed(Exception):
    """Somebody else has saved a place: this process leads no more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Everything up to `position` of the store `epoch` was acknowledged in `topic`."""

    topic: str
    position: int
    epoch: UUID
    event_id: str | None

    def moved_to(self, last: Stored, event_id: str) -> "Place":
        return replace(self, position=last.position, event_id=event_id)


def try_lock(connection: Connection, topic: str) -> bool:
    """Whether this session is now the one that publishes to the topic, until it ends."""
    row = connection.execute(_LOCK, (topic,)).fetchone()
    return bool(row and row[0])


def load(connection: Connection, topic: str) -> Place:
    """The place saved last, in the store's present epoch; position 0 where none was.

    A restored backup has a new epoch, and the place that was saved with it: publishing goes on
    from there. Raises LogReplaced where the event at that place is another one.
    """
    connection.execute(_BEGIN, (topic,))
    row = connection.execute(_PLACE, (topic,)).fetchone()
    epoch = connection.execute(_EPOCH).fetchone()
    if row is None or epoch is None:
        raise LogReplaced("the store has no epoch: `teamledger command` never ran on it")
    saved = Place(*row)
    place = replace(saved, epoch=epoch[0])
    page(connection, place, 0)
    if place != saved:
        save(connection, saved, place)
    return place


def save(connection: Connection, before: Place, after: Place) -> None:
    """On the connection that holds the lock. Raises Deposed."""
    told = (after.position, after.epoch, after.event_id, before.topic, before.position)
    if connection.execute(_SAVE, (*told, before.epoch)).rowcount != 1:
        raise Deposed(f"another relay has moved topic {before.topic} on from {before.position}")


def page(connection: Connection, place: Place, limit: int) -> Sequence[Stored]:
    """What follows, without a gap: at most `limit` rows, fewer where they are large.

    Raises LogReplaced; Deposed where a backup was restored meanwhile, so that the epoch is new.
    Notifications that came before are dropped: what they tell of is here, and where something
    always follows nobody waits for one.
    """
    for _ in connection.notifies(timeout=0):
        pass
    known = place.event_id is not None
    begin = place.position if known else place.position + 1
    cursor = connection.cursor(binary=True)
    found = cursor.execute(_PAGE, (begin, limit + known)).fetchall()
    if found and found[0][-1] != place.epoch:
        raise Deposed(f"the store has a new epoch, {found[0][-1]}, instead of {place.epoch}")
    rows = [Stored(*row[:-1]) for row in found]
    if known:
        _recognise(place, rows.pop(0) if rows else None)
    if rows and rows[-1].position != place.position + len(rows):
        raise LogReplaced(f"positions are missing between {place.position} and {rows[-1].position}")
    return rows


def _recognise(place: Place, found: Stored | None) -> None:
    if found is None or not found.state.startswith(beginning(place.event_id or "")):
        raise LogReplaced(
            f"event {place.event_id} was published from position {place.position}, and is not in "
            "the store any more: it has lost commits. Restore a backup with `teamledger restore`, "
            "which begins a new epoch that followers know by"
        )
