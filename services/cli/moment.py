"""Moments of a log, named by a position or a time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import typer

from events.envelope import Envelope
from services.projection.feed.store import decode_row
from services.projection.progress import Progress

_AT = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE notification_id = %s
"""


@dataclass(frozen=True, slots=True)
class Until:
    """Up to a position, or up to everything that was recorded at or before a time."""

    position: int | None = None
    time: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> "Until":
        """A number is a position; anything else a time, in UTC unless it says otherwise."""
        if text.isdecimal():
            return cls(position=int(text))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise typer.BadParameter(
                f"{text!r} is neither a position nor a time such as 2026-11-26T10:00:00"
            ) from None
        return cls(time=moment.replace(tzinfo=moment.tzinfo or UTC))


class Moments:
    """Finds moments in a log; few rows are read."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        query = "SELECT coalesce(max(notification_id), 0) FROM events.stored_events"
        [(self.head,)] = connection.execute(query).fetchall()

    def position(self, until: Until | None) -> int:
        """The last position that is meant; the head without a moment."""
        if until is None:
            return int(self.head)
        if until.position is not None:
            return min(until.position, int(self.head))
        low, high = 0, int(self.head)
        while low < high:  # the last one recorded at or before: times never go back
            middle = (low + high + 1) // 2
            if until.time is not None and self.event(middle).recorded_at <= until.time:
                low = middle
            else:
                high = middle - 1
        return low

    def whole(self, position: int) -> Progress:
        """Where the last command ends that was recorded whole by then: half of one never was."""
        [(epoch,)] = self._connection.execute("SELECT epoch FROM events.store").fetchall()
        while position and not (last := self.event(position)).ends_command:
            position -= last.index + 1
        return Progress.at(last, epoch) if position else Progress(0, epoch)

    def whole_until(self, until: Until | None) -> Progress:
        """Both: where a state of that moment stands."""
        return self.whole(self.position(until))

    def event(self, position: int) -> Envelope:
        """The fact at a position of this log."""
        [row] = self._connection.execute(_AT, (position,), binary=True).fetchall()
        return decode_row(row)
