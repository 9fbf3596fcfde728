"""What of the past is hidden from whoever may not see everything: what he may not see today.

The past of a thing is shown by the rights that the caller has on it now. A life that is over, or
that he sees less of now than he would have then, is not there for him.
"""

from services.access.principal import Principal
from services.projection.queries.reading import Connection

_TEAMS = b"""
DELETE FROM pg_temp.teams_1 t WHERE NOT EXISTS (
    SELECT FROM read.teams_1 n LEFT JOIN read.memberships_1 m ON m.team_id = n.team_id
        AND m.incarnation = n.incarnation AND m.user_id = %(caller)s
    LEFT JOIN pg_temp.memberships_1 p ON p.team_id = t.team_id
        AND p.incarnation = t.incarnation AND p.user_id = %(caller)s
    WHERE n.team_id = t.team_id AND n.incarnation = t.incarnation AND n.deleted_at IS NULL AND (
        n.organization_id = ANY (%(administers)s::text[]) OR m.role = 'admin'
        OR (m.role IS NOT NULL OR n.team_id = %(team_id)s)
            AND p.role IS DISTINCT FROM 'admin'
            AND NOT coalesce(t.organization_id = ANY (%(administers)s::text[]), false)))
"""
_ORGANIZATIONS = b"""
DELETE FROM pg_temp.organizations_1 t WHERE NOT EXISTS (
    SELECT FROM read.organizations_1 n WHERE n.organization_id = t.organization_id
        AND n.incarnation = t.incarnation AND n.deleted_at IS NULL)
"""
_USERS = b"""
DELETE FROM pg_temp.users_1 t WHERE t.user_id = %(caller)s AND NOT EXISTS (
    SELECT FROM read.users_1 n WHERE n.user_id = t.user_id
        AND n.incarnation = t.incarnation AND n.deleted_at IS NULL)
"""
_KEYS = b"""
DELETE FROM pg_temp.keys_1 t WHERE NOT EXISTS (
    SELECT FROM read.keys_1 n WHERE n.token = t.token AND n.deleted_at IS NULL
        AND n.user_id IS NOT DISTINCT FROM t.user_id
        AND n.team_id IS NOT DISTINCT FROM t.team_id
        AND n.organization_id IS NOT DISTINCT FROM t.organization_id
) AND NOT EXISTS (
    SELECT FROM read.teams_1 n LEFT JOIN read.memberships_1 m ON m.team_id = n.team_id
        AND m.incarnation = n.incarnation AND m.user_id = %(caller)s
    WHERE n.team_id = t.team_id AND n.incarnation = t.team_incarnation AND n.deleted_at IS NULL
        AND (n.organization_id = ANY (%(administers)s::text[]) OR m.role = 'admin')
)
"""


async def hide(connection: Connection, principal: Principal, *, keys: bool) -> None:
    """Leave in the tables of the past what the caller may see as things are now.

    Of `keys` those are hidden that were somebody's else than today's, unless of a team of which he
    sees all today.
    """
    if principal.reads_everything:
        return
    parameters = {
        "caller": principal.user_id,
        "team_id": principal.team_id,
        "administers": list(principal.administers),
    }
    for statement in (_TEAMS, _ORGANIZATIONS, _USERS, *((_KEYS,) if keys else ())):
        await connection.execute(statement, parameters)
