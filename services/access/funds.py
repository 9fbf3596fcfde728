"""Budgets as they stand, and when one refuses a call (auth.md 2, rows 12 to 25); pure.

How spend and budget are compared differs by level. One rule is ours: where the cost of a call is
estimated, a budget also refuses what it cannot bear together with what is spent and held. It comes
with the text of the budget, and names that sum as the cost.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from services.access.principal import AccessRefused

BUDGET_EXCEEDED = "budget_exceeded"
NOTHING = Decimal(0)


class Purse(StrEnum):
    """Whose budget it is; what a key may spend on one model is a purse of its own."""

    KEY = "key"
    KEY_MODEL = "key_model"
    TEAM = "team"
    MEMBER = "member"
    ORGANIZATION = "organization"
    USER = "user"


@dataclass(slots=True)
class Funds:
    """USD: spent in the present window, and held for calls under way.

    `id` is that of the key, team, organization or user, the team's for a `member`. `alias` is the
    key's where it is a budget of the key.
    """

    purse: Purse
    id: str
    max_budget: Decimal | None
    soft_budget: Decimal | None = None
    spend: Decimal = NOTHING
    held: Decimal = NOTHING
    start: datetime | None = None
    end: datetime | None = None
    member: str | None = None
    model: str | None = None
    alias: str | None = None

    @property
    def soft_exceeded(self) -> bool:
        """Whether somebody is to be warned (row 21)."""
        return self.soft_budget is not None and self.spend >= self.soft_budget


@dataclass(frozen=True, slots=True)
class _Level:
    text: Callable[[Funds, Decimal], str]
    reached_is_over: bool
    zero_is_none: bool = False


def binds(purse: Purse, most: Decimal | None) -> bool:
    """Whether there is a limit: in some purses a budget of 0 is none."""
    return most is not None and bool(most or not _LEVELS[purse].zero_is_none)


def over(funds: Funds, estimate: Decimal | None) -> tuple[AccessRefused, bool] | None:
    """Why the funds do not allow a call, and if only for its estimate; None if they do."""
    level, most = _LEVELS[funds.purse], funds.max_budget
    if most is None or not binds(funds.purse, most):
        return None
    if funds.spend > most or (level.reached_is_over and funds.spend == most):
        return _exceeded(level.text(funds, funds.spend)), False
    if estimate is not None and (total := funds.spend + funds.held + estimate) > most:
        return _exceeded(level.text(funds, total)), True
    return None


def over_early(funds: Funds) -> AccessRefused | None:
    """Row 12: a member's budget is looked at once more before all others, with another text."""
    if funds.max_budget is None or funds.spend <= funds.max_budget:
        return None
    return _exceeded(_plain(funds, funds.spend))


def _exceeded(text: str) -> AccessRefused:
    return AccessRefused(400, text, BUDGET_EXCEEDED)


def _cost(funds: Funds, cost: Decimal) -> str:
    return f"Current cost: {float(cost)}, Max budget: {float(funds.max_budget or 0)}"


def _plain(funds: Funds, cost: Decimal) -> str:
    return f"Budget has been exceeded! {_cost(funds, cost)}"


def _of_key_model(funds: Funds, _: Decimal) -> str:
    return (
        f"LiteLLM Virtual Key: {funds.id}, key_alias: {funds.alias}, "
        f"exceeded budget for model={funds.model}"
    )


def _of_team(funds: Funds, cost: Decimal) -> str:
    return f"Budget has been exceeded! Team={funds.id} {_cost(funds, cost)}"


def _of_organization(funds: Funds, cost: Decimal) -> str:
    return f"Budget has been exceeded! Organization={funds.id} {_cost(funds, cost)}"


def _of_user(funds: Funds, cost: Decimal) -> str:
    most = float(funds.max_budget or 0)
    return f"ExceededBudget: User={funds.id} over budget. Spend={float(cost)}, Budget={most}"


def _of_member(funds: Funds, cost: Decimal) -> str:
    return f"Budget has been exceeded! User={funds.member} in Team={funds.id} {_cost(funds, cost)}"


_LEVELS: Mapping[Purse, _Level] = {
    Purse.KEY: _Level(_plain, reached_is_over=True),
    Purse.KEY_MODEL: _Level(_of_key_model, reached_is_over=False, zero_is_none=True),
    Purse.TEAM: _Level(_of_team, reached_is_over=False),
    Purse.MEMBER: _Level(_of_member, reached_is_over=True),
    Purse.ORGANIZATION: _Level(_of_organization, reached_is_over=True, zero_is_none=True),
    Purse.USER: _Level(_of_user, reached_is_over=False),
}
