"""GET /v1/access/review: who could do what, for the yearly review (decisions 016 and 017)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from events.audit import AccessReviewed
from events.streams import ORGANIZATION
from events.values import JsonObject
from services.edge.shapes.review import Right, head
from services.edge.shapes.times import iso
from services.projection.api.asked import asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.past import AskedAsOf, as_of_or_now
from services.projection.api.recorded import recording
from services.projection.api.streaming import Items, Spooled, spooled, spooled_text
from services.projection.past.scope import EVERYTHING, Scope
from services.projection.queries.review import rights

router = APIRouter(route_class=ReadRoute, tags=["history"])
ROUTE = "/v1/access/review"
CSV = "text/csv"


class ReviewQuery(AskedAsOf):
    """A moment, by default now."""

    format: Annotated[
        Literal["csv", "json"], Field(description="What to answer: `csv`, or `json`.")
    ] = "csv"


@router.get(ROUTE, openapi_extra=documented(ReviewQuery))
async def review(reader: ReaderDep, request: Request) -> Response:
    """A line for everything that gave somebody a right at a moment.

    `what` is an organization or a team, with its models and its budget; a user with his role; a
    membership of an organization or a team, with the role there, its models, and what the member
    may spend; or a key in force, with its owner, its own models (`all` are those of the team or the
    user) and budget. `administers` tells what a role has somebody manage. What is deleted, void or
    expired has no line. A text that a spreadsheet would take for a formula begins with an
    apostrophe. The master key, which may do everything, is configuration and no line. That it was
    read, by whom and of which moment, is recorded before the first line is sent.

    For proxy admins and viewers; admins of organizations get what is within these, but users as
    such.
    """
    query, record = asked(request, ReviewQuery), recording(reader, request)
    principal = reader.principal
    within = None if principal.reads_everything else sorted(principal.administers)
    scope = EVERYTHING if within is None else Scope.of(ORGANIZATION, *within)
    async with as_of_or_now(reader, query.as_of, scope) as at:
        answer, reviewed = await _review(at, query.format, within)
    try:
        await record(reviewed)
    except BaseException:
        answer.discard()
        raise
    return answer


async def _review(
    reader: Reader, form: Literal["csv", "json"], within: list[str] | None
) -> tuple[Spooled, AccessReviewed]:
    then, counted = reader.context.then, _Counted()
    until = reader.head if then is None else then.position
    headers = {POSITION_HEADER: str(until)}
    async with reader.context.read_pool.connection() as connection:
        found = counted.each(rights(connection, within, reader.now))
        if form == "csv":
            answer = await spooled_text(_csv(found), headers, CSV)
        else:
            content = {"as_of": iso(reader.now), "rights": Items(_shown(found))}
            answer = await spooled(content, headers)
    return answer, AccessReviewed(
        form=form, as_of=reader.now, until=until, organizations=within, entries=counted.rights
    )


@dataclass(slots=True)
class _Counted:
    rights: int = 0

    async def each(self, found: AsyncIterator[list[Right]]) -> AsyncIterator[list[Right]]:
        async for chunk in found:
            self.rights += len(chunk)
            yield chunk


async def _csv(found: AsyncIterator[list[Right]]) -> AsyncIterator[bytes]:
    yield head().encode()
    async for chunk in found:
        yield "".join(each.line() for each in chunk).encode()


async def _shown(found: AsyncIterator[list[Right]]) -> AsyncIterator[list[JsonObject]]:
    async for chunk in found:
        yield [each.shown() for each in chunk]
