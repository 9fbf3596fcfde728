"""GET /team/info (team-api.md 3.4, D08, D09, D43)."""

from collections.abc import AsyncIterator
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from events.streams import TEAM
from events.values import JsonObject
from services.access.principal import Principal
from services.access.visibility import sees_every_key, stranger_to_team
from services.edge.body import answer
from services.edge.errors import INFO, INFO_MESSAGE, ShapeB
from services.edge.shapes.key import key_row
from services.edge.shapes.team import membership
from services.projection.api.asked import Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.infos import team_content, team_reckoning
from services.projection.api.past import AskedAsOf, as_of, seeing_all
from services.projection.api.streaming import Items, spooled
from services.projection.past.scope import Scope
from services.projection.queries import teams as queries
from services.projection.queries.reading import Connection, snapshot
from services.projection.queries.teams import FoundTeam, Question

router = APIRouter(route_class=ReadRoute, tags=["teams"])


class InfoQuery(AskedAsOf):
    """The team that is asked for."""

    team_id: Text | None = None


@router.get("/team/info", openapi_extra=documented(InfoQuery))
async def info(reader: ReaderDep, request: Request) -> Response:
    """One team with its keys and memberships; a roster of any size is shown whole.

    For admins, viewers, members, the team's own keys and admins of its organization.
    Strangers get the same 403 whether the team exists or not; 404 is for those who see every team.
    With `as_of` the answer is what it was then, for whoever may see the team now: all of it for
    those who see all of it now, and never more than they see now.
    """
    query = asked(request, InfoQuery)
    if (team_id := query.team_id) is None:
        raise ShapeB(422, "Malformed request. No team id passed in.", family=INFO_MESSAGE)
    today = partial(_today, reader, team_id)
    async with as_of(reader, query.as_of, Scope.of(TEAM, team_id), today) as at:
        return await _info(at, team_id)


async def _info(reader: Reader, team_id: str) -> Response:
    question = Question.of(reader.principal, team_id)
    position, found = await reader.context.teams.whole(question)
    if found is None:
        raise _nothing_to_see(reader, team_id)
    with_token = _with_token(reader, found)
    content = await reader.context.team_infos.info(found, reader.now, with_token=with_token)
    if content is None:
        return await _large(reader, question)
    return answer(content, headers=_headers(position, found))


async def _today(reader: Reader, team_id: str) -> Principal:
    principal = reader.principal
    if principal.reads_everything:
        return principal
    _, found = await reader.context.teams.whole(Question.of(principal, team_id))
    if found is None:
        raise _nothing_to_see(reader, team_id)
    return seeing_all(principal) if sees_every_key(principal, found.towards) else principal


async def _large(reader: Reader, question: Question) -> Response:
    """The same from a snapshot of its own, without holding all of it in memory."""
    async with snapshot(reader.context.read_pool) as connection:
        position, found = await queries.bare_team(connection, question)
        if found is None:
            raise _nothing_to_see(reader, question.team_id)
        now, zone, spending = reader.now, reader.context.zone, reader.context.spending
        reckoning = await team_reckoning(spending, found, now, within=connection)
        spent = await spending.told(reckoning)
        content = team_content(found, spent, now, zone, with_token=_with_token(reader, found))
        content["team_info"]["members_with_roles"] = Items(_members(connection, found))
        content["keys"] = Items(_keys(reader, connection, found, question))
        content["team_memberships"] = Items(_memberships(reader, connection, found))
        return await spooled(content, _headers(position, found))


async def _members(connection: Connection, found: FoundTeam) -> AsyncIterator[list[JsonObject]]:
    async for chunk in queries.members(connection, found):
        yield [{"user_id": m.user_id, "user_email": m.user_email, "role": m.role} for m, _ in chunk]


async def _memberships(
    reader: Reader, connection: Connection, found: FoundTeam
) -> AsyncIterator[list[JsonObject]]:
    record = found.record
    team_id, settings = record.view.team_id, record.view.settings
    async for chunk in queries.members(connection, found):
        spenders = [record.member(member.user_id) for member, _ in chunk]
        spent = await reader.context.spending.now(spenders, reader.now)
        yield [
            membership(team_id, member.user_id, limits, settings, spend=spend)
            for (member, limits), spend in zip(chunk, spent, strict=True)
        ]


async def _keys(
    reader: Reader, connection: Connection, found: FoundTeam, question: Question
) -> AsyncIterator[list[JsonObject]]:
    now, zone = reader.now, reader.context.zone
    with_token = _with_token(reader, found)
    async for chunk in queries.keys(connection, found, question):
        spenders = await reader.context.spending.of_keys([key.life for key in chunk], connection)
        spent = await reader.context.spending.now(spenders, now)
        yield [
            key_row(key.view, now, zone, with_token=with_token, spend=spend)
            for key, spend in zip(chunk, spent, strict=True)
        ]


def _with_token(reader: Reader, found: FoundTeam) -> bool:
    return sees_every_key(reader.principal, found.towards)


def _headers(position: int, found: FoundTeam) -> dict[str, str]:
    return {POSITION_HEADER: str(position), "etag": f'"{found.stored.version}"'}


def _nothing_to_see(reader: Reader, team_id: str) -> ShapeB:
    """404 for those who see every team, 403 for all others (D09)."""
    if reader.principal.reads_everything:
        return ShapeB(404, f"Team not found, passed team id: {team_id}.", family=INFO_MESSAGE)
    return ShapeB(403, stranger_to_team(reader.principal, team_id), family=INFO)
