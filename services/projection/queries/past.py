"""Facts about one thing: pages of them in either direction, and all of them up to a position.

Versions of a stream have no gaps, and time never goes back: where a moment lies among them is found
by halving, so a page costs what is on it, wherever it begins. Spend is reset by facts in streams of
their own; the audit log knows which of them are about the thing.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.sql import SQL

from events.envelope import Envelope, decode
from events.spend import SpendReset
from events.streams import Stream, stream
from events.values import timestamp
from services.database.connections import Pool
from services.projection.projectors.audit import TABLE_NAMES
from services.projection.queries.changes import patterns
from services.projection.queries.reading import Row, fetch

BATCH = 250
SCANNED = 5_000
"""So many facts are looked at for one page whose filter the database cannot judge."""

_COLUMNS = SQL("originator_id, originator_version, notification_id, topic, state")
_META = SQL("(convert_from(state, 'UTF8')::json -> 'meta' ->> 'actor')")
_UNTIL = b"""
WITH RECURSIVE halved (low, high) AS (
    SELECT 0::bigint, coalesce(max(originator_version), 0)
    FROM events.stored_events WHERE originator_id = %(stream)s
    UNION ALL
    SELECT CASE WHEN fact.by_then THEN half.middle ELSE half.low END,
        CASE WHEN fact.by_then THEN half.high ELSE half.middle - 1 END
    FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM halved WHERE low < high) half
    CROSS JOIN LATERAL (
        SELECT notification_id <= %(position)s AND (
            %(time)s::text IS NULL
            OR (convert_from(state, 'UTF8')::json ->> 'at') COLLATE "C" <= %(time)s::text
        ) AS by_then
        FROM events.stored_events
        WHERE originator_id = %(stream)s AND originator_version = half.middle
    ) fact
)
SELECT low FROM halved WHERE low = high
"""
_PAGE = SQL(
    """
    SELECT {columns} FROM events.stored_events
    WHERE originator_id = %(stream)s
        AND originator_version > %(low)s AND originator_version <= %(high)s
        AND (%(types)s::text[] IS NULL OR topic LIKE ANY (%(types)s::text[]))
        AND topic <> ALL (%(without)s::text[])
        AND (%(actor)s::text IS NULL OR {actor} = %(actor)s)
        AND (%(lives)s::bigint[] IS NULL
            OR (convert_from(state, 'UTF8')::json ->> 'inc')::bigint = ANY (%(lives)s::bigint[]))
    ORDER BY originator_version {direction} LIMIT %(limit)s
    """
)
_RESETS = SQL(
    """
    SELECT a.position FROM read.audit_1 a
    WHERE a.object_id = %(identity)s AND a.table_name = %(table)s
        AND a.position > %(low)s AND a.position <= %(high)s
        AND (a.updated_values ? 'spend' OR a.updated_values @? '$.members_with_roles[*].spend'
            OR a.updated_values @? '$.members[*].spend')
        AND (%(actor)s::text IS NULL OR a.actor = %(actor)s)
        AND (%(since)s::timestamptz IS NULL OR a.updated_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR a.updated_at <= %(until)s)
    ORDER BY a.position {direction} LIMIT %(limit)s
    """
)
_AT = (
    SQL(
        "SELECT {columns} FROM events.stored_events WHERE notification_id = ANY (%(positions)s) "
        "AND topic = %(topic)s AND (%(types)s::text[] IS NULL OR topic LIKE ANY (%(types)s))"
    )
    .format(columns=_COLUMNS)
    .as_bytes()
)
_DIRECTIONS = {True: SQL("DESC"), False: SQL("ASC")}
_PAGES = {
    newest: _PAGE.format(columns=_COLUMNS, actor=_META, direction=direction).as_bytes()
    for newest, direction in _DIRECTIONS.items()
}
_RESETS_OF = {
    newest: _RESETS.format(direction=direction).as_bytes()
    for newest, direction in _DIRECTIONS.items()
}
_IS_THERE = b"SELECT FROM events.stored_events WHERE originator_id = %(stream)s LIMIT 1"


@dataclass(frozen=True, slots=True)
class Thing:
    """What the facts are about; `lives` are the incarnations that are meant, None is all."""

    kind: str
    identity: str
    lives: frozenset[int] | None = None

    @property
    def stream(self) -> Stream:
        return stream(self.kind, self.identity)

    def has_life(self, at: Envelope) -> bool:
        """Whether a fact is of a life that is meant."""
        if self.lives is None:
            return True
        life = at.event.incarnation if isinstance(at.event, SpendReset) else at.incarnation
        return life in self.lives


@dataclass(frozen=True, slots=True)
class Filter:
    """All given must hold; both times are inclusive. A type may end in `*`.

    `without` are names of facts that cannot be meant.
    """

    actor: str | None = None
    types: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go on: behind a position, towards older facts if `newest`; None is from the end.

    Nothing behind `head` is read.
    """

    newest: bool
    after: int | None
    head: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Facts in order, up to the position `end`; None tells that there are no more."""

    facts: Sequence[Envelope]
    end: int | None


@dataclass(frozen=True, slots=True)
class Past:
    """Reads facts of the log; which of them reset spend, the read models know."""

    events: Pool
    read: Pool

    async def known(self, thing: Thing) -> bool:
        """Whether there was ever such a thing."""
        return bool(await fetch(self.events, _IS_THERE, {"stream": thing.stream}))

    async def batch(self, thing: Thing, wanted: Filter, place: Place) -> Batch:
        """The next facts that match."""
        own = await self._own(thing, wanted, place)
        low, high = _bounds(place)
        if full := len(own) == BATCH:
            last = own[-1].position
            low, high = (last - 1, high) if place.newest else (low, last)
        resets, end = await self._resets(thing, wanted, place, (low, high))
        facts = sorted([*own, *resets], key=lambda at: at.position, reverse=place.newest)
        if end is None:
            return Batch(facts, own[-1].position if full else None)
        return Batch([at for at in facts if _within(at.position, end, place)], end)

    async def facts(self, thing: Thing, head: int) -> AsyncIterator[list[Envelope]]:
        """All facts of its own stream, the oldest first, some at a time."""
        every: dict[str, Any] = {"types": None, "without": [], "actor": None}
        asked = {"stream": thing.stream, "lives": _lives(thing), **every}
        low, high = 0, await self._version(thing, head, None)
        while low < high:
            page = {**asked, "low": low, "high": high, "limit": BATCH}
            rows = await fetch(self.events, _PAGES[False], page)
            if not rows:
                return
            low = rows[-1][1]
            yield [_decoded(row) for row in rows]

    async def _own(self, thing: Thing, wanted: Filter, place: Place) -> list[Envelope]:
        low, high = _bounds(place)
        since = None if wanted.since is None else wanted.since - timedelta.resolution
        first = 0 if since is None else await self._version(thing, place.head, since)
        if low:
            first = max(first, await self._version(thing, low, None))
        asked = {
            "stream": thing.stream,
            "types": patterns(wanted.types),
            "without": list(wanted.without),
            "actor": wanted.actor,
            "lives": _lives(thing),
            "low": first,
            "high": await self._version(thing, high, wanted.until),
            "limit": BATCH,
        }
        return [_decoded(row) for row in await fetch(self.events, _PAGES[place.newest], asked)]

    async def _resets(
        self, thing: Thing, wanted: Filter, place: Place, within: tuple[int, int]
    ) -> tuple[list[Envelope], int | None]:
        """Those that match, and up to where they were looked for, None if to the end."""
        low, high = within
        asked: dict[str, Any] = {
            "identity": thing.identity,
            "table": TABLE_NAMES[thing.kind],
            "low": low,
            "high": high,
            "actor": wanted.actor,
            "since": wanted.since,
            "until": wanted.until,
            "limit": BATCH,
        }
        rows = await fetch(self.read, _RESETS_OF[place.newest], asked)
        if not rows:
            return [], None
        positions = {"positions": [row[0] for row in rows], "topic": SpendReset.type_name}
        found = await fetch(self.events, _AT, {**positions, "types": patterns(wanted.types)})
        facts = sorted(map(_decoded, found), key=lambda at: at.position, reverse=place.newest)
        end = rows[-1][0] if len(rows) == BATCH else None
        return [at for at in facts if thing.has_life(at)], end

    async def _version(self, thing: Thing, position: int, time: datetime | None) -> int:
        """The last version of the stream that was there at both, 0 for none."""
        then = None if time is None else timestamp(time)
        asked = {"stream": thing.stream, "position": position, "time": then}
        return int((await fetch(self.events, _UNTIL, asked))[0][0])


def _bounds(place: Place) -> tuple[int, int]:
    """Positions behind the first and not behind the second."""
    if place.after is None:
        return 0, place.head
    return (0, min(place.head, place.after - 1)) if place.newest else (place.after, place.head)


def _within(position: int, end: int, place: Place) -> bool:
    return position >= end if place.newest else position <= end


def _lives(thing: Thing) -> list[int] | None:
    return None if thing.lives is None else sorted(thing.lives)


def _decoded(row: Row) -> Envelope:
    return decode(row[0], row[1], row[2], row[3], bytes(row[4]))
