"""What /v1/spend answers: sums by whatever they were asked to be divided by, as JSON or CSV."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Literal

from events.values import JsonObject, plain
from services.edge.shapes.activity import Metrics, metrics
from services.edge.shapes.csv_lines import harmless, line

By = Literal["organization", "team", "member", "key", "model", "provider", "tag", "day", "hour"]

FIELDS: Mapping[By, tuple[str, ...]] = {
    "organization": ("organization_id", "organization_alias"),
    "team": ("team_id", "team_alias"),
    "member": ("user_id",),
    "key": ("key", "key_alias"),
    "model": ("model",),
    "provider": ("provider",),
    "tag": ("tag",),
    "day": ("day",),
    "hour": ("hour",),
}
"""What says which group it is. Aliases are those under which the last of its calls was booked."""

_SUMS = tuple(metrics(Metrics()))


def hour_of(begin: datetime, ahead: int) -> str:
    """An hour by the clock of a zone that is so many seconds ahead of UTC, with that offset."""
    return begin.astimezone(timezone(timedelta(seconds=ahead))).isoformat()


def group(told: JsonObject, of: Metrics) -> JsonObject:
    """One group: which it is, and M (team-api.md 3.19)."""
    return {**told, **metrics(of)}


def csv_head(by: Iterable[By]) -> str:
    """The first line of the CSV."""
    return line([*(name for each in by for name in FIELDS[each]), *_SUMS])


def csv_line(told: JsonObject, of: Metrics) -> str:
    """One group as CSV: USD to the last digit, and no text that a spreadsheet would compute."""
    sums = {**metrics(of), "spend": plain(of.spend)}
    return line([*map(harmless, told.values()), *sums.values()])
