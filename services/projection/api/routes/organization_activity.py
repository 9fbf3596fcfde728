"""GET /organization/daily/activity: what organizations spent, day by day (supporting-api.md 4)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.access.sight import sight_of_organizations
from services.projection.api.asked import Text, asked, documented, listed
from services.projection.api.daily import Activity, PagedActivity
from services.projection.api.dependencies import ReaderDep, ReadRoute
from services.projection.queries.standing import own_standing
from services.projection.queries.usage_scope import UsageFilter, UsageScope

router = APIRouter(route_class=ReadRoute, tags=["organizations"])


class OrganizationActivityQuery(PagedActivity):
    """Days of a zone, both inclusive; organizations and those to leave out, between commas."""

    organization_ids: Text | None = None
    exclude_organization_ids: Text | None = None


@router.get("/organization/daily/activity", openapi_extra=documented(OrganizationActivityQuery))
async def organization_activity(reader: ReaderDep, request: Request) -> Response:
    """One page of days of a time zone, with totals over the whole range.

    Admins and viewers see every organization, its own admins theirs.
    """
    query, principal = asked(request, OrganizationActivityQuery), reader.principal
    calendar, wanted = query.calendar(), listed(query.organization_ids)
    position, known = await own_standing(reader.context.read_pool, principal, [])
    sight = sight_of_organizations(principal, wanted, known)
    named = UsageFilter(
        organization_ids=wanted if sight is None else None,
        not_organization_ids=listed(query.exclude_organization_ids),
        keys=None if query.api_key is None else [query.api_key],
        models=None if query.model is None else [query.model],
    )
    scope = UsageScope(sight, named)
    return await Activity(reader, scope, "organization", calendar, position).page(query.paging)
