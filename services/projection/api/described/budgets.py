"""Reads about budgets (supporting-api.md 5)."""

from collections.abc import Mapping

from services.edge.errors import ShapeA
from services.edge.openapi import examples
from services.edge.openapi.answers.budget import BudgetField, BudgetRow
from services.edge.openapi.examples import BUDGET, BUDGET_VIEW
from services.edge.openapi.operation import Operation
from services.edge.shapes.budget import budget_settings
from services.projection.api.described.common import listed, missing, read

OPERATIONS: Mapping[str, Operation] = {
    "/budget/list": listed(
        "/budget/list",
        "list_budgets",
        list[BudgetRow],
        query={"page": 1, "page_size": 25},
        example=[examples.budget_row()],
    ),
    "/budget/settings": read(
        "/budget/settings",
        "get_budget_settings",
        list[BudgetField],
        query={"budget_id": BUDGET},
        example=budget_settings(BUDGET_VIEW),
        refusals={
            "no_budget_named": missing("budget_id"),
            "no_budget": ShapeA(404, "Budget not found, passed budget_id=missing"),
        },
    ),
}

POSTS: Mapping[str, Operation] = {
    "/budget/info": read(
        "/budget/info",
        "get_budgets",
        list[BudgetRow],
        sent={"budgets": [BUDGET]},
        example=[examples.budget_row()],
        refusals={
            "none_named": ShapeA(400, "Specify list of budget id's to query. Passed in=[]"),
        },
    ),
}
"""What is read, and asked for by POST."""
