"""GET /user/info: a user with his keys and teams (supporting-api.md 3.2, S01)."""

from collections.abc import AsyncIterator
from decimal import Decimal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from events.streams import USER
from events.values import JsonObject
from services.access.visibility import TeamScope, check_user_info
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.shapes.key import key_row
from services.edge.shapes.user import user_row
from services.projection.api.asked import Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.listed import listed_items
from services.projection.api.past import AskedAsOf, as_of
from services.projection.api.streaming import Items, spooled
from services.projection.past.scope import EVERYTHING, Scope
from services.projection.queries.reading import Connection, snapshot
from services.projection.queries.team_lists import TeamFilter, teams_within
from services.projection.queries.users import KeyOfUser, UserRecord, find_user, keys_of_user

router = APIRouter(route_class=ReadRoute, tags=["users"])

NO_TEAM = "None"
"""The alias of the team of a key that has no team, as LiteLLM writes it."""


class UserQuery(AskedAsOf):
    """The user who is asked for; absent, it is the caller."""

    user_id: Text | None = None


@router.get("/user/info", openapi_extra=documented(UserQuery))
async def info(reader: ReaderDep, request: Request) -> Response:
    """A user with the keys that he owns, hashes included, and his teams as /team/list shows them.

    A proxy admin who names nobody is shown all keys and all teams there are, beside himself.
    With `as_of` everything is as it was then, but for teams that the caller may not see now.
    """
    query, principal = asked(request, UserQuery), reader.principal
    check_user_info(principal, query.user_id)
    everything = query.user_id is None and principal.is_admin
    scope = EVERYTHING if everything else Scope.of(USER, query.user_id or principal.user_id or "")
    async with as_of(reader, query.as_of, scope) as at:
        return await _info(at, query.user_id)


async def _info(reader: Reader, asked_for: str | None) -> Response:
    principal = reader.principal
    everything = asked_for is None and principal.is_admin
    user_id = principal.user_id if asked_for is None else asked_for
    async with snapshot(reader.context.read_pool) as connection:
        position, found = await find_user(connection, user_id)
        if found is None and not everything:
            raise ShapeB(404, f"User {user_id} not found", family=MANAGEMENT)
        whose = None if everything else user_id
        teams = teams_within(connection, principal, TeamFilter(TeamScope(whose)))
        content = {
            "user_id": user_id,
            "user_info": None if found is None else await _row(reader, found),
            "keys": Items(_keys(reader, connection, whose)),
            "teams": Items(listed_items(reader, whose, teams, connection)),
        }
        headers = {POSITION_HEADER: str(position)}
        if found is not None and not everything:
            headers["etag"] = f'"{found.view.version}"'
        return await spooled(content, headers)


async def _row(reader: Reader, found: UserRecord) -> JsonObject:
    now = reader.now
    [spent] = await reader.context.spending.now([found.spender], now)
    return user_row(found.view, now, reader.context.zone, spend=spent)


async def _keys(
    reader: Reader, connection: Connection, user_id: str | None
) -> AsyncIterator[list[JsonObject]]:
    async for chunk in keys_of_user(connection, user_id):
        lives = [key.record.life for key in chunk]
        spenders = await reader.context.spending.of_keys(lives, connection)
        spent = await reader.context.spending.now(spenders, reader.now)
        yield [_key(reader, key, spend) for key, spend in zip(chunk, spent, strict=True)]


def _key(reader: Reader, key: KeyOfUser, spend: Decimal) -> JsonObject:
    view = key.record.view
    row = key_row(view, reader.now, reader.context.zone, with_token=True, spend=spend)
    row["team_alias"] = NO_TEAM if view.settings["team_id"] is None else key.team_alias
    return row
