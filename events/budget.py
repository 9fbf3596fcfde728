"""Facts about a budget that several things may share, stream `budget-{budget_id}`."""

from typing import ClassVar

from events.registry import DomainEvent, fact
from events.values import JsonObject, Moment, Money, Value


class BudgetSettings(Value):
    """USD per window of `budget_duration` (a BudgetDuration as text), limits per minute.

    `budget_reset_at` is only here where somebody set it by hand.
    """

    max_budget: Money | None = None
    soft_budget: Money | None = None
    max_parallel_requests: int | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    model_max_budget: JsonObject | None = None
    budget_duration: str | None = None
    budget_reset_at: Moment | None = None


@fact("budget.created")
class BudgetCreated(DomainEvent):
    begins_life: ClassVar[bool] = True

    settings: BudgetSettings


@fact("budget.changed")
class BudgetChanged(DomainEvent):
    before: BudgetSettings
    after: BudgetSettings


@fact("budget.deleted")
class BudgetDeleted(DomainEvent):
    settings: BudgetSettings
