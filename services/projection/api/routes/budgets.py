"""Budgets read: /budget/info, /budget/list and /budget/settings (supporting-api.md 5)."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.requests.budget import BudgetsAsked
from services.edge.shapes.budget import budget_row, budget_settings
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import (
    POSITION_HEADER,
    AskedInBody,
    Reader,
    ReaderDep,
    ReadRoute,
)
from services.projection.api.paged import TOTAL_HEADER, OptionalPage
from services.projection.api.streaming import Items, spooled
from services.projection.queries.budgets import budgets_within, count_budgets, find_budgets
from services.projection.queries.reading import Connection, snapshot

router = APIRouter(route_class=ReadRoute, tags=["budgets"])
bodies = APIRouter(route_class=AskedInBody, tags=["budgets"])


class SettingsQuery(Asked):
    """The budget that is asked for."""

    budget_id: Text | None = None


@bodies.post("/budget/info")
async def info(reader: ReaderDep, body: BudgetsAsked) -> Response:
    """Those of these budgets that are there.

    The `budget_id` of a membership names the limits of the member.
    """
    if not body.budgets:
        raise ShapeA(400, "Specify list of budget id's to query. Passed in=[]")
    position, found = await find_budgets(reader.context.read_pool, body.budgets)
    now, zone = reader.now, reader.context.zone
    content = [budget_row(view, now, zone) for view in found]
    return answer(content, headers={POSITION_HEADER: str(position)})


@router.get("/budget/list", openapi_extra=documented(OptionalPage))
async def list_budgets(reader: ReaderDep, request: Request) -> Response:
    """All budgets, the newest first, or with `page` or `page_size` one page (S17).

    `x-total-count` says how many there are.
    """
    query = asked(request, OptionalPage)
    async with snapshot(reader.context.read_pool) as connection:
        position, total = await count_budgets(connection)
        rows = _rows(reader, connection, query)
        headers = {POSITION_HEADER: str(position), TOTAL_HEADER: str(total)}
        return await spooled(Items(rows), headers)


async def _rows(
    reader: Reader, connection: Connection, query: OptionalPage
) -> AsyncIterator[list[JsonObject]]:
    now, zone = reader.now, reader.context.zone
    async for chunk in budgets_within(connection, query.size, query.beyond):
        yield [budget_row(view, now, zone) for view in chunk]


@router.get("/budget/settings", openapi_extra=documented(SettingsQuery))
async def settings(reader: ReaderDep, request: Request) -> Response:
    """What can be set of a budget, and what is."""
    budget_id = asked(request, SettingsQuery).budget_id
    if budget_id is None:
        place = ("query", "budget_id")
        error = {"type": "missing", "loc": place, "msg": "Field required", "input": None}
        raise RequestValidationError([error])
    position, found = await find_budgets(reader.context.read_pool, [budget_id])
    if not found:
        raise ShapeA(404, f"Budget not found, passed budget_id={budget_id}")
    return answer(budget_settings(found[0]), headers={POSITION_HEADER: str(position)})
