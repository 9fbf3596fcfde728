"""Budget windows, as our own routes under /v1 show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from events.values import JsonObject
from services.edge.shapes.money import usd
from services.edge.shapes.times import iso


@dataclass(frozen=True, slots=True)
class ResetView:
    """Spend that somebody had go on from `amount` USD."""

    at: datetime
    amount: Decimal
    by: str | None


@dataclass(frozen=True, slots=True)
class WindowView:
    """From `start` until before `end`, None without bound; USD spent, and what was allowed."""

    start: datetime | None
    end: datetime | None
    spend: Decimal
    max_budget: Decimal | None
    soft_budget: Decimal | None
    reset: ResetView | None


def windows(views: Sequence[WindowView], now: datetime, before: datetime | None) -> JsonObject:
    """A page of windows, the newest first; `before` is where the next page begins, if there is."""
    return {
        "windows": [window(view, now) for view in views],
        "next_before": None if before is None else iso(before),
    }


def window(view: WindowView, now: datetime) -> JsonObject:
    """One window; only the one that holds `now` has a time until it ends, in whole seconds."""
    return {
        "start": None if view.start is None else iso(view.start),
        "end": None if view.end is None else iso(view.end),
        "spend": usd(view.spend),
        "max_budget": usd(view.max_budget),
        "soft_budget": usd(view.soft_budget),
        "resets_in_seconds": _seconds_left(view, now),
        "reset": None if view.reset is None else _reset(view.reset),
    }


def _seconds_left(view: WindowView, now: datetime) -> int | None:
    if view.end is None or view.end <= now or (view.start is not None and view.start > now):
        return None
    return -int((now - view.end).total_seconds() // 1)


def _reset(view: ResetView) -> JsonObject:
    return {"at": iso(view.at), "amount": usd(view.amount), "by": view.by}
