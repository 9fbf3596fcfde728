"""All teams that a caller may see, with members and keys, unpaged (team-api.md 3.5, D12, D50)."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from psycopg.sql import SQL, Composable, Literal

from events.values import JsonObject
from services.access.principal import Principal, Towards
from services.access.visibility import TeamScope
from services.database.connections import Pool
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
    TEAM_WITH_ROSTER,
    KeyRecord,
    TeamRecord,
    key_of_team,
    key_record,
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
    "SELECT t.team_id, t.incarnation, t.team_alias, mine.limits, true AS of_user "
    "FROM mine JOIN read.teams_1 t "
    "ON t.team_id = mine.team_id AND t.incarnation = mine.incarnation "
    "WHERE t.deleted_at IS NULL {organization}"
)
_OF_ORGANIZATIONS = SQL(
    "SELECT t.team_id, t.incarnation, t.team_alias, NULL::jsonb AS limits, false AS of_user "
    "FROM read.teams_1 t WHERE t.deleted_at IS NULL {within} {organization}"
)
_NOT_MINE = SQL(
    "AND NOT EXISTS (SELECT FROM mine "
    "WHERE mine.team_id = t.team_id AND mine.incarnation = t.incarnation)"
)
_OF_ALL = SQL(
    "(SELECT t.team_id, t.incarnation, t.team_alias, NULL::jsonb AS limits, false AS of_user "
    "FROM read.teams_1 t WHERE t.deleted_at IS NULL AND t.team_alias IS NULL {organization} "
    "ORDER BY t.team_alias, t.team_id LIMIT %(limit)s) UNION ALL "
    "(SELECT t.team_id, t.incarnation, t.team_alias, NULL::jsonb, false "
    "FROM read.teams_1 t WHERE t.deleted_at IS NULL AND t.team_alias IS NOT NULL {organization} "
    "ORDER BY t.team_alias, t.team_id LIMIT %(limit)s)"
)
"""In two parts, each in the order of the index, which has null last."""

_WITHIN = SQL("AND t.organization_id = ANY (%(within)s::text[])")
_BESIDES = SQL("AND t.organization_id = ANY (%(besides)s::text[])")

_EVERY_KEY = SQL("(%(every_key)s OR t.organization_id = ANY (%(administers)s::text[]))")
_STATEMENT = SQL(
    """
    WITH {mine} page AS MATERIALIZED (
        SELECT * FROM ({teams}) x ORDER BY team_alias NULLS FIRST, team_id LIMIT %(limit)s
    )
    SELECT {position}, t.role, page.of_user, page.limits, {members},
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
    """Teams of the scope; with `organization_id` only those of this one, or NO_ORGANIZATION."""

    scope: TeamScope
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedTeam:
    """A team of the list; `role` is the caller's in its roster.

    `of_user` tells whether it is listed as one that the user of the scope is in; `limits` are then
    his own in it. Of more than SHOWN keys only the oldest are here; `keys_total` counts all that
    the caller may see.
    """

    record: TeamRecord
    role: str | None
    of_user: bool
    limits: JsonObject | None
    keys: list[KeyRecord]
    keys_total: int

    @property
    def towards(self) -> Towards:
        """The team as rules about the caller see it."""
        return self.record.towards(self.role)


@dataclass(frozen=True, slots=True)
class ListedTeams:
    """Teams as of `position`; `within` is the connection that they are read over meanwhile."""

    position: int
    teams: AsyncIterator[ListedTeam]
    within: Connection | None = None


@asynccontextmanager
async def listed_teams(
    pool: Pool, principal: Principal, wanted: TeamFilter, limit: int | None
) -> AsyncIterator[ListedTeams]:
    """Teams by alias, null first, then id; at most `limit` of them.

    A short list is one statement. A long one is read by a cursor: take it at full speed.
    """
    given = Given.of(wanted)
    few = _FEW + 1 if limit is None else min(limit, _FEW + 1)
    parameters = {**_parameters(principal, wanted), "limit": few}
    rows = await fetch(pool, _statement(given), parameters, prepare=given.of_user)
    if len(rows) <= _FEW or few == limit:
        yield ListedTeams(rows[0][0], _few(rows))
        return
    async with snapshot(pool) as connection:
        position = (await run(connection, _POSITION, {}))[0][0]
        yield ListedTeams(position, teams_within(connection, principal, wanted, limit), connection)


async def teams_within(
    connection: Connection, principal: Principal, wanted: TeamFilter, limit: int | None = None
) -> AsyncIterator[ListedTeam]:
    """The same teams in a snapshot that others read too; by a cursor, unless a user's are few."""
    given, parameters = Given.of(wanted), _parameters(principal, wanted)
    statement = _statement(given)
    if given.of_user and limit is None:
        rows = await run(connection, statement, {**parameters, "limit": _FEW + 1}, prepare=True)
        if len(rows) <= _FEW:
            async for team in _few(rows):
                yield team
            return
    parameters["limit"] = limit
    async for rows in chunks(connection, statement, parameters, _CHUNK):
        async for team in _few(rows):
            yield team


async def _few(rows: Iterable[Row]) -> AsyncIterator[ListedTeam]:
    for row in rows:
        if (team := _listed(row)) is not None:
            yield team


def _parameters(principal: Principal, wanted: TeamFilter) -> dict[str, Any]:
    scope = wanted.scope
    return {
        "user_id": scope.user_id,
        "within": None if scope.within is None else list(scope.within),
        "besides": list(scope.besides),
        "organization_id": wanted.organization_id,
        "caller": principal.user_id,
        "every_key": principal.reads_everything,
        "administers": list(principal.administers),
    }


@dataclass(frozen=True, slots=True)
class Given:
    """What of a filter decides how it is asked.

    `organization` tells which ones are wanted: None any, False none, True the one that is named.
    """

    of_user: bool
    within: bool
    besides: bool
    organization: bool | None

    @classmethod
    def of(cls, wanted: TeamFilter) -> "Given":
        named = wanted.organization_id
        return cls(
            of_user=wanted.scope.user_id is not None,
            within=wanted.scope.within is not None,
            besides=bool(wanted.scope.besides),
            organization=None if named is None else named != NO_ORGANIZATION,
        )


@cache
def _statement(given: Given) -> bytes:
    return _STATEMENT.format(
        mine=_MINE if given.of_user else SQL(""),
        teams=_teams(given),
        position=POSITION,
        members=FIRST_MEMBERS,
        key=KEY,
        key_of_team=key_of_team(SQL("%(caller)s"), _EVERY_KEY),
        key_order=KEY_ORDER,
        shown=Literal(SHOWN),
        team=TEAM_WITH_ROSTER,
    ).as_bytes()


def _teams(given: Given) -> Composable:
    """Where the teams come from; those of organizations are found by these, never in all teams."""
    wanted = {
        None: SQL(""),
        False: SQL("AND t.organization_id IS NULL"),
        True: SQL("AND t.organization_id = %(organization_id)s"),
    }[given.organization]
    if not given.of_user:
        if given.within:
            return _OF_ORGANIZATIONS.format(within=_WITHIN, organization=wanted)
        return _OF_ALL.format(organization=wanted)
    within = _WITHIN if given.within else SQL("")
    teams = _OF_USER.format(organization=SQL("{} {}").format(within, wanted))
    if not given.besides:
        return teams
    besides = _OF_ORGANIZATIONS.format(
        within=_BESIDES, organization=SQL("{} {}").format(wanted, _NOT_MINE)
    )
    return SQL("{} UNION ALL {}").format(teams, besides)


def _listed(row: Row) -> ListedTeam | None:
    _, role, of_user, limits, roster, keys, *columns = row
    if columns[0] is None:
        return None
    total, shown = orjson.loads(keys)
    records = [key_record(key) for key in shown or ()]
    return ListedTeam(
        record=team_record(columns, roster),
        role=role,
        of_user=of_user,
        limits=limits,
        keys=records,
        keys_total=total,
    )
