"""GET /v1/spend: what was spent, divided by whatever is asked for, as JSON or CSV."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, get_args

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationInfo, field_validator
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject
from services.access.sight import sight_of_all
from services.edge.errors import Problem
from services.edge.shapes.activity import NOTHING, metrics
from services.edge.shapes.spend_groups import By, csv_head, csv_line, group
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.days import Day, Zone, zone_of
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.api.streaming import Items, spooled, spooled_text
from services.projection.queries.reading import snapshot
from services.projection.queries.spend_groups import TERMS, Found, spend_groups
from services.projection.queries.standing import own_standing
from services.projection.queries.usage_scope import UsageFilter, UsageScope
from services.projection.queries.usage_statements import Group
from services.projection.queries.usage_sums import Sums, measured
from services.spend.calendar import Calendar

router = APIRouter(route_class=ReadRoute, tags=["spend"])

MOST_GROUPS = 1_000_000
CSV = "text/csv"
MOST_VALUES = 100


def _any_of(what: str) -> Any:  # noqa: ANN401 - as pydantic's own
    return Field(default=(), max_length=MOST_VALUES, description=f"{what}; may be repeated.")


class SpendQuery(Asked):
    """Days of a zone, both inclusive; what to divide by, between commas; whom and what it is about.

    Filters may be repeated and then mean any of the values; a key is meant by its sha256.
    """

    several: ClassVar = frozenset(TERMS)

    since: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    timezone: Zone = "UTC"
    group_by: Text = ""
    format: Literal["json", "csv"] | None = None
    organization: tuple[Text, ...] = _any_of("Of this organization")
    team: tuple[Text, ...] = _any_of("Of this team")
    member: tuple[Text, ...] = _any_of("Of this user")
    key: tuple[Text, ...] = _any_of("Of the key with this sha256")
    model: tuple[Text, ...] = _any_of("Of this model")
    provider: tuple[Text, ...] = _any_of("Of this provider")
    tag: tuple[Text, ...] = _any_of("With this tag")

    @field_validator("to")
    @classmethod
    def _not_before_the_start(cls, to: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("since")
        if since is not None and to is not None and to < since:
            raise ValueError("must not be before from")
        return to

    @field_validator("group_by")
    @classmethod
    def _known(cls, text: str) -> str:
        if unknown := set(_separated(text)) - set(get_args(By)):
            allowed = ", ".join(get_args(By))
            raise ValueError(f"{min(unknown)!r} is nothing to divide by; there are {allowed}")
        return text

    @property
    def by(self) -> tuple[By, ...]:
        """What to divide by, in the order asked."""
        known: Mapping[str, By] = {each: each for each in get_args(By)}
        return tuple(known[each] for each in dict.fromkeys(_separated(self.group_by)))

    def calendar(self) -> Calendar:
        """The days. Raises RequestValidationError for a date that is not given."""
        if self.since is None or self.to is None:
            raise missing_dates(self.since, self.to)
        return Calendar.of(zone_of(self.timezone), self.since, self.to)

    def filter(self) -> UsageFilter:
        """What the calls have to be."""
        return UsageFilter(
            team_ids=self.team or None,
            organization_ids=self.organization or None,
            user_ids=self.member or None,
            keys=self.key or None,
            models=self.model or None,
            providers=self.provider or None,
            tags=self.tag or None,
        )


@router.get("/v1/spend", openapi_extra=documented(SpendQuery))
async def spend(reader: ReaderDep, request: Request) -> Response:
    """What was spent in a range of days, divided by any of several things at once.

    Admins and viewers see everything; others what they spent themselves, all of the teams that they
    administer or that let them see it, and all of the organizations that they administer. Groups
    come in the order of time, then of what they are divided by. They add up to `total`, save by
    `tag`: a call counts in the group of each of its tags, and one without tags in that of null.

    With `format=csv` or `Accept: text/csv` the groups come as CSV: USD are exact, and a text that a
    spreadsheet would take for a formula begins with an apostrophe. At most a million groups.
    """
    query, principal = asked(request, SpendQuery), reader.principal
    calendar = query.calendar()
    position, known = await own_standing(reader.context.read_pool, principal)
    scope = UsageScope(sight_of_all(principal, known), query.filter())
    headers = {POSITION_HEADER: str(position)}
    async with snapshot(reader.context.reports_pool) as ledger:
        sums = await Sums.of(ledger, scope, calendar)
        groups = _bounded(spend_groups(sums, query.by))
        if _wants_csv(request, query):
            return await spooled_text(_csv(query.by, groups), headers, CSV)
        whole = [measured(row)[-1] for row in await sums.all(Group())]
        content = {
            "from": calendar.first.isoformat(),
            "to": calendar.last.isoformat(),
            "timezone": query.timezone,
            "group_by": list(query.by),
            "overlapping": "tag" in query.by,
            "total": metrics(whole[0] if whole else NOTHING),
            "groups": Items(_items(groups)),
        }
        return await spooled(content, headers)


def missing_dates(since: date | None, to: date | None) -> RequestValidationError:
    """The refusal of a range without its first or its last day."""
    absent = [name for name, day in (("from", since), ("to", to)) if day is None]
    entries = [
        {"type": "missing", "loc": ("query", name), "msg": "Field required", "input": None}
        for name in absent
    ]
    return RequestValidationError(entries)


def too_many_groups() -> Problem:
    """The refusal of what would be endless."""
    text = f"There are more than {MOST_GROUPS:,} groups: ask for fewer days, or divide by less"
    return Problem(400, "Too many groups", text)


async def _bounded(groups: Found) -> Found:
    count = 0
    async with aclosing(groups):
        async for chunk in groups:
            count += len(chunk)
            if count > MOST_GROUPS:
                raise too_many_groups()
            yield chunk


async def _items(groups: Found) -> AsyncIterator[list[JsonObject]]:
    async for chunk in groups:
        yield [group(told, of) for told, of in chunk]


async def _csv(by: Sequence[By], groups: Found) -> AsyncIterator[bytes]:
    yield csv_head(by).encode()
    async for chunk in groups:
        yield "".join(csv_line(told, of) for told, of in chunk).encode()


def _wants_csv(request: Request, query: SpendQuery) -> bool:
    if query.format is not None:
        return query.format == "csv"
    accepted = request.headers.get("accept", "").split(",")
    return any(each.partition(";")[0].strip() == CSV for each in accepted)


def _separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
