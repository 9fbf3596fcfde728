"""What a caller is to teams, and what these let their members do (team-api.md 3.17, 3.19)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from psycopg.sql import SQL

from services.access.activity import Membership
from services.access.principal import Principal, Towards
from services.database.connections import Pool
from services.projection.queries.reading import POSITION, fetch
from services.projection.queries.records import LAST_TEAM, LAST_USER

_PERMISSIONS = SQL("(t.settings->'member_permissions')::text")
_TEAM = (
    SQL(
        """
        SELECT {position}, t.team_id IS NOT NULL, c.role, t.organization_id, {permissions}
        FROM (SELECT) one LEFT JOIN ({team} t LEFT JOIN read.memberships_1 c
            ON c.team_id = t.team_id AND c.incarnation = t.incarnation AND c.user_id = %(caller)s
        ) ON t.deleted_at IS NULL
        """
    )
    .format(
        position=POSITION,
        permissions=_PERMISSIONS,
        team=LAST_TEAM.format(team_id=SQL("%(team_id)s")),
    )
    .as_bytes()
)
_OWN = (
    SQL(
        """
        SELECT {position}, EXISTS (SELECT FROM {user} u WHERE u.deleted_at IS NULL),
            m.team_id, m.role, {permissions}
        FROM (SELECT) one LEFT JOIN (
            read.memberships_1 m JOIN read.teams_1 t ON t.team_id = m.team_id
                AND t.incarnation = m.incarnation AND t.deleted_at IS NULL
        ) ON m.user_id = %(user_id)s
            AND (%(team_ids)s::text[] IS NULL OR m.team_id = ANY (%(team_ids)s::text[]))
        """
    )
    .format(
        position=POSITION,
        user=LAST_USER.format(user_id=SQL("%(user_id)s")),
        permissions=_PERMISSIONS,
    )
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class TeamStanding:
    """A team that exists, towards the caller, and the list it has for members."""

    towards: Towards
    permissions: Sequence[str]


async def team_standing(
    pool: Pool, principal: Principal, team_id: str
) -> tuple[int, TeamStanding | None]:
    """Position and standing, None for a team that does not exist."""
    parameters = {"team_id": team_id, "caller": principal.user_id}
    [row] = await fetch(pool, _TEAM, parameters, prepare=True)
    position, known, role, organization_id, permissions = row
    if not known:
        return position, None
    towards = Towards(team_id, role, organization_id)
    return position, TeamStanding(towards, orjson.loads(permissions))


@dataclass(frozen=True, slots=True)
class OwnTeams:
    """The memberships of a user by team id; `user_known` tells whether he has a user row."""

    position: int
    user_known: bool
    teams: Mapping[str, Membership]


async def own_teams(pool: Pool, user_id: str | None, team_ids: Sequence[str] | None) -> OwnTeams:
    """The teams that a user is in: all of them, or those among `team_ids`."""
    asked = None if team_ids is None else list(team_ids)
    rows = await fetch(pool, _OWN, {"user_id": user_id, "team_ids": asked})
    teams = {
        team_id: Membership(role, orjson.loads(permissions))
        for _, _, team_id, role, permissions in rows
        if team_id is not None
    }
    return OwnTeams(rows[0][0], rows[0][1], teams)
