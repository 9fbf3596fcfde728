"""Organizations read: /organization/info and /organization/list (supporting-api.md 4)."""

from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from functools import partial

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from events.streams import ORGANIZATION
from events.values import JsonObject
from services.access.organizations import check_organization_admin, organization_not_named
from services.access.principal import Principal
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.requests.organization import OrganizationsAsked
from services.edge.shapes.organization import cut, membership, organization, organization_with
from services.edge.shapes.team import team
from services.projection.api.asked import Text, asked, documented
from services.projection.api.dependencies import (
    POSITION_HEADER,
    AskedInBody,
    Reader,
    ReaderDep,
    ReadRoute,
)
from services.projection.api.items import with_total
from services.projection.api.paged import TOTAL_HEADER, OptionalPage
from services.projection.api.past import AskedAsOf, as_of, seeing_all
from services.projection.api.streaming import Items, spooled
from services.projection.past.scope import Scope
from services.projection.queries.organization_parts import (
    Parts,
    all_members,
    all_teams,
    first_parts,
)
from services.projection.queries.organizations import (
    FoundOrganization,
    OrganizationFilter,
    count_organizations,
    named_organizations,
    organizations_within,
)
from services.projection.queries.reading import Connection, snapshot
from services.projection.queries.records import SHOWN, TeamRecord
from services.spend.spenders import Spender

router = APIRouter(route_class=ReadRoute, tags=["organizations"])
bodies = APIRouter(route_class=AskedInBody, tags=["organizations"])
ROUTE = "/organization/info"


class InfoQuery(AskedAsOf):
    """The organization that is asked for."""

    organization_id: Text | None = None


class ListQuery(OptionalPage):
    """Organizations that meet all conditions; `org_alias` is a part of the alias, in any case."""

    org_id: Text | None = None
    org_alias: Text | None = None


@router.get(ROUTE, openapi_extra=documented(InfoQuery))
async def info(reader: ReaderDep, request: Request) -> Response:
    """One organization with its budget, all its members and all its teams.

    For proxy admins, viewers and its own admins; of a roster above 1,000 the first are shown.
    With `as_of` everything is as it was then; who may see it is judged now.
    """
    query = asked(request, InfoQuery)
    organization_id = _named(reader, query)
    scope, today = Scope.of(ORGANIZATION, organization_id), partial(_today, reader, organization_id)
    async with as_of(reader, query.as_of, scope, today) as at:
        return await _info(at, organization_id)


async def _today(reader: Reader, organization_id: str) -> Principal:
    principal = reader.principal
    if principal.reads_everything:
        return principal
    async with snapshot(reader.context.read_pool) as connection:
        _, [named] = await named_organizations(connection, principal, [organization_id])
    check_organization_admin(ROUTE, principal, named.standing, reads=True)
    return seeing_all(principal)


async def _info(reader: Reader, organization_id: str) -> Response:
    async with snapshot(reader.context.read_pool) as connection:
        principal = reader.principal
        position, [named] = await named_organizations(connection, principal, [organization_id])
        check_organization_admin(ROUTE, principal, named.standing, reads=True)
        if (found := named.found) is None:
            raise ShapeA(404, "Organization not found")
        members = Items(_members(reader, connection, found))
        teams = Items(_teams(reader, connection, found))
        [spent] = await reader.context.spending.now([found.spender], reader.now)
        content = organization_with(found.view, members, teams, spend=spent)
        headers = {POSITION_HEADER: str(position), "etag": f'"{found.version}"'}
        return await spooled(content, headers)


@bodies.post(ROUTE)
async def several(reader: ReaderDep, body: OrganizationsAsked) -> Response:
    """Several organizations with their budgets; every one must be the caller's to see (A04)."""
    if not body.organizations:
        raise ShapeA(400, "Specify list of organization id's to query. Passed in=[]")
    principal = reader.principal
    async with snapshot(reader.context.read_pool) as connection:
        position, named = await named_organizations(connection, principal, body.organizations)
    for each in named:
        check_organization_admin(ROUTE, principal, each.standing, reads=True)
    found = [each.found for each in named if each.found is not None]
    spent = await reader.context.spending.now([each.spender for each in found], reader.now)
    content = [
        organization(each.view, spend=spend) for each, spend in zip(found, spent, strict=True)
    ]
    return answer(content, headers={POSITION_HEADER: str(position)})


@router.get("/organization/list", openapi_extra=documented(ListQuery))
async def list_organizations(reader: ReaderDep, request: Request) -> Response:
    """All organizations, or those that the caller is a member of, the newest first.

    With `page` or `page_size` one page; `x-total-count` says how many there are (S17). Above 1,000
    members or 100 teams the first are shown, with `members_total` or `teams_total`. Who is no admin
    of an organization is shown himself and his own teams there.
    """
    query, principal = asked(request, ListQuery), reader.principal
    mine = not principal.reads_everything
    wanted = OrganizationFilter(mine, query.org_id, query.org_alias)
    async with snapshot(reader.context.read_pool) as connection:
        position, total = await count_organizations(connection, principal, wanted)
        found = organizations_within(connection, principal, wanted, query.size, query.beyond)
        headers = {POSITION_HEADER: str(position), TOTAL_HEADER: str(total)}
        return await spooled(Items(_listed(reader, connection, found)), headers)


def _named(reader: Reader, query: InfoQuery) -> str:
    if query.organization_id is not None:
        return query.organization_id
    if not reader.principal.reads_everything:
        raise organization_not_named()
    place = ("query", "organization_id")
    error = {"type": "missing", "loc": place, "msg": "Field required", "input": None}
    raise RequestValidationError([error])


async def _members(
    reader: Reader, connection: Connection, found: FoundOrganization
) -> AsyncIterator[list[JsonObject]]:
    async for chunk in all_members(connection, found):
        spenders = [found.member(each.view.user_id) for each in chunk]
        spent = await reader.context.spending.now(spenders, reader.now)
        yield [
            membership(each.view, email=each.email, user=each.user, spend=spend)
            for each, spend in zip(chunk, spent, strict=True)
        ]


async def _teams(
    reader: Reader, connection: Connection, found: FoundOrganization
) -> AsyncIterator[list[JsonObject]]:
    async for chunk in all_teams(connection, found):
        spent = await reader.context.spending.now([record.spender for record in chunk], reader.now)
        yield [_team(reader, record, spend) for record, spend in zip(chunk, spent, strict=True)]


async def _listed(
    reader: Reader, connection: Connection, found: AsyncIterator[list[FoundOrganization]]
) -> AsyncIterator[list[JsonObject]]:
    async for chunk in found:
        parts = await first_parts(connection, reader.principal, chunk)
        spenders = [spender for each in chunk for spender in _spenders(each, parts)]
        spent = iter(await reader.context.spending.now(spenders, reader.now))
        yield [_item(reader, each, parts, spent) for each in chunk]


def _spenders(found: FoundOrganization, parts: Parts) -> list[Spender]:
    """The organization, and what the list shows of it: members, then teams."""
    of = found.view.organization_id
    members = [found.member(view.user_id) for view in parts.members.get(of, ())]
    return [found.spender, *members, *(record.spender for record in parts.teams.get(of, ()))]


def _item(
    reader: Reader, found: FoundOrganization, parts: Parts, spent: Iterator[Decimal]
) -> JsonObject:
    of, own = found.view.organization_id, next(spent)
    members = [membership(view, spend=next(spent)) for view in parts.members.get(of, ())]
    teams = [_team(reader, record, next(spent)) for record in parts.teams.get(of, ())]
    totals = _totals(reader, found, members, teams)
    return organization_with(found.view, members, teams, spend=own, totals=totals)


def _totals(
    reader: Reader, found: FoundOrganization, members: Sequence[object], teams: Sequence[object]
) -> dict[str, int]:
    """Where the list shows not all; who is gone counts until his organization is told."""
    if not found.shown_whole(reader.principal):
        return {}
    totals = cut("members", members, found.members_total) if len(members) >= SHOWN else {}
    return {**totals, **cut("teams", teams, found.teams_total)}


def _team(reader: Reader, record: TeamRecord, spend: Decimal) -> JsonObject:
    return with_total(team(record.view, reader.now, reader.context.zone, spend=spend), record)
