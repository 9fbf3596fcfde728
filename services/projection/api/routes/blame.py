"""/v1/{teams|users|keys|organizations}/{id}/blame: who set each field last, who added whom."""

from collections.abc import AsyncIterator, Mapping
from itertools import islice

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from events.envelope import Envelope
from events.values import JsonObject
from services.edge.shapes.past import field_origin, member_origin, origin
from services.projection.api import lives
from services.projection.api.asked import asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.streaming import Items, spooled
from services.projection.api.tellers import Tellers, tellers
from services.projection.history.document import Document, Held, Member
from services.projection.projector import slices
from services.projection.queries.past import Thing

router = APIRouter(route_class=ReadRoute, tags=["history"])

TEAM = "/v1/teams/{team_id:path}/blame"
USER = "/v1/users/{user_id:path}/blame"
KEY = "/v1/keys/{key}/blame"
ORGANIZATION = "/v1/organizations/{organization_id:path}/blame"
_AT_ONCE = 100


@router.get(TEAM, openapi_extra=documented(lives.OfTeam))
async def of_team(reader: ReaderDep, request: Request) -> Response:
    """Who set each field of a team last, and who added each member.

    Of a team that is gone, as it was at its end. What a restoration left as it was keeps its
    origin.
    """
    return await _answer(reader, await lives.team_of(reader, asked(request, lives.OfTeam)))


@router.get(USER, openapi_extra=documented(lives.OfUser))
async def of_user(reader: ReaderDep, request: Request) -> Response:
    """Who set each field of a user last."""
    return await _answer(reader, await lives.user_of(reader, asked(request, lives.OfUser)))


@router.get(KEY, openapi_extra=documented(lives.OfKey))
async def of_key(reader: ReaderDep, request: Request) -> Response:
    """Who set each field of a key last, under its present secret."""
    return await _answer(reader, await lives.key_of(reader, asked(request, lives.OfKey)))


@router.get(ORGANIZATION, openapi_extra=documented(lives.OfOrganization))
async def of_organization(reader: ReaderDep, request: Request) -> Response:
    """Who set each field of an organization last, and who added each member."""
    query = asked(request, lives.OfOrganization)
    return await _answer(reader, await lives.organization_of(reader, query, request.scope["path"]))


async def _answer(reader: Reader, thing: Thing) -> Response:
    document = Document()
    async for page in lives.log(reader).facts(thing, reader.head):
        async for portion in slices(page):
            for at in portion:
                document.fold(at)
    facts = {held.at.position: held.at for held in document.fields.values()}
    teller = await tellers(
        reader,
        facts.values(),
        [held.value for held in document.fields.values()],
        words=False,
    )
    last = document.last
    content = {
        "subject": f"{thing.kind}/{thing.identity}",
        "live": document.live,
        "incarnation": None if last is None else last.incarnation,
        "version": None if last is None else last.originator_version,
        "fields": _fields(document.fields, teller),
        "members": Items(_members(reader, document.members)),
    }
    return await spooled(content, {POSITION_HEADER: str(reader.head)})


def _fields(fields: Mapping[str, Held], teller: Tellers) -> list[JsonObject]:
    return [
        field_origin(name, teller.value(held.value), origin(teller.origin(held.at)))
        for name, held in fields.items()
        if teller.shows(name)
    ]


async def _members(
    reader: Reader, members: Mapping[str, Member]
) -> AsyncIterator[list[JsonObject]]:
    left = iter(members.items())
    while some := dict(islice(left, _AT_ONCE)):
        teller = await tellers(reader, _facts(some).values(), named=some.keys(), words=False)
        yield [
            member_origin(
                user_id,
                teller.email(user_id, member.added),
                origin(teller.origin(member.added)),
                _fields(member.fields, teller),
            )
            for user_id, member in some.items()
        ]


def _facts(members: Mapping[str, Member]) -> dict[int, Envelope]:
    found = {member.added.position: member.added for member in members.values()}
    for member in members.values():
        found |= {held.at.position: held.at for held in member.fields.values()}
    return found
