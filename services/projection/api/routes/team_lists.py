"""GET /team/list and GET /v2/team/list (team-api.md 3.5, 3.6)."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from events.values import Sealed
from services.access.principal import PROXY_ADMIN
from services.access.visibility import check_teams_of, teams_listed
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.shapes.team import Deletion, deleted_team
from services.projection.api.asked import MAX_PAGE, Paged, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.items import with_total
from services.projection.api.listed import listed_items
from services.projection.api.past import AskedAsOf, as_of
from services.projection.api.streaming import Items, spooled
from services.projection.past.scope import Scope
from services.projection.queries.reading import Paging
from services.projection.queries.records import LARGE
from services.projection.queries.team_lists import TeamFilter, listed_teams
from services.projection.queries.team_pages import (
    Column,
    DeletedTeam,
    PageFilter,
    PageOrder,
    TeamPage,
)

router = APIRouter(route_class=ReadRoute, tags=["teams"])

_COLUMNS: Mapping[str, Column] = {
    "team_id": "team_id",
    "team_alias": "team_alias",
    "created_at": "created_at",
}


class ListQuery(AskedAsOf):
    """Teams of this user, of this organization; only the first so many."""

    user_id: Text | None = None
    organization_id: Text | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] | None = None


class PageQuery(Paged, AskedAsOf):
    """Teams that meet all conditions; `team_alias` is a part of the alias, in any case.

    `sort_by` is team_id, team_alias or created_at, `sort_order` asc or desc, `status` deleted.
    """

    user_id: Text | None = None
    organization_id: Text | None = None
    team_id: Text | None = None
    team_alias: Text | None = None
    sort_by: str | None = None
    sort_order: str = "asc"
    status: str | None = None

    def filter(self) -> PageFilter:
        return PageFilter(
            user_id=self.user_id,
            organization_id=self.organization_id,
            team_id=self.team_id,
            alias_part=self.team_alias,
            deleted=self.status == "deleted",
        )

    def order(self) -> PageOrder:
        """What is no column is ignored, what is no direction is ascending (3.6)."""
        column = _COLUMNS.get(self.sort_by or "")
        if column is None:
            return PageOrder()
        return PageOrder(column, self.sort_order.lower() == "desc")


@router.get("/team/list", openapi_extra=documented(ListQuery))
async def list_teams(reader: ReaderDep, request: Request) -> Response:
    """All teams that the caller may see, by alias, with memberships and keys.

    Admins and viewers see all teams, or those of `user_id`. Admins of organizations see the teams
    of these, with their own `user_id` also the teams they are in, with another user's only those
    that he is in. Everybody else sees the teams he is in, by his own `user_id`.
    `default_organization` stands for teams without one. Of a team of more than 1,000 members, or
    keys, the first 1,000 are shown, with `members_total` or `keys_total`; /team/info shows all.
    With `as_of` these are the teams that there were then, and everything about them; who is no
    admin or viewer sees those of them that he may see now.
    """
    query = asked(request, ListQuery)
    scope = teams_listed(reader.principal, query.user_id)
    past = Scope.where(
        user=scope.user_id, organization=query.organization_id, organizations=scope.listed
    )
    async with as_of(reader, query.as_of, past) as at:
        return await _listed(at, query, TeamFilter(scope, query.organization_id))


async def _listed(reader: Reader, query: ListQuery, wanted: TeamFilter) -> Response:
    pool = reader.context.read_pool
    async with listed_teams(pool, reader.principal, wanted, query.limit) as found:
        items = listed_items(reader, query.user_id, found.teams, found.within)
        return await spooled(Items(items), {POSITION_HEADER: str(found.position)})


@router.get("/v2/team/list", openapi_extra=documented(PageQuery))
async def page_of_teams(reader: ReaderDep, request: Request) -> Response:
    """One page of teams, the newest first if not sorted otherwise; or of deleted teams.

    A roster of more than 1,000 members is cut to the first, with `members_total`.
    With `as_of` it is the page that was shown then.
    """
    query = asked(request, PageQuery)
    check_teams_of(reader.principal, query.user_id)
    if query.status not in {None, "deleted"}:
        raise ShapeA(400, "Invalid status value. Currently only 'deleted' is supported.")
    past = Scope.where(team=query.team_id, user=query.user_id, organization=query.organization_id)
    async with as_of(reader, query.as_of, past) as at:
        return await _page(at, query)


async def _page(reader: Reader, query: PageQuery) -> Response:
    wanted, paging = query.filter(), Paging(query.page, query.page_size)
    found = await reader.context.team_pages.page(wanted, query.order(), paging)
    _check_user(wanted, found)
    items = _page_items(reader, found, await _claims(reader, found), await _spent(reader, found))
    small = sum(stored.members_shown for stored, _ in found.teams) <= LARGE
    content = {
        "teams": list(items) if small else Items(_one_by_one(items)),
        "total": found.total,
        "page": paging.number,
        "page_size": paging.size,
        "total_pages": paging.pages(found.total),
    }
    headers = {POSITION_HEADER: str(found.position)}
    return answer(content, headers=headers) if small else await spooled(content, headers)


def _check_user(wanted: PageFilter, found: TeamPage) -> None:
    if not found.user_known:
        raise ShapeA(404, f"User not found, passed user_id={wanted.user_id}")
    if not found.user_in_team:
        raise ShapeA(404, f"User is not a member of team_id={wanted.team_id}")


async def _claims(reader: Reader, found: TeamPage) -> Mapping[Sealed, str | None]:
    """On whose behalf teams were deleted, where it counts: by proxy admins (D46)."""
    ends = (deleted for _, deleted in found.teams if deleted is not None)
    claims = [claim for deleted in ends if (claim := _claim(deleted)) is not None]
    return await reader.context.vault.open_all(claims) if claims else {}


def _claim(deleted: DeletedTeam) -> Sealed | None:
    if deleted.claim is None or deleted.by_role != PROXY_ADMIN:
        return None
    return Sealed.model_validate(deleted.claim)


async def _spent(reader: Reader, found: TeamPage) -> list[Decimal]:
    """Of each team in its present window, or in the one that it ended in."""
    context, now = reader.context, reader.now
    teams = [stored for stored, _ in found.teams]
    ends = [deleted.at for _, deleted in found.teams if deleted is not None]
    if ends:
        return await context.spending.at([stored.spender for stored in teams], ends, now)
    return await context.spending.told(context.team_items.reckoning(teams, now, context.zone))


def _page_items(
    reader: Reader,
    found: TeamPage,
    claims: Mapping[Sealed, str | None],
    spent: Sequence[Decimal],
) -> Iterator[object]:
    now, zone = reader.now, reader.context.zone
    for (stored, deleted), spend in zip(found.teams, spent, strict=True):
        if deleted is None:
            yield reader.context.team_items.item(stored, spend, now, zone)
            continue
        claim = _claim(deleted)
        by_whom = None if claim is None else claims[claim]
        end = Deletion(deleted.event_id, deleted.at, deleted.by, deleted.by_key, by_whom)
        record = stored.record()
        yield with_total(deleted_team(record.view, end, zone, spend=spend), record)


async def _one_by_one(items: Iterator[object]) -> AsyncIterator[list[object]]:
    for item in items:
        yield [item]
