"""One team with its members and keys, as far as the caller may see them (team-api.md 3.4)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Literal

from events.values import JsonObject
from services.access.principal import Principal
from services.access.visibility import reads_without_membership
from services.database.connections import Pool
from services.edge.shapes.key import KeyView
from services.edge.shapes.team import Member
from services.projection.queries.reading import POSITION, Connection, Row, chunks, fetch, run
from services.projection.queries.records import (
    KEY,
    KEY_OF_TEAM,
    KEY_ORDER,
    KEY_ROW,
    LARGE,
    MEMBER,
    MEMBER_OF_TEAM,
    MEMBERS,
    TEAM,
    TeamRecord,
    key_view,
    key_views,
    team_record,
)

_CHUNK = 1_000
_PARTS = {
    "position": POSITION,
    "team": TEAM,
    "found": SQL(
        "(SELECT) one LEFT JOIN (read.teams_1 t LEFT JOIN read.memberships_1 c "
        "ON c.team_id = t.team_id AND c.incarnation = t.incarnation AND c.user_id = %(caller)s) "
        "ON t.team_id = %(team_id)s AND t.deleted_at IS NULL "
        "AND (%(everybody)s OR c.role IS NOT NULL)"
    ),
    "one": SQL("(SELECT %(team_id)s::text AS team_id, %(incarnation)s::bigint AS incarnation) t"),
    "member": MEMBER,
    "members": MEMBERS,
    "member_of_team": MEMBER_OF_TEAM,
    "key": KEY,
    "key_row": KEY_ROW,
    "key_of_team": KEY_OF_TEAM,
    "key_order": KEY_ORDER,
    "large": Literal(LARGE),
    "beyond": Literal(LARGE + 1),
}
_TEAM = (
    SQL("SELECT {position}, c.role, t.incarnation, {team} FROM {found}").format(**_PARTS).as_bytes()
)
_WHOLE = (
    SQL(
        """
        SELECT {position}, c.role, t.incarnation, {team},
            (SELECT json_agg(json_build_array({member}) ORDER BY m.joined) FROM {members}
             WHERE {member_of_team} AND t.members_total <= {large})::text,
            (SELECT json_agg(json_build_array({key}) ORDER BY {key_order})
             FROM (SELECT * FROM read.keys_1 k WHERE {key_of_team} LIMIT {beyond}) k)::text
        FROM {found}
        """
    )
    .format(**_PARTS)
    .as_bytes()
)
_MEMBERS = (
    SQL("SELECT {member} FROM {members} JOIN {one} ON {member_of_team} ORDER BY m.joined")
    .format(**_PARTS)
    .as_bytes()
)
_KEYS = (
    SQL(
        "SELECT {key_row} FROM {one} CROSS JOIN (SELECT %(role)s::text AS role) c "
        "JOIN read.keys_1 k ON {key_of_team} ORDER BY {key_order}"
    )
    .format(**_PARTS)
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class FoundTeam:
    """A team that the caller may see; `role` is his in its roster.

    `parameters` are what further statements about it take.
    """

    record: TeamRecord
    role: str | None
    keys: list[KeyView]
    parameters: Mapping[str, object]

    @property
    def is_large(self) -> bool:
        """Whether members or keys are missing here: they are to be read in chunks."""
        return self.record.members_total > LARGE or len(self.keys) > LARGE


async def whole_team(
    pool: Pool, principal: Principal, team_id: str
) -> tuple[int, FoundTeam | None]:
    """Position and team, None for a team that is unknown or not the caller's to see."""
    row = (await fetch(pool, _WHOLE, _parameters(principal, team_id)))[0]
    return row[0], _found(row[:-2], row[-2], row[-1], principal)


async def bare_team(
    connection: Connection, principal: Principal, team_id: str
) -> tuple[int, FoundTeam | None]:
    """The same without members and keys, for `members` and `keys` on the same connection."""
    row = (await run(connection, _TEAM, _parameters(principal, team_id)))[0]
    return row[0], _found(row, None, None, principal)


async def members(
    connection: Connection, found: FoundTeam
) -> AsyncIterator[list[tuple[Member, JsonObject | None]]]:
    """All members with their own limits, in the order in which they joined."""
    async for rows in chunks(connection, _MEMBERS, found.parameters, _CHUNK):
        yield [(Member(user_id, email, role), limits) for user_id, email, role, limits in rows]


async def keys(connection: Connection, found: FoundTeam) -> AsyncIterator[list[KeyView]]:
    """All keys that the caller may see, the oldest first."""
    async for rows in chunks(connection, _KEYS, found.parameters, _CHUNK):
        yield [key_view(row) for row in rows]


def _parameters(principal: Principal, team_id: str) -> dict[str, Any]:
    return {
        "team_id": team_id,
        "caller": principal.user_id,
        "everybody": reads_without_membership(principal, team_id),
        "all_keys": principal.reads_everything,
    }


def _found(
    row: Row, roster: str | None, keys_text: str | None, principal: Principal
) -> FoundTeam | None:
    _, role, incarnation, *columns = row
    if incarnation is None:
        return None
    record = team_record(columns, roster)
    own = _parameters(principal, record.view.team_id)
    parameters = {**own, "incarnation": incarnation, "role": role}
    return FoundTeam(record, role, key_views(keys_text), parameters)
