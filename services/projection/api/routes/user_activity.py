"""GET /user/daily/activity: what users spent, day by day (supporting-api.md 6)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.access.sight import sight_of_himself
from services.projection.api.asked import Text, asked, documented
from services.projection.api.daily import Activity, ActivityQuery, PagedActivity
from services.projection.api.dependencies import Reader, ReaderDep, ReadRoute
from services.projection.queries.standing import own_standing
from services.projection.queries.usage_scope import UsageFilter, UsageScope

router = APIRouter(route_class=ReadRoute, tags=["users"])


class UserActivityQuery(PagedActivity):
    """Days of a zone, both inclusive; of one user, where the caller may see others."""

    user_id: Text | None = None
    page_size: Annotated[int, Field(ge=1, le=1000)] = 50


class WholeUserActivityQuery(ActivityQuery):
    """The same without pages."""

    user_id: Text | None = None


@router.get("/user/daily/activity", openapi_extra=documented(UserActivityQuery))
async def user_activity(reader: ReaderDep, request: Request) -> Response:
    """One page of days of a time zone, with totals over the whole range.

    Admins and viewers see every user, all of them together if they name none; others themselves.
    """
    query = asked(request, UserActivityQuery)
    return await (await _activity(reader, query, query.user_id)).page(query.paging)


@router.get("/user/daily/activity/aggregated", openapi_extra=documented(WholeUserActivityQuery))
async def whole_user_activity(reader: ReaderDep, request: Request) -> Response:
    """All days of a range at once, as one page."""
    query = asked(request, WholeUserActivityQuery)
    return await (await _activity(reader, query, query.user_id)).whole()


async def _activity(reader: Reader, query: ActivityQuery, user_id: str | None) -> Activity:
    calendar, principal = query.calendar(), reader.principal
    position, known = await own_standing(reader.context.read_pool, principal, [])
    sight = sight_of_himself(principal, user_id, known)
    named = UsageFilter(
        user_ids=[user_id] if sight is None and user_id is not None else None,
        keys=None if query.api_key is None else [query.api_key],
        models=None if query.model is None else [query.model],
    )
    return Activity(reader, UsageScope(sight, named), "user", calendar, position)
