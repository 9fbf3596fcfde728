"""Rules about money and limits that teams, members and keys share."""

from collections.abc import Mapping
from decimal import Decimal

from events.values import TeamBudget, Value
from services.command.domain.errors import BudgetOrder, NegativeLimit, TooLarge

MAX_SETTINGS_BYTES = 192 * 1024


def check_not_negative(amounts: Mapping[str, Decimal | int | None]) -> None:
    """Raise NegativeLimit naming the first field below zero, in the order given (D33)."""
    for field, amount in amounts.items():
        if amount is not None and amount < 0:
            raise NegativeLimit(field, amount)


def check_budget_order(budget: TeamBudget, blamed: tuple[str, ...]) -> None:
    """soft_budget must be strictly below max_budget; `blamed` are the fields that were sent."""
    soft, maximum = budget.soft_budget, budget.max_budget
    if soft is None or maximum is None or soft < maximum:
        return
    raise BudgetOrder(soft, maximum, blamed[0])


def check_size(kind: str, settings: Value, limit: int = MAX_SETTINGS_BYTES) -> None:
    """Raise TooLarge for settings that would not fit into one fact together with its envelope.

    What a thing is grows by many small changes, and its end is recorded as a whole.
    """
    size = len(settings.model_dump_json())
    if size > limit:
        raise TooLarge(
            f"the settings of the {kind} would take {size} bytes, "
            f"the limit is {limit}; keep large data elsewhere and refer to it"
        )


def alike(one: object, other: object) -> bool:
    """Whether two values are the same as JSON; to Python, unlike to JSON, true is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(v, other[k]) for k, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other
