"""Budget windows of whatever spends, the present one and those that are over (decision 010).

Who may see a thing's spend by its info route may see its windows.
"""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from services.access.organizations import check_organization_admin
from services.access.visibility import check_user_info, stranger_to_team
from services.edge.body import answer
from services.edge.errors import ShapeA, ShapeB
from services.edge.shapes.window import ResetView, WindowView, windows
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.readable import readable_key, token_of
from services.projection.queries.organizations import named_organizations
from services.projection.queries.spend_history import SpendHistory, spend_history
from services.projection.queries.teams import FoundTeam, Question, bare_team, is_member
from services.projection.queries.users import find_user
from services.spend.spenders import Asked as AskedWindow
from services.spend.spenders import Spender
from services.spend.windows import Window

router = APIRouter(route_class=ReadRoute, tags=["windows"])

TEAM = "/v1/teams/{team_id:path}/windows"
MEMBER = "/v1/teams/{team_id:path}/members/{user_id:path}/windows"
KEY = "/v1/keys/{key}/windows"
USER = "/v1/users/{user_id:path}/windows"
ORGANIZATION = "/v1/organizations/{organization_id:path}/windows"


FIRST_YEAR, LAST_YEAR = 1970, 9998


def _sane(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"should be between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


class WindowsQuery(Asked):
    """So many windows, the newest first: of those that had begun before a moment.

    `before` is ISO 8601, without an offset UTC; the next page begins with `next_before`.
    """

    limit: Annotated[int, Field(ge=1, le=100)] = 10
    before: Annotated[datetime, AfterValidator(_sane)] | None = None


class OfTeam(WindowsQuery):
    """A team; its id may hold slashes."""

    team_id: Text


class OfMember(OfTeam):
    """A user who is in the team."""

    user_id: Text


class OfKey(WindowsQuery):
    """A key, itself or its sha256."""

    key: Text


class OfUser(WindowsQuery):
    """A user."""

    user_id: Text


class OfOrganization(WindowsQuery):
    """An organization."""

    organization_id: Text


@router.get(MEMBER, openapi_extra=documented(OfMember))
async def of_member(reader: ReaderDep, request: Request) -> Response:
    """Windows of a member's budget in a team, whether he has one or not."""
    query = asked(request, OfMember)
    position, found = await _team(reader, query.team_id)
    if not await is_member(reader.context.read_pool, found, query.user_id):
        raise ShapeA(404, f"User {query.user_id} is not in team {query.team_id}")
    spender = found.record.member(query.user_id)
    return await _answer(reader, query, spender, position, found.record.view.created_at)


@router.get(TEAM, openapi_extra=documented(OfTeam))
async def of_team(reader: ReaderDep, request: Request) -> Response:
    """Windows of a team's budget, whether it has one or not."""
    query = asked(request, OfTeam)
    position, found = await _team(reader, query.team_id)
    spender, since = found.record.spender, found.record.view.created_at
    return await _answer(reader, query, spender, position, since)


@router.get(KEY, openapi_extra=documented(OfKey))
async def of_key(reader: ReaderDep, request: Request) -> Response:
    """Windows of a key's budget; what it spent before it got its present secret counts."""
    query = asked(request, OfKey)
    position, found = await readable_key(reader, token_of(query.key))
    [spender] = await reader.context.spending.of_keys([found.record.life])
    return await _answer(reader, query, spender, position, found.view.created_at)


@router.get(USER, openapi_extra=documented(OfUser))
async def of_user(reader: ReaderDep, request: Request) -> Response:
    """Windows of a user's own budget."""
    query = asked(request, OfUser)
    check_user_info(reader.principal, query.user_id)
    async with reader.context.read_pool.connection() as connection:
        position, found = await find_user(connection, query.user_id)
    if found is None:
        raise ShapeA(404, f"User {query.user_id} not found")
    return await _answer(reader, query, found.spender, position, found.view.created_at)


@router.get(ORGANIZATION, openapi_extra=documented(OfOrganization))
async def of_organization(reader: ReaderDep, request: Request) -> Response:
    """Windows of an organization's budget."""
    query, principal = asked(request, OfOrganization), reader.principal
    async with reader.context.read_pool.connection() as connection:
        position, [named] = await named_organizations(
            connection, principal, [query.organization_id]
        )
    check_organization_admin(request.scope["path"], principal, named.standing, reads=True)
    if (found := named.found) is None:
        raise ShapeA(404, "Organization not found")
    return await _answer(reader, query, found.spender, position, found.view.created_at)


async def _team(reader: Reader, team_id: str) -> tuple[int, FoundTeam]:
    """As /team/info has it (D09)."""
    async with reader.context.read_pool.connection() as connection:
        position, found = await bare_team(connection, Question.of(reader.principal, team_id))
    if found is not None:
        return position, found
    if reader.principal.reads_everything:
        raise ShapeA(404, f"Team not found, passed team id: {team_id}.")
    raise ShapeB(403, stranger_to_team(reader.principal, team_id))


async def _answer(
    reader: Reader, query: WindowsQuery, spender: Spender, position: int, created: datetime
) -> Response:
    now, zone = reader.now, reader.context.zone
    oldest = min([created, *(opening.as_of for opening in spender.openings)])
    found: list[Window] = []
    if query.before is None or query.before > oldest:
        moment = now if query.before is None else min(now, query.before - datetime.resolution)
        found += islice(spender.cadences.windows_back(moment, zone, oldest), query.limit)
    asked_for = [AskedWindow(spender, window) for window in found]
    spent = await reader.context.spending.within(asked_for, now)
    history = await spend_history(reader.context.read_pool, spender)
    shown = [_view(w, spend, history, now) for w, spend in zip(found, spent, strict=True)]
    start = found[-1].start if found else None
    following = start if start is not None and start > oldest else None
    return answer(windows(shown, now, following), headers={POSITION_HEADER: str(position)})


def _view(window: Window, spend: Decimal, history: SpendHistory, now: datetime) -> WindowView:
    """With the budget that is in force, or was when the window ended."""
    over = window.end is not None and window.end <= now
    last = window.end - datetime.resolution if over and window.end is not None else now
    limits, reset = history.limits(last), history.reset_in(window)
    return WindowView(
        start=window.start,
        end=window.end,
        spend=spend,
        max_budget=limits.max_budget,
        soft_budget=limits.soft_budget,
        reset=None if reset is None else ResetView(reset.at, reset.amount, reset.by),
    )
