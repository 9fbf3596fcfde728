"""When budget windows end, found by walking over a calendar: nothing of events.duration is used."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

SECONDS = {"s": 1, "m": 60, "h": 3600}


def next_reset(duration: str, began: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    """The first boundary after `now` of a budget that began at `began` (team-api.md 1.7, D36)."""
    found = re.fullmatch(r"(\d+)([a-z]+)", duration)
    assert found is not None
    start = began.astimezone(zone).date()
    boundaries = _boundaries(int(found[1]), found[2], start, now, zone)
    return next(boundary for boundary in boundaries if boundary > now)


def _boundaries(
    number: int, unit: str, start: date, now: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    today = now.astimezone(zone).date()
    match unit:
        case "d" | "w" if number * (7 if unit == "w" else 1) == 7:
            monday = today - timedelta(days=today.weekday())
            return (_midnight(monday + timedelta(days=7 * n), zone) for n in count())
        case "d" if number == 30:
            return _months(today.replace(day=1), 1, zone)
        case "d" | "w":
            step = timedelta(days=number * (7 if unit == "w" else 1))
            return (_midnight(start + step * n, zone) for n in count())
        case "mo":
            return _months(start.replace(day=1), number, zone)
        case "y":
            return _months(start.replace(month=1, day=1), 12 * number, zone)
    return _by_the_clock(timedelta(seconds=number * SECONDS[unit]), start, now, zone)


def _months(first: date, step: int, zone: ZoneInfo) -> Iterator[datetime]:
    for index in count(first.year * 12 + first.month - 1, step):
        yield _midnight(date(index // 12, index % 12 + 1, 1), zone)


def _by_the_clock(
    length: timedelta, start: date, now: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """True intervals since the midnight of the first day."""
    began = _midnight(start, zone)
    behind = (now - began) // length
    return (began + length * n for n in count(behind))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
