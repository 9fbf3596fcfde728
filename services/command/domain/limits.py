"""Rules about money and limits that teams, members and keys share."""

from collections.abc import Mapping
from decimal import Decimal

from events.values import TeamBudget
from services.command.domain.errors import BudgetOrder, NegativeLimit


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
