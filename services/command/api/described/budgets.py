"""Routes on budgets (supporting-api.md 5)."""

from collections.abc import Mapping

from services.command.api.described.common import command
from services.command.api.described.teams import NEGATIVE, ORDER
from services.command.domain.errors import (
    AlreadyExists,
    BudgetInUse,
    LimitsMembers,
    NotFound,
    NotOfMembers,
)
from services.edge.errors import ShapeA
from services.edge.openapi import examples
from services.edge.openapi.answers.budget import BudgetRow
from services.edge.openapi.examples import BUDGET
from services.edge.openapi.operation import Operation
from services.edge.requests import budget as requests

NO_BUDGET = NotFound("budget", "missing")

OPERATIONS: Mapping[str, Operation] = {
    "/budget/new": command(
        "/budget/new",
        "create_budget",
        BudgetRow,
        body=requests.BudgetBody,
        sent={
            "budget_id": BUDGET,
            "max_budget": 500,
            "tpm_limit": 200_000,
            "budget_duration": "30d",
        },
        example=examples.budget_row(),
        domain=(AlreadyExists("budget", BUDGET), NEGATIVE, ORDER),
    ),
    "/budget/update": command(
        "/budget/update",
        "update_budget",
        BudgetRow,
        body=requests.BudgetBody,
        sent={"budget_id": BUDGET, "max_budget": 600},
        example={**examples.budget_row(), "max_budget": 600.0},
        domain=(NO_BUDGET, NEGATIVE, ORDER, NotOfMembers(["soft_budget"])),
        others={"no_budget_named": ShapeA(400, "budget_id is required")},
    ),
    "/budget/delete": command(
        "/budget/delete",
        "delete_budget",
        BudgetRow | None,
        body=requests.DeleteBudget,
        sent={"id": BUDGET},
        example=examples.budget_row(),
        domain=(BudgetInUse(BUDGET, 1), LimitsMembers(BUDGET)),
        versioned=False,
    ),
}
