"""Ranges of days that reports are asked for, and in which time zone (register D39)."""

import re
from datetime import UTC, date, timedelta, timezone, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, field_validator

from services.edge.errors import ShapeA
from services.projection.api.asked import Asked
from services.spend.calendar import Calendar

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_MINUTES = re.compile(r"-?[0-9]{1,3}")
_LONGEST_NAME = 64
_QUARTER, _FARTHEST = 15, 14 * 60


def _dated(value: object) -> object:
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("should be a date as YYYY-MM-DD")
    return value


def _zone(text: str) -> str:
    zone_of(text)
    return text


def zone_of(text: str) -> tzinfo:
    """The zone of an IANA name, or of minutes behind UTC as getTimezoneOffset has them.

    Raises ValueError for what is neither, and for minutes that no zone has: zones are whole
    quarters of an hour away from UTC, at most 14 hours.
    """
    if _MINUTES.fullmatch(text):
        minutes = int(text)
        if minutes % _QUARTER or abs(minutes) > _FARTHEST:
            raise ValueError("minutes should be whole quarters of an hour, from -840 to 840")
        return timezone(timedelta(minutes=-minutes)) if minutes else UTC
    if text == "UTC":
        return UTC
    try:
        if len(text) <= _LONGEST_NAME and _NAME.fullmatch(text):
            return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        pass
    raise ValueError(
        "should be the name of a time zone as Europe/Berlin, or minutes as getTimezoneOffset"
    )


Day = Annotated[date, BeforeValidator(_dated)]
Zone = Annotated[str, AfterValidator(_zone)]


class Range(Asked):
    """Days, both inclusive, and their time zone: a name, or minutes behind UTC."""

    start_date: Day | None = None
    end_date: Day | None = None
    timezone: Zone = "UTC"

    @field_validator("end_date")
    @classmethod
    def _not_before_the_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("start_date")
        if start is not None and end is not None and end < start:
            raise ValueError("must not be before start_date")
        return end

    def calendar(self) -> Calendar:
        """The days. Raises 400 unless both dates are given."""
        if self.start_date is None or self.end_date is None:
            raise no_dates()
        return Calendar.of(zone_of(self.timezone), self.start_date, self.end_date)


def no_dates() -> ShapeA:
    """The refusal of a report without its range."""
    return ShapeA(400, "Please provide start_date and end_date")
