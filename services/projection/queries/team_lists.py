"""All teams that a caller may see, with members and keys, unpaged (team-api.md 3.5, D12, D50)."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from psycopg.sql import SQL, Literal

from events.values import JsonObject
from services.access.principal import Principal
from services.database.connections import Pool
from services.edge.shapes.key import KeyView
from services.projection.queries.reading import (
    POSITION,
    Connection,
    Row,
    chunks,
    fetch,
    run,
    snapshot,
)
from services.projection.queries.records import (
    FIRST_MEMBERS,
    KEY,
    KEY_ORDER,
    SHOWN,
    TEAM,
    TeamRecord,
    key_of_team,
    key_view,
    team_record,
)

NO_ORGANIZATION = "default_organization"
"""Stands for teams without an organization."""

_FEW = 20
_CHUNK = 20
_POSITION = SQL("SELECT {position}").format(position=POSITION).as_bytes()
_MINE = SQL(
    "mine AS MATERIALIZED (SELECT team_id, incarnation, limits FROM read.memberships_1 "
    "WHERE user_id = %(user_id)s), "
)
_OF_USER = SQL(
    "SELECT t.team_id, t.incarnation, t.team_alias, mine.limits FROM mine JOIN read.teams_1 t "
    "ON t.team_id = mine.team_id AND t.incarnation = mine.incarnation "
    "WHERE t.deleted_at IS NULL {organization}"
)
_OF_ALL = SQL(
    "(SELECT t.team_id, t.incarnation, t.team_alias, NULL::jsonb AS limits FROM read.teams_1 t "
    "WHERE t.deleted_at IS NULL AND t.team_alias IS NULL {organization} "
    "ORDER BY t.team_alias, t.team_id LIMIT %(limit)s) UNION ALL "
    "(SELECT t.team_id, t.incarnation, t.team_alias, NULL::jsonb FROM read.teams_1 t "
    "WHERE t.deleted_at IS NULL AND t.team_alias IS NOT NULL {organization} "
    "ORDER BY t.team_alias, t.team_id LIMIT %(limit)s)"
)
"""In two parts, each in the order of the index, which has null last."""

_STATEMENT = SQL(
    """
    WITH {mine} page AS MATERIALIZED (
        SELECT * FROM ({teams}) x ORDER BY team_alias NULLS FIRST, team_id LIMIT %(limit)s
    )
    SELECT {position}, t.role, page.limits, {members},
        (SELECT json_build_array(count(*),
             json_agg(json_build_array({key}) ORDER BY k.place) FILTER (WHERE k.place <= {shown}))
         FROM (SELECT k.*, row_number() OVER (ORDER BY {key_order}) AS place
               FROM read.keys_1 k WHERE {key_of_team}) k)::text,
        {team}
    FROM (SELECT) one LEFT JOIN (
        page JOIN LATERAL (
            SELECT t.*, c.role FROM read.teams_1 t
            LEFT JOIN read.memberships_1 c ON c.team_id = t.team_id
                AND c.incarnation = t.incarnation AND c.user_id = %(caller)s
            WHERE t.team_id = page.team_id AND t.incarnation = page.incarnation
        ) t ON true
    ) ON true
    ORDER BY t.team_alias NULLS FIRST, t.team_id LIMIT %(limit)s
    """
)


@dataclass(frozen=True, slots=True)
class TeamFilter:
    """`user_id`: teams of this user only. `organization_id`: of this one, or NO_ORGANIZATION."""

    user_id: str | None = None
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedTeam:
    """A team of the list; `role` is the caller's in its roster.

    With a filter by user, `limits` are that user's own in the team. Of more than SHOWN keys only
    the oldest are here; `keys_total` counts all that the caller may see.
    """

    record: TeamRecord
    role: str | None
    limits: JsonObject | None
    keys: list[KeyView]
    keys_total: int


@asynccontextmanager
async def listed_teams(
    pool: Pool, principal: Principal, wanted: TeamFilter, limit: int | None
) -> AsyncIterator[tuple[int, AsyncIterator[ListedTeam]]]:
    """Position and teams by alias, null first, then id; at most `limit` of them.

    A short list is one statement. A long one is read by a cursor: take it at full speed.
    """
    statement = _statement(wanted.user_id is not None, _organization(wanted))
    few = _FEW + 1 if limit is None else min(limit, _FEW + 1)
    parameters = _parameters(principal, wanted)
    rows = await fetch(pool, statement, {**parameters, "limit": few})
    if len(rows) <= _FEW or few == limit:
        yield rows[0][0], _few(rows)
        return
    async with snapshot(pool) as connection:
        position = (await run(connection, _POSITION, {}))[0][0]
        yield position, teams_within(connection, principal, wanted, limit)


async def teams_within(
    connection: Connection, principal: Principal, wanted: TeamFilter, limit: int | None = None
) -> AsyncIterator[ListedTeam]:
    """The same teams in a snapshot that others read too, by a cursor."""
    statement = _statement(wanted.user_id is not None, _organization(wanted))
    parameters = {**_parameters(principal, wanted), "limit": limit}
    async for rows in chunks(connection, statement, parameters, _CHUNK):
        async for team in _few(rows):
            yield team


async def _few(rows: Iterable[Row]) -> AsyncIterator[ListedTeam]:
    for row in rows:
        if (team := _listed(row)) is not None:
            yield team


def _parameters(principal: Principal, wanted: TeamFilter) -> dict[str, Any]:
    return {
        "user_id": wanted.user_id,
        "organization_id": wanted.organization_id,
        "caller": principal.user_id,
        "every_key": principal.reads_everything,
    }


def _organization(wanted: TeamFilter) -> bool | None:
    """Which organizations are wanted: None any, False none, True the one that is named."""
    if wanted.organization_id is None:
        return None
    return wanted.organization_id != NO_ORGANIZATION


@cache
def _statement(of_user: bool, organization: bool | None) -> bytes:  # noqa: FBT001
    condition = {
        None: SQL(""),
        False: SQL("AND t.organization_id IS NULL"),
        True: SQL("AND t.organization_id = %(organization_id)s"),
    }[organization]
    teams = _OF_USER if of_user else _OF_ALL
    return _STATEMENT.format(
        mine=_MINE if of_user else SQL(""),
        teams=teams.format(organization=condition),
        position=POSITION,
        members=FIRST_MEMBERS,
        key=KEY,
        key_of_team=key_of_team(SQL("%(caller)s"), SQL("%(every_key)s")),
        key_order=KEY_ORDER,
        shown=Literal(SHOWN),
        team=TEAM,
    ).as_bytes()


def _listed(row: Row) -> ListedTeam | None:
    _, role, limits, roster, keys, *columns = row
    if columns[0] is None:
        return None
    total, shown = orjson.loads(keys)
    views = [key_view(key) for key in shown or ()]
    return ListedTeam(team_record(columns, roster), role, limits, views, total)
