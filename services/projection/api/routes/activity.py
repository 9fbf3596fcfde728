"""GET /team/daily/activity: what teams spent, day by day (team-api.md 3.19, D19, D39, D40)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.access import activity
from services.access.principal import Principal
from services.access.sight import Known, Sight, sight_of_teams
from services.projection.api.asked import Text, asked, documented, listed
from services.projection.api.daily import Activity, PagedActivity
from services.projection.api.dependencies import ReaderDep, ReadRoute
from services.projection.queries.standing import own_standing
from services.projection.queries.usage_scope import UsageFilter, UsageScope

router = APIRouter(route_class=ReadRoute, tags=["teams"])


class ActivityQuery(PagedActivity):
    """Days of a zone, both inclusive; teams and teams to leave out, between commas."""

    team_ids: Text | None = None
    exclude_team_ids: Text | None = None

    def teams(self) -> activity.Asked:
        return activity.Asked(
            team_ids=listed(self.team_ids),
            excluded=listed(self.exclude_team_ids) or (),
            api_key=self.api_key,
        )


@router.get("/team/daily/activity", openapi_extra=documented(ActivityQuery))
async def team_activity(reader: ReaderDep, request: Request) -> Response:
    """One page of days of a time zone, with totals over the whole range.

    Admins and viewers see every team; others the teams they are in, those that they administer or
    that let members see it as a whole, of the rest their own keys. Teams and keys that are gone are
    included, under the names they had.
    """
    query, principal = asked(request, ActivityQuery), reader.principal
    calendar, wanted = query.calendar(), query.teams()
    position, known = await own_standing(reader.context.read_pool, principal, wanted.team_ids)
    sight = _sight(principal, wanted, known)
    named = UsageFilter(
        team_ids=wanted.team_ids if sight is None else None,
        not_team_ids=[*wanted.excluded] or None,
        keys=None if query.api_key is None else [query.api_key],
        models=None if query.model is None else [query.model],
    )
    scope = UsageScope(sight, named)
    return await Activity(reader, scope, "team", calendar, position).page(query.paging)


def _sight(principal: Principal, wanted: activity.Asked, known: Known) -> Sight | None:
    own = {team_id: membership for team_id, (_, membership) in known.teams.items()}
    user_known = known.user is not None
    scope = activity.activity_scope(principal, wanted, own, user_known=user_known)
    if principal.reads_everything or scope.teams is None:
        return None
    return sight_of_teams(scope.teams, scope.excluded, scope.user_id, known)
