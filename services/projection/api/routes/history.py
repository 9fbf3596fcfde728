"""/v1/{teams|users|keys|organizations}/{id}/history: what happened to a thing, in plain sentences.

One entry for each fact, over all lives of the id that are the reader's to see (decision 017).
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from events.envelope import Envelope
from events.values import JsonObject
from services.edge.body import answer
from services.edge.shapes.past import entry, timeline
from services.projection.api import lives
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.tellers import tellers
from services.projection.history.changes import changes_of, silent_on
from services.projection.projector import slices
from services.projection.queries.past import BATCH, SCANNED, Filter, Place, Thing

router = APIRouter(route_class=ReadRoute, tags=["history"])

TEAM = "/v1/teams/{team_id:path}/history"
USER = "/v1/users/{user_id:path}/history"
KEY = "/v1/keys/{key}/history"
ORGANIZATION = "/v1/organizations/{organization_id:path}/history"
_BIGGEST = 2**62
FIRST_YEAR, LAST_YEAR = 1970, 9998


def _sane(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"should be between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


Moment = Annotated[datetime, AfterValidator(_sane)]


class HistoryQuery(Asked):
    """Entries that meet all conditions, at most `limit`; both times are inclusive."""

    order: Annotated[
        Literal["desc", "asc"], Field(description="The newest first, or the oldest.")
    ] = "desc"
    limit: Annotated[
        int, Field(ge=1, le=100, description="So many entries at most; a page may have fewer.")
    ] = 20
    after: Annotated[
        int | None, Field(ge=0, le=_BIGGEST, description="Go on behind this: the `next` of a page.")
    ] = None
    actor: Annotated[Text | None, Field(description="The user id of who did it.")] = None
    field: Annotated[
        Text | None,
        Field(description="A field, such as `max_budget`, or all below one: `members.ann`."),
    ] = None
    types: Text | None = None
    since: Annotated[
        Moment | None, Field(description="From then on: ISO 8601, without an offset in UTC.")
    ] = None
    until: Annotated[
        Moment | None, Field(description="Up to then: ISO 8601, without an offset in UTC.")
    ] = None

    def filter(self) -> Filter:
        types = None if self.types is None else tuple(filter(None, self.types.split(",")))
        without = () if self.field is None else silent_on(self.field)
        return Filter(self.actor, types, self.since, self.until, without)


class OfTeam(HistoryQuery, lives.OfTeam):
    """A team, and which entries are wanted."""


class OfUser(HistoryQuery, lives.OfUser):
    """A user, and which entries are wanted."""


class OfKey(HistoryQuery, lives.OfKey):
    """A key, and which entries are wanted."""


class OfOrganization(HistoryQuery, lives.OfOrganization):
    """An organization, and which entries are wanted."""


@router.get(TEAM, openapi_extra=documented(OfTeam))
async def of_team(reader: ReaderDep, request: Request) -> Response:
    """What happened to a team, members included, in plain sentences and field by field.

    For admins, viewers, the team's admins and those of its organization. Who is not shown all of
    the service sees ids of people instead of addresses, and the lives of the id that are his
    team's or organization's. A page may hold fewer entries than asked for, even none, and go on.
    """
    query = asked(request, OfTeam)
    return await _page(reader, await lives.team_of(reader, query), query)


@router.get(USER, openapi_extra=documented(OfUser))
async def of_user(reader: ReaderDep, request: Request) -> Response:
    """What happened to a user; of who was forgotten no address or name is left to tell."""
    query = asked(request, OfUser)
    return await _page(reader, await lives.user_of(reader, query), query)


@router.get(KEY, openapi_extra=documented(OfKey))
async def of_key(reader: ReaderDep, request: Request) -> Response:
    """What happened to a key under its present secret; a rotation ends one and begins the next."""
    query = asked(request, OfKey)
    return await _page(reader, await lives.key_of(reader, query), query)


@router.get(ORGANIZATION, openapi_extra=documented(OfOrganization))
async def of_organization(reader: ReaderDep, request: Request) -> Response:
    """What happened to an organization, members and throughput handed out included."""
    query = asked(request, OfOrganization)
    return await _page(
        reader, await lives.organization_of(reader, query, request.scope["path"]), query
    )


async def _page(reader: Reader, thing: Thing, query: HistoryQuery) -> Response:
    facts, following = await _found(reader, thing, query)
    entries = await _told(reader, facts)
    return answer(timeline(entries, following), headers={POSITION_HEADER: str(reader.head)})


async def _found(
    reader: Reader, thing: Thing, query: HistoryQuery
) -> tuple[list[Envelope], int | None]:
    """Facts of the page, and where the next one goes on."""
    found: list[Envelope] = []
    after, scanned = query.after, 0
    while scanned < SCANNED:
        place = Place(newest=query.order == "desc", after=after, head=reader.head)
        batch = await lives.log(reader).batch(thing, query.filter(), place)
        async for portion in slices(batch.facts):
            for at in portion:
                if not _touches(at, query.field):
                    continue
                if len(found) == query.limit:
                    return found, found[-1].position
                found.append(at)
        if batch.end is None:
            return found, None
        after = batch.end
        scanned += BATCH
        await asyncio.sleep(0)
    return found, after


def _touches(at: Envelope, field: str | None) -> bool:
    return field is None or any(change.touches(field) for change in changes_of(at))


async def _told(reader: Reader, facts: Sequence[Envelope]) -> list[JsonObject]:
    changes = [changes_of(at) for at in facts]
    values = [side for each in changes for change in each for side in (change.before, change.after)]
    teller = await tellers(reader, facts, values)
    return [
        entry(teller.origin(at), teller.sentence(at), teller.changes(each))
        for at, each in zip(facts, changes, strict=True)
    ]
