"""/v1/{teams|users|keys|organizations}/{id}/diff: what changed between two moments."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from events.envelope import Envelope
from events.values import JsonObject
from services.edge.errors import Problem
from services.edge.requests.history import Moment, moment_in_query
from services.edge.shapes.past import Point, difference
from services.projection.api import lives
from services.projection.api.asked import Asked, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.streaming import Items, spooled
from services.projection.api.tellers import Tellers, tellers
from services.projection.history.changes import Change, compared
from services.projection.history.document import Document
from services.projection.projector import slices
from services.projection.projectors.audit_values import Values
from services.projection.queries.past import Thing

router = APIRouter(route_class=ReadRoute, tags=["history"])

TEAM = "/v1/teams/{team_id:path}/diff"
USER = "/v1/users/{user_id:path}/diff"
KEY = "/v1/keys/{key}/diff"
ORGANIZATION = "/v1/organizations/{organization_id:path}/diff"

_FORMS = "a position of the log, a time as in RFC 3339, or `v` and a version of the thing"
InQuery = Annotated[
    Moment,
    BeforeValidator(moment_in_query),
    WithJsonSchema({"type": "string", "minLength": 1}),
]


class DiffQuery(Asked):
    """Two moments: what was recorded at them has happened."""

    earlier: Annotated[
        InQuery | None,
        Field(alias="from", description=f"By default before the first fact, else {_FORMS}."),
    ] = None
    later: Annotated[
        InQuery | None,
        Field(alias="to", description=f"The later moment, by default now: {_FORMS}."),
    ] = None


class OfTeam(DiffQuery, lives.OfTeam):
    """A team and two moments."""


class OfUser(DiffQuery, lives.OfUser):
    """A user and two moments."""


class OfKey(DiffQuery, lives.OfKey):
    """A key and two moments."""


class OfOrganization(DiffQuery, lives.OfOrganization):
    """An organization and two moments."""


@router.get(TEAM, openapi_extra=documented(OfTeam))
async def of_team(reader: ReaderDep, request: Request) -> Response:
    """What of a team, members included, differs between two moments.

    Both states are folded from the log. Where there was no team, all fields are null.
    """
    query = asked(request, OfTeam)
    return await _answer(reader, await lives.team_of(reader, query), query)


@router.get(USER, openapi_extra=documented(OfUser))
async def of_user(reader: ReaderDep, request: Request) -> Response:
    """What of a user differs between two moments."""
    query = asked(request, OfUser)
    return await _answer(reader, await lives.user_of(reader, query), query)


@router.get(KEY, openapi_extra=documented(OfKey))
async def of_key(reader: ReaderDep, request: Request) -> Response:
    """What of a key differs between two moments."""
    query = asked(request, OfKey)
    return await _answer(reader, await lives.key_of(reader, query), query)


@router.get(ORGANIZATION, openapi_extra=documented(OfOrganization))
async def of_organization(reader: ReaderDep, request: Request) -> Response:
    """What of an organization, members included, differs between two moments."""
    query = asked(request, OfOrganization)
    thing = await lives.organization_of(reader, query, request.scope["path"])
    return await _answer(reader, thing, query)


async def _answer(reader: Reader, thing: Thing, query: DiffQuery) -> Response:
    moments = [
        query.earlier or Moment(position=0),
        query.later or Moment(position=reader.head),
    ]
    facts = lives.log(reader).facts(thing, reader.head)
    (before, earlier), (after, later) = await _states(facts, moments, reader.head)
    changes = list(compared(before, after))
    values = [side for each in changes for side in (each.before, each.after)]
    teller = await tellers(reader, (), values)
    content = difference(earlier, later, ())
    content["changes"] = Items(_told(changes, teller))
    return await spooled(content, {POSITION_HEADER: str(reader.head)})


async def _told(changes: Sequence[Change], teller: Tellers) -> AsyncIterator[list[JsonObject]]:
    async for portion in slices(changes):
        yield teller.changes(portion)


async def _states(
    facts: AsyncIterator[list[Envelope]], moments: Sequence[Moment], head: int
) -> list[tuple[Values, Point]]:
    """What there was at each moment; raises Problem for one that is still to come."""
    document = Document()
    found: dict[int, tuple[Values, Point]] = {}
    async for page in facts:
        async for portion in slices(page):
            for at in portion:
                for place, moment in enumerate(moments):
                    if place not in found and not includes(moment, at):
                        found[place] = _state(document)
                document.fold(at)
    last = 0 if document.last is None else document.last.originator_version
    for place, moment in enumerate(moments):
        if (moment.position or 0) > head or (moment.version or 0) > last:
            raise still_to_come()
        found.setdefault(place, _state(document))
    return [found[place] for place in range(len(moments))]


def _state(document: Document) -> tuple[Values, Point]:
    return document.state(), Point(document.last, live=document.live)


def includes(moment: Moment, at: Envelope) -> bool:
    """Whether a fact had happened by then."""
    if moment.version is not None:
        return at.originator_version <= moment.version
    if moment.position is not None:
        return at.position <= moment.position
    return moment.time is not None and at.recorded_at <= moment.time


def still_to_come() -> Problem:
    """The refusal of a position, or version, that the log has not reached."""
    return Problem(422, "Unprocessable Content", "That position or version is still to come")
