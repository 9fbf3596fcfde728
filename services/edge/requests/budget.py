"""Bodies of the routes about budgets (supporting-api.md 5)."""

from typing import Any

from pydantic import AwareDatetime

from services.edge.requests.common import (
    Duration,
    Identifier,
    Items,
    JsonObject,
    Limit,
    Money,
    RequestModel,
)


class BudgetFields(RequestModel):
    """What a budget says, wherever it is sent: USD per `budget_duration`, limits per minute."""

    max_budget: Money | None = None
    soft_budget: Money | None = None
    max_parallel_requests: Limit | None = None
    tpm_limit: Limit | None = None
    rpm_limit: Limit | None = None
    budget_duration: Duration | None = None
    model_max_budget: JsonObject | None = None

    def budget_fields(self) -> dict[str, Any]:
        """The fields that were sent, null included."""
        sent = self.model_fields_set.intersection(BudgetFields.model_fields)
        return {name: getattr(self, name) for name in BudgetFields.model_fields if name in sent}


class BudgetBody(BudgetFields):
    """`/budget/new` and `/budget/update`; for the latter absent is unchanged, null clears."""

    budget_id: Identifier | None = None
    budget_reset_at: AwareDatetime | None = None

    def budget_fields(self) -> dict[str, Any]:
        """The fields that were sent, null included."""
        fields = super().budget_fields()
        if "budget_reset_at" in self.model_fields_set:
            fields["budget_reset_at"] = self.budget_reset_at
        return fields


class BudgetsAsked(RequestModel):
    """`/budget/info`."""

    budgets: Items[Identifier]


class DeleteBudget(RequestModel):
    """`/budget/delete`."""

    id: Identifier
