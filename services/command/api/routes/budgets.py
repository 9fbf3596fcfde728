"""Routes on budgets (supporting-api.md 5)."""

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api import build_organization as build
from services.command.api import render_organization as render
from services.command.api.context import Caller, CallerDep
from services.command.application.budgets import DeleteBudget
from services.command.application.requests import Command
from services.edge.body import LedgerRoute
from services.edge.errors import ShapeA
from services.edge.requests import budget as requests

router = APIRouter(route_class=LedgerRoute, tags=["budgets"])


@router.post("/budget/new")
async def new_budget(caller: CallerDep, body: requests.BudgetBody) -> Response:
    """Make a budget that several things may share."""
    return await _carry_out(caller, build.new_budget(body))


@router.post("/budget/update")
async def update_budget(caller: CallerDep, body: requests.BudgetBody) -> Response:
    """Change what is sent: absent stays as it is, null clears; for everything that shares it.

    The `budget_id` of a membership names the limits of the member.
    """
    if body.budget_id is None:
        raise ShapeA(400, "budget_id is required")
    return await _carry_out(caller, build.revised_budget(body.budget_id, body))


@router.post("/budget/delete")
async def delete_budget(caller: CallerDep, body: requests.DeleteBudget) -> Response:
    """Delete a budget that nothing uses; null for one that is not there."""
    return await _carry_out(caller, DeleteBudget(body.id))


async def _carry_out(caller: Caller, command: Command) -> Response:
    now, zone = caller.now, caller.context.zone
    done = await caller.carry_out(command, lambda made: render.budget(made, now, zone))
    return await caller.respond(done)
