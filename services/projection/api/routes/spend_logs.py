"""GET /spend/logs/v2 and /spend/logs/ui: single calls by page (supporting-api.md 6)."""

import re
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from starlette.requests import Request
from starlette.responses import Response

from services.access.sight import sight_of_calls
from services.edge.body import answer
from services.edge.errors import ShapeB
from services.edge.shapes.spend_reports import SUCCESS, call
from services.projection.api.asked import Paged, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.queries.reading import Paging, snapshot
from services.projection.queries.standing import own_standing
from services.projection.queries.usage_calls import CallFilter, CallOrder, SortColumn, calls
from services.projection.queries.usage_scope import UsageFilter, UsageScope

router = APIRouter(route_class=ReadRoute, tags=["spend"])

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?")
_SPELLED = "as YYYY-MM-DD HH:MM:SS in UTC or YYYY-MM-DD"
_WHOLE_DAY = len("2026-03-11")


def _spelled(value: object) -> object:
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        raise ValueError(f"should be a time {_SPELLED}")
    return value


def _until(value: object) -> object:
    """A day is meant with all of it."""
    _spelled(value)
    if isinstance(value, str) and len(value) == _WHOLE_DAY:
        return datetime.combine(date.fromisoformat(value), time(23, 59, 59))
    return value


Since = Annotated[datetime, BeforeValidator(_spelled)]
Until = Annotated[datetime, BeforeValidator(_until)]
Status = Literal["success", "failure"]
Amount = Annotated[Decimal, Field(ge=-(10**15), le=10**15, allow_inf_nan=False)]


class CallsQuery(Paged):
    """Calls that meet all conditions; times are UTC, the last second is included.

    `api_key` is the sha256 of a key, `status_filter` another name of `status`.
    """

    start_date: Annotated[Since | None, Field(description=f"From then on, {_SPELLED}.")] = None
    end_date: Annotated[Until | None, Field(description=f"Until then, {_SPELLED}.")] = None
    team_id: Text | None = None
    user_id: Text | None = None
    api_key: Text | None = None
    key_alias: Text | None = None
    model: Text | None = None
    request_id: Text | None = None
    status: Annotated[Status | None, Field(description="`success` or `failure`.")] = None
    status_filter: Status | None = None
    min_spend: Amount | None = None
    max_spend: Amount | None = None
    end_user: Text | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] = 50
    sort_by: SortColumn = "startTime"
    sort_order: Literal["asc", "desc"] = "desc"

    @field_validator("end_date")
    @classmethod
    def _not_before_the_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start_date")
        if start is not None and end is not None and end < start:
            raise ValueError("must not be before start_date")
        return end

    def filter(self) -> CallFilter:
        """What single calls have to be. Raises 400 without both dates."""
        if self.start_date is None or self.end_date is None:
            raise no_dates()
        status = self.status or self.status_filter
        return CallFilter(
            since=self.start_date.replace(tzinfo=UTC),
            until=_after(self.end_date),
            succeeded=None if status is None else status == SUCCESS,
            request_id=self.request_id,
            min_spend=self.min_spend,
            max_spend=self.max_spend,
        )

    def series(self) -> UsageFilter:
        """What the series of the calls have to be."""
        return UsageFilter(
            team_ids=_one(self.team_id),
            user_ids=_one(self.user_id),
            keys=_one(self.api_key),
            key_aliases=_one(self.key_alias),
            models=_one(self.model),
        )


@router.get("/spend/logs/v2", openapi_extra=documented(CallsQuery))
async def page_of_calls(reader: ReaderDep, request: Request) -> Response:
    """One page of single calls, the newest first.

    Admins and viewers see those of everybody. A user's session at a dashboard sees his own, and
    with `team_id` all of a team that he administers. Corrections are rows of their own, which say
    what they correct.
    """
    query, principal = asked(request, CallsQuery), reader.principal
    if query.end_user is not None:
        raise no_end_users()
    wanted, order = query.filter(), CallOrder(query.sort_by, query.sort_order == "desc")
    teams = [] if query.team_id is None else [query.team_id]
    position, known = await own_standing(reader.context.read_pool, principal, teams)
    scope = UsageScope(sight_of_calls(principal, query.team_id, known), query.series())
    paging = Paging(query.page, query.page_size)
    async with snapshot(reader.context.reports_pool) as ledger:
        found, total = await calls(ledger, scope, wanted, order, paging)
    content = {
        "data": [call(each) for each in found],
        "total": total,
        "page": paging.number,
        "page_size": paging.size,
        "total_pages": paging.pages(total),
    }
    return answer(content, headers={POSITION_HEADER: str(position)})


@router.get("/spend/logs/ui", openapi_extra=documented(CallsQuery))
async def page_of_calls_at_a_dashboard(reader: ReaderDep, request: Request) -> Response:
    """The same under the path that dashboards ask."""
    return await page_of_calls(reader, request)


def no_dates() -> ShapeB:
    """The refusal of calls without a time."""
    return ShapeB(400, "Start date and end date are required")


def no_end_users() -> ShapeB:
    """The refusal of a filter by what the ledger does not keep (decision 010)."""
    return ShapeB(400, "The end user of a call is not kept: ask without end_user")


def _after(last: datetime) -> datetime:
    """The moment after the last second."""
    moment = last.replace(tzinfo=UTC)
    return moment + timedelta(seconds=1) if last.year < MAXYEAR else moment


def _one(value: str | None) -> list[str] | None:
    return None if value is None else [value]
