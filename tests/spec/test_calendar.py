"""Days of a zone out of UTC days and quarters near midnight: none is lost or counted twice."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.spend.calendar import DAY, EARLIEST, LATEST, Calendar, Span

QUARTER = timedelta(minutes=15)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Casablanca",
    "Africa/Monrovia",
]
CHANGES = [
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2026, 4, 5),
    date(2018, 11, 4),
    date(2019, 2, 17),
    date(2011, 12, 30),
    date(2026, 11, 1),
    date(1972, 1, 7),
]
"""Days on or near which clocks of these zones change, or a whole day is left out."""


def quarters(first: date, last: date) -> list[datetime]:
    begin = datetime.combine(first, time(), UTC)
    return [begin + n * QUARTER for n in range(96 * ((last - first).days + 1))]


def counted(calendar: Calendar, spans: list[Span], moments: list[datetime]) -> Counter[date]:
    """Of each day the moments that are counted: by UTC date, then as the spans correct it."""
    found: Counter[date] = Counter()
    for moment in moments:
        if calendar.first <= moment.date() <= calendar.last:
            found[moment.date()] += 1
        for span in spans:
            if span.begin <= moment < span.end:
                found[span.day] += span.sign
    return Counter({day: count for day, count in found.items() if count})


def told(moments: list[datetime], calendar: Calendar) -> Counter[date]:
    """The same by looking at the clock."""
    days = [moment.astimezone(calendar.zone).date() for moment in moments]
    return Counter(day for day in days if calendar.first <= day <= calendar.last)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("around", CHANGES)
def test_every_quarter_is_of_the_day_that_the_clock_shows(zone: str, around: date) -> None:
    moments = quarters(around - 4 * DAY, around + 4 * DAY)
    known = {moment.date() for moment in moments}
    calendar = Calendar(ZoneInfo(zone), around - 2 * DAY, around + 2 * DAY)
    by_day = counted(calendar, calendar.edges(known), moments)
    assert by_day == told(moments, calendar)
    assert by_day.keys() <= set(calendar.days(known))
    whole = counted(calendar, calendar.outer_edges(), moments)
    assert whole.total() == by_day.total()
    in_hours = counted_in(calendar.stretches(known), moments)
    assert in_hours == by_day


def counted_in(stretches: list[Span], moments: list[datetime]) -> Counter[date]:
    """As the stretches say, whose clocks must show what the zone's shows."""
    found: Counter[date] = Counter()
    for moment in moments:
        for span in stretches:
            if span.begin <= moment < span.end:
                ahead = timezone(timedelta(seconds=span.ahead))
                assert moment.astimezone(ahead).date() == span.day
                found[span.day] += 1
    return found


@given(
    st.sampled_from(ZONES).map(ZoneInfo)
    | st.integers(-56, 56).map(lambda n: timezone(n * QUARTER)),
    st.dates(date(1990, 1, 1), date(2035, 1, 1)),
    st.integers(0, 3),
    st.sets(st.integers(0, 96 * 8 - 1), max_size=60),
)
def test_only_days_of_which_something_is_known_are_looked_at(
    zone: tzinfo, first: date, length: int, numbers: set[int]
) -> None:
    calendar = Calendar(zone, first, first + length * DAY)
    everything = quarters(first - 2 * DAY, first + 5 * DAY)
    moments = [everything[n] for n in sorted(numbers)]
    known = {moment.date() for moment in moments}
    by_day = counted(calendar, calendar.edges(known), moments)
    assert by_day == told(moments, calendar)
    assert by_day.keys() <= set(calendar.days(known))
    assert counted_in(calendar.stretches(known), moments) == by_day
    assert counted(calendar, calendar.outer_edges(), moments).total() == by_day.total()


def test_utc_needs_no_correction() -> None:
    calendar = Calendar.of(UTC, date(2026, 3, 1), date(2026, 3, 31))
    assert calendar.edges({date(2026, 3, 9)}) == calendar.outer_edges() == []
    assert calendar.days({date(2026, 2, 1), date(2026, 3, 9)}) == [date(2026, 3, 9)]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
def test_the_ends_of_time_are_a_range_like_any_other(zone: str) -> None:
    calendar = Calendar.of(ZoneInfo(zone), date.min, date.max)
    assert (calendar.first, calendar.last) == (EARLIEST, LATEST)
    known = {calendar.from_day, date(2026, 3, 9), calendar.until_day}
    assert date(2026, 3, 9) in calendar.days(known)
    assert all(calendar.first <= span.day <= calendar.last for span in calendar.edges(known))
    assert all(span.begin < span.end for span in calendar.stretches(known))
