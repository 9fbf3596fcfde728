"""One team with its members and keys, as far as the caller may see them."""

from psycopg.sql import SQL, Literal

from services.projection.queries.reading import POSITION
from services.projection.queries.records import (
    KEY,
    KEYS_OF_TEAM,
    LARGE,
    MEMBER,
    MEMBERS_OF_TEAM,
    TEAM,
)

_CHUNK = 1_000
_VISIBLE = SQL(
    "read.teams_1 t LEFT JOIN read.memberships_1 c ON c.team_id = t.team_id "
    "AND c.incarnation = t.incarnation AND c.user_id = %(caller)s "
)
_WHICH = SQL(
    "t.team_id = %(team_id)s AND t.deleted_at IS NULL AND (%(stranger)s OR c.role IS NOT NULL)"
)
_PARTS = {
    "position": POSITION,
    "team": TEAM,
    "visible": _VISIBLE,
    "which": _WHICH,
    "member": MEMBER,
    "members": MEMBERS_OF_TEAM,
    "key": KEY,
    "keys": KEYS_OF_TEAM,
    "large": Literal(LARGE),
    "beyond": Literal(LARGE + 1),
}
_TEAM = (
    SQL("SELECT {position}, c.role, {team} FROM (SELECT) one LEFT JOIN ({visible}) ON {which}")
    .format(**_PARTS)
    .as_bytes()
)
_INFO = (
    SQL(
        """
        SELECT {position}, c.role,
            (SELECT json_agg(json_build_array({member}) ORDER BY m.joined)
             FROM {members} AND t.members_total <= {large})::text,
            (SELECT json_agg(json_build_array({key}) ORDER BY k.created_at, k.token)
             FROM (SELECT * FROM {keys} LIMIT {beyond}) k)::text,
            {team}
        FROM (SELECT) one LEFT JOIN ({visible}) ON {which}
        """
    )
    .format(**_PARTS)
    .as_bytes()
)
_MEMBERS = (
    SQL("SELECT {member} FROM {visible} JOIN {members} AND {which} ORDER BY m.joined")
    .format(**_PARTS)
    .as_bytes()
)
