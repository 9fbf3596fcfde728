"""GET /global/spend/teams and /global/spend/report (supporting-api.md 6, S18)."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, time, timedelta
from typing import Literal

from fastapi import APIRouter
from psycopg.sql import SQL
from starlette.requests import Request
from starlette.responses import Response

from events.streams import TEAM
from events.values import JsonObject
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.shapes.spend_reports import TeamDay, TeamLine, labels, report_day, spend_of_teams
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.days import Range, Zone, zone_of
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.streaming import Items, spooled
from services.projection.queries.names import names
from services.projection.queries.reading import Connection, snapshot
from services.projection.queries.standing import own_standing
from services.projection.queries.usage_scope import UsageFilter, UsageScope
from services.projection.queries.usage_statements import TEAM_ID, Group
from services.projection.queries.usage_sums import Sums, measured, whole_days
from services.spend.calendar import Calendar

router = APIRouter(route_class=ReadRoute, tags=["spend"])

DAYS_BACK = timedelta(days=30)
_BY_TEAM = Group("day", {"team": TEAM_ID})
_BY_CALL = Group("day", {"team": TEAM_ID, "model": SQL("s.model_name"), "key": SQL("s.key_hash")})


class TeamsQuery(Asked):
    """In which time zone days are days."""

    timezone: Zone = "UTC"


class ReportQuery(Range):
    """Days of a zone, both inclusive; of one team."""

    group_by: Literal["team"] = "team"
    team_id: Text | None = None
    customer_id: Text | None = None


@router.get("/global/spend/teams", openapi_extra=documented(TeamsQuery))
async def teams(reader: ReaderDep, request: Request) -> Response:
    """What every team spent on each of the last 30 days, and the ten that spent most.

    Teams are told apart by their ids; those of one alias have their id behind it. Amounts are in
    whole cents, each rounded for itself.
    """
    zone = zone_of(asked(request, TeamsQuery).timezone)
    today = reader.now.astimezone(zone).date()
    position, _ = await own_standing(reader.context.read_pool, reader.principal, [])
    async with snapshot(reader.context.reports_pool) as ledger:
        sums = await Sums.of(ledger, UsageScope(), Calendar.of(zone, today - DAYS_BACK, today))
        rows = [TeamDay(*measured(row)) for row in await sums.all(_BY_TEAM)]
        called = await _called(reader, ledger, {row.team_id for row in rows})
    return answer(spend_of_teams(rows, called), headers={POSITION_HEADER: str(position)})


@router.get("/global/spend/report", openapi_extra=documented(ReportQuery))
async def report(reader: ReaderDep, request: Request) -> Response:
    """What every team spent on each day of a range, by models and keys; days in their order.

    Teams are told apart by their ids; those of one alias have their id behind it.
    """
    query = asked(request, ReportQuery)
    if query.customer_id is not None:
        raise no_customers()
    calendar = query.calendar()
    named = UsageFilter(team_ids=None if query.team_id is None else [query.team_id])
    position, _ = await own_standing(reader.context.read_pool, reader.principal, [])
    async with snapshot(reader.context.reports_pool) as ledger:
        sums = await Sums.of(ledger, UsageScope(filter=named), calendar)
        known = await sums.all(Group("range", {"team": TEAM_ID}))
        called = await _called(reader, ledger, {row[0] for row in known})
        items = Items(_days(sums, called))
        return await spooled(items, {POSITION_HEADER: str(position)})


def no_customers() -> ShapeA:
    """The refusal of a report on what the ledger does not keep (decision 010)."""
    return ShapeA(400, "The end user of a call is not kept: ask without customer_id")


async def _days(sums: Sums, called: Mapping[str | None, str]) -> AsyncIterator[list[JsonObject]]:
    zone = sums.calendar.zone
    async for rows in whole_days(sums.chunks(_BY_CALL)):
        lines = [TeamLine(*measured(row)) for row in rows]
        begin = datetime.combine(lines[0].day, time(), zone)
        yield [report_day(begin, lines, called)]


async def _called(
    reader: Reader, ledger: Connection, team_ids: Collection[str | None]
) -> Mapping[str | None, str]:
    """What each of the teams is called."""
    things = [(TEAM, team_id) for team_id in team_ids if team_id is not None]
    found = await names(reader.context.read_pool, ledger, things)
    aliases: dict[str | None, str | None] = {i: name.alias for (_, i), name in found.items()}
    if None in team_ids:
        aliases[None] = None
    return labels(aliases)
