"""GET /team/daily/activity: what teams spent, day by day (team-api.md 3.19, D19, D39, D40)."""

import re
from datetime import date
from typing import Annotated

from fastapi import APIRouter
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from starlette.requests import Request
from starlette.responses import Response

from services.access import activity
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.shapes.activity import NOTHING, daily_activity
from services.projection.api.asked import MAX_PAGE, Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.queries.standing import own_teams

router = APIRouter(route_class=ReadRoute, tags=["teams"])

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _dated(value: object) -> object:
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("should be a date as YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_dated)]


class ActivityQuery(Asked):
    """Days, both inclusive; teams and teams to leave out, between commas; a model, a key's hash."""

    team_ids: Text | None = None
    exclude_team_ids: Text | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    model: Text | None = None
    api_key: Text | None = None
    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 1
    page_size: Annotated[int, Field(ge=1, le=1000)] = 10

    @field_validator("end_date")
    @classmethod
    def _not_before_the_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("start_date")
        if start is not None and end is not None and end < start:
            raise ValueError("must not be before start_date")
        return end

    def teams(self) -> activity.Asked:
        return activity.Asked(
            team_ids=_listed(self.team_ids) or None,
            excluded=_listed(self.exclude_team_ids),
            api_key=self.api_key,
        )


@router.get("/team/daily/activity", openapi_extra=documented(ActivityQuery))
async def team_activity(reader: ReaderDep, request: Request) -> Response:
    """One page of days, with totals over the whole range.

    Admins and viewers see every team; others the teams they are in, those that they administer or
    that let members see it as a whole, of the rest their own keys. Nothing is recorded yet, so
    that of the scope only its refusals are felt.
    """
    query, principal = asked(request, ActivityQuery), reader.principal
    if query.start_date is None or query.end_date is None:
        raise ShapeA(400, "Please provide start_date and end_date")
    wanted = query.teams()
    user_id = None if principal.reads_everything else principal.user_id
    found = await own_teams(reader.context.read_pool, user_id, wanted.team_ids)
    activity.activity_scope(principal, wanted, found.teams, user_known=found.user_known)
    content = daily_activity([], NOTHING, query.page, total_pages=0)
    return answer(content, headers={POSITION_HEADER: str(found.position)})


def _listed(text: str | None) -> list[str]:
    return [team_id for team_id in dict.fromkeys((text or "").split(",")) if team_id]
