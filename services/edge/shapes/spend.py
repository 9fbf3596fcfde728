"""Answers to resets of spend (supporting-api.md 2.8)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from events.values import JsonObject
from services.edge.shapes.money import usd
from services.edge.shapes.times import iso

ALL_RESET: JsonObject = {
    "message": "Spend for all API Keys and Teams reset successfully",
    "status": "success",
}
"""The answer of /global/spend/reset."""


@dataclass(frozen=True, slots=True)
class ResetView:
    """USD before and after, what may be spent, and when the window ends."""

    before: Decimal
    after: Decimal
    max_budget: Decimal | None
    ends_at: datetime | None


def key_reset(token: str, view: ResetView) -> JsonObject:
    """The answer of /key/{key}/reset_spend."""
    return {"key_hash": token, **_reset(view)}


def member_reset(team_id: str, user_id: str, view: ResetView) -> JsonObject:
    """The answer of the routes on members."""
    return {"team_id": team_id, "user_id": user_id, **_reset(view)}


def _reset(view: ResetView) -> JsonObject:
    return {
        "spend": usd(view.after),
        "previous_spend": usd(view.before),
        "max_budget": usd(view.max_budget),
        "budget_reset_at": None if view.ends_at is None else iso(view.ends_at),
    }
