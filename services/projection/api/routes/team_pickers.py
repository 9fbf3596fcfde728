"""GET /team/available and GET /team/filter/ui: teams to choose from (team-api.md 3.7, 3.8)."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.edge.errors import ShapeA
from services.edge.shapes.team import team_row
from services.projection.api.asked import Paged, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.items import with_total
from services.projection.api.streaming import Items, spooled
from services.projection.queries.reading import Paging
from services.projection.queries.records import StoredTeam
from services.projection.queries.team_pickers import TeamParts, offered_teams, search_teams

router = APIRouter(route_class=ReadRoute, tags=["teams"])


class FilterQuery(Paged):
    """Parts of the id and of the alias, in any case; both have to be there."""

    team_id: Text | None = None
    team_alias: Text | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] = 50


@router.get("/team/available")
async def available(reader: ReaderDep, request: Request) -> Response:  # noqa: ARG001 - see ReadRoute
    """The teams of TEAMLEDGER_AVAILABLE_TEAMS that are there and the caller is not in.

    With any configured, who has no user row is 404; the master key needs none.
    """
    context, principal = reader.context, reader.principal
    offer = await offered_teams(context.read_pool, principal, context.available_teams)
    if context.available_teams and not offer.user_known and not principal.master:
        raise ShapeA(404, "User not found")
    items = Items(_shown(reader, offer.teams))
    return await spooled(items, {POSITION_HEADER: str(offer.position)})


@router.get("/team/filter/ui", openapi_extra=documented(FilterQuery))
async def filter_ui(reader: ReaderDep, request: Request) -> Response:
    """One page of the teams that match, the newest first; without a total.

    A roster of more than 1,000 members is cut to the first, with `members_total`.
    """
    query = asked(request, FilterQuery)
    wanted = TeamParts(id_part=query.team_id, alias_part=query.team_alias)
    paging = Paging(query.page, query.page_size)
    position, found = await search_teams(reader.context.read_pool, wanted, paging)
    return await spooled(Items(_rows(reader, found)), {POSITION_HEADER: str(position)})


async def _shown(reader: Reader, teams: Sequence[StoredTeam]) -> AsyncIterator[list[object]]:
    now, zone = reader.now, reader.context.zone
    spent = await _spent(reader, teams, now)
    for stored, spend in zip(teams, spent, strict=True):
        yield [reader.context.team_items.item(stored, spend, now, zone)]


async def _rows(reader: Reader, teams: Sequence[StoredTeam]) -> AsyncIterator[list[object]]:
    now, zone = reader.now, reader.context.zone
    spent = await _spent(reader, teams, now)
    for stored, spend in zip(teams, spent, strict=True):
        record = stored.record()
        row = team_row(record.view, now, zone, load_model_table=False, spend=spend)
        yield [with_total(row, record)]


async def _spent(reader: Reader, teams: Sequence[StoredTeam], now: datetime) -> list[Decimal]:
    context = reader.context
    return await context.spending.told(context.team_items.reckoning(teams, now, context.zone))
