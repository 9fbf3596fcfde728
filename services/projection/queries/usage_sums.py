"""What calls cost and used, summed by day or hour of any zone and by what they were made with.

Sums by series and UTC day are read first; then the records that are not in them yet; then, for
zones other than UTC, the quarters around each midnight (services.spend.calendar). All of it is of
one snapshot, so every sum is exact to the last digit, whichever way it is divided.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg.sql import SQL

from services.edge.shapes.activity import Metrics
from services.projection.queries.reading import Connection, Row, chunks, run
from services.projection.queries.usage_scope import UsageScope
from services.projection.queries.usage_statements import Group, Reading, statement
from services.spend.calendar import Calendar, Span

Chunks = AsyncGenerator[list[Row], None]
_CHUNK = 2_000
_LOOK_UPS = 50_000
_SUMMED = b"SELECT position FROM usage.days_summed"
_KNOWN = SQL(
    """
    WITH RECURSIVE days (day) AS (
        SELECT min(day) FROM usage.series_days WHERE day >= %(from_day)s
        UNION ALL
        SELECT (SELECT min(d.day) FROM usage.series_days d WHERE d.day > days.day)
        FROM days WHERE days.day < %(until_day)s
    ), tail (day) AS (
        SELECT (started_at AT TIME ZONE 'UTC')::date FROM usage.records
        WHERE position > %(summed)s
    )
    SELECT ARRAY(SELECT day FROM days UNION SELECT day FROM tail),
        (SELECT count(*) FROM usage.series s WHERE {condition})
    """
)


def measured(row: Row) -> tuple[Any, ...]:
    """What a row is divided by, and its metrics, without the last series."""
    sums = len(Metrics._fields)
    return (*row[: -sums - 1], Metrics._make(row[-sums:]))


def last_series(row: Row) -> int:
    """The last series that is in a row."""
    number: int = row[-len(Metrics._fields) - 1]
    return number


async def whole_days(chunks: Chunks) -> Chunks:
    """All rows of one day at a time, of rows that begin with the day and come day by day."""
    rows: list[Row] = []
    async with aclosing(chunks):
        async for chunk in chunks:
            for day, found in groupby(chunk, key=itemgetter(0)):
                if rows and rows[0][0] != day:
                    yield rows
                    rows = []
                rows += found
    if rows:
        yield rows


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of a scope within a calendar, on one snapshot of the ledger.

    `known` are UTC dates of which there are records, `summed` up to where they are summed by day,
    `series` how many the scope has.
    """

    connection: Connection
    scope: UsageScope
    calendar: Calendar
    summed: int
    series: int
    known: frozenset[date]

    @classmethod
    async def of(cls, connection: Connection, scope: UsageScope, calendar: Calendar) -> "Sums":
        """Looks for what there is."""
        [(summed,)] = await run(connection, _SUMMED, {})
        first, last = calendar.from_day, calendar.until_day
        asked = {"from_day": first, "until_day": last, "summed": summed, **scope.parameters()}
        looked = _KNOWN.format(condition=scope.condition()).as_bytes()
        [(days, series)] = await run(connection, looked, asked)
        known = frozenset(day for day in days if day is not None and first <= day <= last)
        return cls(connection, scope, calendar, summed, series, known)

    async def all(self, group: Group) -> list[Row]:
        """The rows of a group, of which there are few."""
        return await run(self.connection, *self._query(group, self.calendar))

    def chunks(self, group: Group, first: date | None = None, last: date | None = None) -> Chunks:
        """The rows of a group in the order of time, then of the terms.

        With `first` and `last` only those days are looked at, of the days of the calendar.
        """
        calendar = self.calendar
        if first is not None and last is not None:
            calendar = Calendar(calendar.zone, first, last)
        return chunks(self.connection, *self._query(group, calendar), _CHUNK)

    def _query(self, group: Group, calendar: Calendar) -> tuple[bytes, dict[str, Any]]:
        spans = self._spans(group, calendar)
        reading = Reading(
            days=self.scope.few and self.series <= _LOOK_UPS,
            quarters=self.scope.few and len(spans) * self.series <= _LOOK_UPS,
            corrected=bool(spans),
        )
        return statement(self.scope, group, reading), self._asked(calendar, spans)

    def _spans(self, group: Group, calendar: Calendar) -> list[Span]:
        match group.each:
            case "range":
                return calendar.outer_edges()
            case "day":
                return calendar.edges(self.known)
            case "hour":
                return calendar.stretches(self.known)

    def _asked(self, days: Calendar, spans: Sequence[Span]) -> dict[str, Any]:
        return {
            **self.scope.parameters(),
            "summed": self.summed,
            "first": days.first,
            "last": days.last,
            "span_days": [span.day for span in spans],
            "begins": [span.begin for span in spans],
            "ends": [span.end for span in spans],
            "signs": [span.sign for span in spans],
            "ahead": [span.ahead for span in spans],
        }
