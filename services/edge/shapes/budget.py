"""Budget, its row, and the settings of one (supporting-api.md 4, 5)."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from events.values import JsonObject
from services.edge.shapes.money import usd
from services.edge.shapes.times import budget_reset_at, iso


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget as answers need it; `since` is when its present duration was set.

    `settings` is the JSON form of events.budget.BudgetSettings.
    """

    budget_id: str
    settings: JsonObject
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    updated_by: str | None
    since: datetime


def budget(view: BudgetView) -> JsonObject:
    """The typed Budget: USD, tokens and requests per minute."""
    settings = view.settings
    return {
        "budget_id": view.budget_id,
        "soft_budget": usd(settings["soft_budget"]),
        "max_budget": usd(settings["max_budget"]),
        "max_parallel_requests": settings["max_parallel_requests"],
        "tpm_limit": settings["tpm_limit"],
        "rpm_limit": settings["rpm_limit"],
        "model_max_budget": settings["model_max_budget"],
        "budget_duration": settings["budget_duration"],
    }


def budget_row(view: BudgetView, now: datetime, zone: tzinfo) -> JsonObject:
    """The untyped row: the columns of the table and the names of its relations."""
    settings = view.settings
    return {
        "budget_id": view.budget_id,
        "max_budget": usd(settings["max_budget"]),
        "soft_budget": usd(settings["soft_budget"]),
        "max_parallel_requests": settings["max_parallel_requests"],
        "tpm_limit": settings["tpm_limit"],
        "rpm_limit": settings["rpm_limit"],
        "model_max_budget": settings["model_max_budget"],
        "budget_duration": settings["budget_duration"],
        "budget_reset_at": _reset_at(view, now, zone),
        "created_at": iso(view.created_at),
        "created_by": view.created_by,
        "updated_at": iso(view.updated_at),
        "updated_by": view.updated_by,
        "organization": None,
        "projects": None,
        "keys": None,
        "end_users": None,
        "tags": None,
        "team_membership": None,
        "organization_membership": None,
    }


def _reset_at(view: BudgetView, now: datetime, zone: tzinfo) -> str | None:
    """What somebody set by hand counts until it is over; then windows follow the duration."""
    settings = view.settings
    by_hand = settings["budget_reset_at"]
    if by_hand is not None:
        moment = datetime.fromisoformat(by_hand)
        if moment > now or settings["budget_duration"] is None:
            return iso(moment)
    return budget_reset_at(settings["budget_duration"], view.since, now, zone)


_SETTINGS = {
    "max_budget": ("Float", "Requests will fail if this budget (in USD) is exceeded."),
    "soft_budget": ("Float", "Requests will NOT fail if this is exceeded. Will fire alerting."),
    "max_parallel_requests": ("Integer", "Max concurrent requests allowed for this budget id."),
    "tpm_limit": ("Integer", "Max tokens per minute, allowed for this budget id."),
    "rpm_limit": ("Integer", "Max requests per minute, allowed for this budget id."),
    "budget_duration": ("String", "Max duration budget should be set for (e.g. '1d', '1mo')."),
}


def budget_settings(view: BudgetView) -> list[JsonObject]:
    """The answer of GET /budget/settings: one entry for each field that can be set."""
    values = budget(view)
    return [
        {
            "field_name": name,
            "field_type": kind,
            "field_description": description,
            "field_value": values[name],
            "stored_in_db": values[name] is not None,
            "field_default_value": None,
            "premium_field": False,
            "nested_fields": None,
        }
        for name, (kind, description) in _SETTINGS.items()
    ]
