"""What a caller is to teams and organizations, and what he may there (team-api.md 3.17, 3.19)."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from psycopg.sql import SQL, Literal

from services.access.activity import Membership
from services.access.principal import ORG_ADMIN, Principal, Towards
from services.access.sight import Known
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
        SELECT {position},
            (SELECT u.incarnation FROM {user} u WHERE u.deleted_at IS NULL),
            (SELECT json_agg(json_build_array(
                m.team_id, m.incarnation, m.role, t.settings->'member_permissions'))
            FROM read.memberships_1 m JOIN read.teams_1 t ON t.team_id = m.team_id
                AND t.incarnation = m.incarnation AND t.deleted_at IS NULL
            WHERE m.user_id = %(user_id)s
                AND (%(team_ids)s::text[] IS NULL OR m.team_id = ANY (%(team_ids)s::text[])))::text,
            (SELECT json_agg(json_build_array(m.organization_id, m.incarnation))
            FROM read.organization_members_1 m JOIN read.organizations_1 o
                ON o.organization_id = m.organization_id AND o.incarnation = m.incarnation
                AND o.deleted_at IS NULL
            WHERE m.user_id = %(user_id)s AND m.role = {admin})::text
        """
    )
    .format(
        position=POSITION,
        user=LAST_USER.format(user_id=SQL("%(user_id)s")),
        admin=Literal(ORG_ADMIN),
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


async def own_standing(
    pool: Pool, principal: Principal, team_ids: Sequence[str] | None = None
) -> tuple[int, Known]:
    """Position, and what the ledger is shown by: of his teams all, or those among `team_ids`.

    Of who reads everything nothing has to be known.
    """
    user_id = None if principal.reads_everything else principal.user_id
    asked = None if team_ids is None else list(team_ids)
    [row] = await fetch(pool, _OWN, {"user_id": user_id, "team_ids": asked})
    position, user, teams, administered = row
    known = Known(
        user=user,
        teams={
            team_id: (life, Membership(role, permissions))
            for team_id, life, role, permissions in orjson.loads(teams or "[]")
        },
        administered=dict(orjson.loads(administered or "[]")),
    )
    return position, known
