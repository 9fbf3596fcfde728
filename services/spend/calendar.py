"""Days of any time zone out of sums by UTC day, corrected by the quarters around midnight.

The UTC day of a date counts as the day of that date; what lies between its midnight in UTC and
that in the zone is taken from one of the two days and given to the other (decision 010). Every
zone's midnight lies between two quarters of an hour, so that no call is split or counted twice.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from events.duration import clock_change, midnight

DAY = timedelta(days=1)
EARLIEST, LATEST = date.min + 3 * DAY, date.max - 3 * DAY


class Span(NamedTuple):
    """Quarters from `begin` until before `end` that count as part of `day`, or with -1 do not.

    `ahead` is by how many seconds the clock of the zone is ahead of UTC, where that is asked.
    """

    day: date
    begin: datetime
    end: datetime
    sign: int = 1
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days `first` to `last`, both inclusive, of a zone.

    What is asked of it takes `known`: the UTC dates of which there are records at all, at least
    those from a day before the first to a day after the last.
    """

    zone: tzinfo
    first: date
    last: date

    @classmethod
    def of(cls, zone: tzinfo, first: date, last: date) -> "Calendar":
        """Days within the years that clocks can tell; no call was ever made in others."""
        return cls(zone, max(first, EARLIEST), min(last, LATEST))

    @property
    def from_day(self) -> date:
        """The first UTC date of which there may be something in the range."""
        return self.first - DAY

    @property
    def until_day(self) -> date:
        """The last UTC date of which there may be something in the range."""
        return self.last + DAY

    def days(self, known: Collection[date]) -> list[date]:
        """The days of which there may be something, the newest first."""
        near = {day + n * DAY for day in known for n in (-1, 0, 1)} if self._moves else known
        return sorted((day for day in near if self._holds(day)), reverse=True)

    def edges(self, known: Collection[date]) -> list[Span]:
        """The corrections for every day on its own."""
        begins = {day + n * DAY for day in known for n in (0, 1)} if self._moves else ()
        within = sorted(day for day in begins if self.first <= day <= self.last + DAY)
        return [edge for day in within for edge in self._at(day) if self._holds(edge.day)]

    def outer_edges(self) -> list[Span]:
        """The corrections for the range as a whole."""
        ends = (self.first, self.last + DAY)
        return [edge for day in ends for edge in self._at(day) if self._holds(edge.day)]

    def stretches(self, known: Collection[date]) -> list[Span]:
        """All time of the days of which there may be something, cut where clocks change."""
        return [part for day in self.days(known) for part in self._stretches(day)]

    @property
    def _moves(self) -> bool:
        return self.zone is not UTC

    def _holds(self, day: date) -> bool:
        return self.first <= day <= self.last

    def _at(self, day: date) -> Iterator[Span]:
        """What differs around the midnight with which a day begins."""
        ours, utc = midnight(day, self.zone), datetime.combine(day, time(), UTC)
        if ours < utc:
            yield Span(day, ours, utc)
            yield Span(day - DAY, ours, utc, -1)
        elif utc < ours:
            yield Span(day, utc, ours, -1)
            yield Span(day - DAY, utc, ours)

    def _stretches(self, day: date) -> Iterator[Span]:
        begin, end = midnight(day, self.zone), midnight(day + DAY, self.zone)
        change = clock_change(begin, end, self.zone)
        for start, stop in ((begin, end),) if change is None else ((begin, change), (change, end)):
            if start < stop:
                yield Span(day, start, stop, ahead=self._ahead(start))

    def _ahead(self, moment: datetime) -> int:
        return int((moment.astimezone(self.zone).utcoffset() or timedelta()).total_seconds())
