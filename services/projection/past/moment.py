"""Which moment `as_of` means: a time, or the position of a fact."""

from dataclasses import dataclass
from datetime import UTC, datetime

from events.envelope import Envelope, decode
from services.database.connections import Pool
from services.projection.queries.reading import fetch
from services.spend.past import LedgerMoment, ledger_moment, ledger_now

_AT = b"""
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE notification_id = %(position)s
"""
_LAST = b"""
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, %(head)s::bigint
    UNION ALL
    SELECT CASE WHEN later THEN low ELSE middle END, CASE WHEN later THEN middle - 1 ELSE high END
    FROM (
        SELECT low, high, middle, (
            SELECT (convert_from(e.state, 'UTF8')::json->>'at')::timestamptz > %(at)s
            FROM events.stored_events e WHERE e.notification_id = middle
        ) AS later
        FROM search CROSS JOIN LATERAL (SELECT (low + high + 1) / 2 AS middle) m WHERE low < high
    ) looked
)
SELECT low FROM search WHERE low = high
"""
_LONGEST = 18
"""Digits of a position, at most."""


class NoMoment(ValueError):
    """What is asked for is no moment that there was; the text says why."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is what the clock said, `position` that of the last fact recorded by then.

    `ledger` is where the ledger of usage ended.
    """

    at: datetime
    position: int
    ledger: LedgerMoment


async def resolve(text: str, now: datetime, head: int, events: Pool, ledger: Pool) -> Moment:
    """The moment that `text` names; raises NoMoment.

    Facts are recorded in the order of their times, so a time has one position: the last fact whose
    time is not later. A position stands for the time of its fact. Facts of one command became
    known together, and so count together.
    """
    position = int(text) if _is_number(text) else None
    if position is not None:
        if position > head:
            raise NoMoment(ahead(position))
        at = None
    else:
        at = _time(text)
        if at > now:
            raise NoMoment(f"the time {text} lies ahead")
        [(position,)] = await fetch(events, _LAST, {"at": at, "head": head})
    last = await _fact(events, position)
    if last is not None:
        position += last.count - 1 - last.index
        at = at or last.recorded_at
    at = at or datetime.min.replace(tzinfo=UTC)
    return Moment(at, position, await ledger_moment(ledger, at))


async def present(now: datetime, head: int, ledger: Pool) -> Moment:
    """This moment: all that has been recorded, also by who has a clock that is ahead."""
    return Moment(now, head, await ledger_now(ledger, now))


async def _fact(events: Pool, position: int) -> Envelope | None:
    rows = await fetch(events, _AT, {"position": position}, prepare=True)
    return decode(*rows[0]) if rows else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST


def _time(text: str) -> datetime:
    """A space in it was a plus before the query was read; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoMoment(no_time(text)) from None


def ahead(position: int) -> str:
    """Why a position is no moment of the past."""
    return f"position {position} lies ahead of the last fact"


def no_time(text: str) -> str:
    """Why something is no moment at all."""
    return f"{text!r} is no moment: expected a position, or a time such as 2026-01-31T12:00:00Z"
