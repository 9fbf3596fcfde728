"""How long a budget lasts: `1d`, `7d`, `30d`, `1mo`, `90m`, ... (team-api.md 1.7).

One rule for teams, members and keys, in place of register D36, D37 and D38. A duration cuts time
into windows that follow one another without gap or overlap:

- on the calendar of a zone: days, weeks, months, years, and hours that divide a day;
- on the clock of a zone: hours, minutes and seconds that divide an hour, a minute;
- by elapsed time from the anchor's local midnight: everything else below a day.

Where clocks go back, a window of more than an hour is longer and its start is not repeated; where
they go forward over a start, the window begins at the change. A window of at most an hour never
spans a change of the clocks, so it is never longer than it says.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Self

WINDOWS_KEPT = 20_000

_SPELLING = re.compile(r"([1-9][0-9]{0,9})(s|m|h|d|w|mo|y)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MONTHS = {"mo": 1, "y": 12}
_LONGEST = {
    "s": 3_153_600_000,
    "m": 52_560_000,
    "h": 876_000,
    "d": 36_500,
    "w": 5_200,
    "mo": 1_200,
    "y": 100,
}
_ACCEPTED = "a whole number of s, m, h, d, w, mo or y, such as 30s, 15m, 12h, 7d, 1w, 1mo or 1y"


@dataclass(frozen=True, slots=True)
class BudgetDuration:
    """A positive number of seconds, minutes, hours, days, weeks, months or years."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `<count><unit>`, at most 100 years; raises ValueError naming what is accepted."""
        match = _SPELLING.fullmatch(text)
        if match is None:
            raise ValueError(f"{_shown(text)} is no duration: expected {_ACCEPTED}")
        count, unit = int(match[1]), match[2]
        if count > _LONGEST[unit]:
            raise ValueError(f"{text} is too long: a duration is at most 100 years")
        return cls(count, unit)

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    def next_reset(self, now: datetime, anchor: datetime, zone: tzinfo) -> datetime:
        """The end of the window that holds `now`, in UTC and strictly after `now`.

        `anchor` is when the budget began: it places the windows that the calendar does not.
        Both moments must be aware, else ValueError.
        """
        return self.window(now, anchor, zone)[1]

    def window_start(self, now: datetime, anchor: datetime, zone: tzinfo) -> datetime:
        """The start of the window that holds `now`, in UTC and not after `now`."""
        return self.window(now, anchor, zone)[0]

    def window(self, now: datetime, anchor: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
        """Start and end of the window that holds `now`, both as above.

        One window holds many moments: the one found last is tried first.
        """
        moment, since = _utc(now), _utc(anchor)
        kept = _kept(self, None if self._goes_by_the_calendar else since, zone)
        last = kept[0] if kept else None
        if last is not None and last[0] <= moment < last[1]:
            return last
        found = self._find(moment, since, zone)
        kept[:] = [found]
        return found

    def expires_after(self, start: datetime) -> datetime:
        """`start` plus this time, in UTC; months keep the day, or take the month's last day."""
        moment = _utc(start)
        if self.unit in _SECONDS:
            return moment + timedelta(seconds=self._seconds)
        year, month = divmod(_months(moment) + self.count * _MONTHS[self.unit], 12)
        first = moment.replace(year=year, month=month + 1, day=1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return first.replace(day=min(moment.day, last.day))

    @property
    def _seconds(self) -> int:
        return self.count * _SECONDS[self.unit]

    def _find(self, moment: datetime, since: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
        begun = _local(since, zone)
        grid = self._grid(begun)
        if grid is not None:
            return grid.around(moment, zone)
        if self._divides_its_parent:
            return _on_the_clock(moment, self._seconds, zone)
        midnight = begun.replace(hour=0, minute=0, second=0, microsecond=0)
        return _elapsed(moment, self._seconds, _instant(midnight, zone))

    @property
    def _goes_by_the_calendar(self) -> bool:
        """Whether its windows are the same whenever the budget began."""
        match self.unit:
            case "mo" | "y":
                return self.count == 1
            case "d":
                return self.count in (_WEEK_OF_DAYS, _MONTH_OF_DAYS)
            case "w":
                return self.count == 1
        return self._divides_its_parent

    @property
    def _divides_its_parent(self) -> bool:
        parent = {"h": 24, "m": 60, "s": 60}[self.unit]
        return parent % self.count == 0

    def _grid(self, begun: datetime) -> "_Grid | None":
        match self.unit:
            case "mo" | "y":
                return self._month_grid(begun)
            case "d" | "w":
                return self._day_grid(begun)
            case "h" if self.count > 1 and self._divides_its_parent:
                return _Grid(_hours, _hour, self.count, 0)
        return None

    def _month_grid(self, begun: datetime) -> "_Grid":
        months = self.count * _MONTHS[self.unit]
        if self.count == 1:
            return _Grid(_months, _month, months, 0)
        origin = 12 * begun.year if self.unit == "y" else _months(begun)
        return _Grid(_months, _month, months, origin)

    def _day_grid(self, begun: datetime) -> "_Grid":
        days = self._seconds // _SECONDS["d"]
        if self.unit == "d" and days == _MONTH_OF_DAYS:
            return _Grid(_months, _month, 1, 0)
        return _Grid(_days, _day, days, _A_MONDAY if days == _WEEK_OF_DAYS else _days(begun))


@lru_cache(maxsize=WINDOWS_KEPT)
def _kept(
    duration: BudgetDuration,  # noqa: ARG001 these three are the key
    since: datetime | None,  # noqa: ARG001
    zone: tzinfo,  # noqa: ARG001
) -> list[tuple[datetime, datetime]]:
    """Where the window found last is kept."""
    return []


def forget_windows() -> None:
    """Find all windows anew, as in a process that has just begun."""
    _kept.cache_clear()


_WEEK_OF_DAYS = 7
_MONTH_OF_DAYS = 30
_A_MONDAY = 1
"""datetime counts days from 0001-01-01, which was a Monday, as day 1."""


def _months(wall: datetime) -> int:
    return wall.year * 12 + wall.month - 1


def _month(index: int) -> datetime:
    return datetime(index // 12, index % 12 + 1, 1)  # noqa: DTZ001


def _days(wall: datetime) -> int:
    return wall.toordinal()


def _day(index: int) -> datetime:
    return datetime.fromordinal(index)


def _hours(wall: datetime) -> int:
    return wall.toordinal() * 24 + wall.hour


def _hour(index: int) -> datetime:
    return datetime.fromordinal(index // 24).replace(hour=index % 24)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Every `size`-th month, day or hour of the calendar, counted so that `origin` is one."""

    index: Callable[[datetime], int]
    wall: Callable[[int], datetime]
    size: int
    origin: int

    def around(self, moment: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
        here = self.index(_local(moment, zone))
        index = here - (here - self.origin) % self.size
        start, end = (self._boundary(index + n * self.size, zone) for n in (0, 1))
        while end <= moment:  # the second pass of hours that the clock shows twice
            index += self.size
            start, end = end, self._boundary(index + self.size, zone)
        return start, end

    def _boundary(self, index: int, zone: tzinfo) -> datetime:
        return _instant(self.wall(index), zone)


def _elapsed(moment: datetime, seconds: int, origin: datetime) -> tuple[datetime, datetime]:
    length = timedelta(seconds=seconds)
    start = origin + (moment - origin) // length * length
    return start, start + length


def _on_the_clock(moment: datetime, seconds: int, zone: tzinfo) -> tuple[datetime, datetime]:
    offset = _offset(moment, zone)
    start, end = _elapsed(moment, seconds, datetime(1970, 1, 1, tzinfo=UTC) - offset)
    if _offset(start, zone) != offset:
        start = _clock_change(start, moment, zone)
    if _offset(end, zone) != offset:
        end = _clock_change(moment, end, zone)
    return start, end


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins in a zone: the first moment there that is not of the day before, in UTC."""
    return _instant(datetime.combine(day, time()), zone)


def clock_change(begin: datetime, end: datetime, zone: tzinfo) -> datetime | None:
    """When the clock of a zone is put back or forward within (begin, end], if that happens once."""
    if _offset(begin, zone) == _offset(end, zone):
        return None
    return _clock_change(begin, end, zone)


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """When the clock first shows `wall`; if it never does, when it is put forward over it."""
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if _local(first, zone) == wall:
        return first
    return _clock_change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _clock_change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first second of (before, after] at which the zone has the offset it has at the end."""
    old = _offset(before, zone)
    low, high = 0, -(-(after - before) // timedelta(seconds=1))
    before = before.replace(microsecond=0)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(before + timedelta(seconds=middle), zone) == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 32 else text[:32] + "...")  # noqa: PLR2004
