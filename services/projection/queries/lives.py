"""Which lives of an id a caller has to do with, who does not see everything (decision 017)."""

from collections.abc import Mapping

from events.streams import ORGANIZATION, TEAM, USER
from services.access.principal import Principal
from services.database.connections import Pool
from services.projection.queries.reading import fetch

_TEAM = b"""
SELECT t.incarnation FROM read.teams_1 t
LEFT JOIN read.memberships_1 m ON m.team_id = t.team_id AND m.incarnation = t.incarnation
    AND m.user_id = %(user_id)s AND m.role = 'admin'
WHERE t.team_id = %(id)s AND (
    (t.deleted_at IS NULL AND m.user_id IS NOT NULL)
    OR (t.organization_id = ANY (%(organizations)s) AND NOT EXISTS (
        SELECT FROM read.organizations_1 o WHERE o.organization_id = t.organization_id
        AND o.deleted_at >= t.created_at)))
"""
_USER = b"""
SELECT incarnation FROM read.users_1 WHERE user_id = %(id)s AND deleted_at IS NULL
"""
_ORGANIZATION = b"""
SELECT incarnation FROM read.organizations_1
WHERE organization_id = %(id)s AND deleted_at IS NULL
"""
_STATEMENTS: Mapping[str, bytes] = {TEAM: _TEAM, USER: _USER, ORGANIZATION: _ORGANIZATION}


async def lives_of(pool: Pool, principal: Principal, kind: str, identity: str) -> frozenset[int]:
    """Of a team: the present life, to its admins, and all that his organization had, to its admin.

    A team may have been another's organization of the same id: then only the present life counts
    that began since. Of users and organizations the present life.
    """
    asked = {
        "id": identity,
        "user_id": principal.user_id if principal.user_known else None,
        "organizations": sorted(principal.administers),
    }
    return frozenset(row[0] for row in await fetch(pool, _STATEMENTS[kind], asked))
