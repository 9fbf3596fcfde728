"""Members and teams of organizations: of some the first, or of one all (supporting-api.md 4)."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from psycopg.sql import SQL, Literal

from events.values import JsonObject
from services.access.principal import Principal
from services.edge.shapes.organization import MembershipView
from services.edge.shapes.times import iso
from services.projection.queries.organizations import FoundOrganization
from services.projection.queries.reading import Connection, Row, chunks, run
from services.projection.queries.records import (
    FIRST_MEMBERS,
    LAST_USER,
    SHOWN,
    TEAM,
    TeamRecord,
    team_record,
)

TEAMS_SHOWN = 100
"""Teams of one organization that a list shows; beyond, it says how many there are."""

_CHUNK, _TEAMS_CHUNK = 500, 50
_MEMBER = SQL("m.user_id, m.role, m.limits::text, m.joined_at, m.updated_at")
_OF = SQL(
    "unnest(%(ids)s::text[], %(incarnations)s::bigint[], %(whole)s::bool[]) "
    "WITH ORDINALITY q (organization_id, incarnation, whole, place)"
)
_FIRST_MEMBERS = (
    SQL(
        """
        SELECT q.organization_id, {member} FROM {of} JOIN LATERAL (
            SELECT * FROM read.organization_members_1 m
            WHERE m.organization_id = q.organization_id AND m.incarnation = q.incarnation
                AND (q.whole OR m.user_id = %(caller)s)
            ORDER BY m.joined LIMIT {shown}
        ) m ON true ORDER BY q.place, m.joined
        """
    )
    .format(member=_MEMBER, of=_OF, shown=Literal(SHOWN))
    .as_bytes()
)
_FIRST_TEAMS = (
    SQL(
        """
        SELECT q.organization_id, {members}, {team} FROM {of} JOIN LATERAL (
            SELECT * FROM read.teams_1 t
            WHERE t.organization_id = q.organization_id AND t.deleted_at IS NULL
                AND (q.whole OR EXISTS (SELECT FROM read.memberships_1 c
                    WHERE c.team_id = t.team_id AND c.incarnation = t.incarnation
                        AND c.user_id = %(caller)s))
            ORDER BY t.created_at DESC, t.team_id LIMIT {shown}
        ) t ON true ORDER BY q.place, t.created_at DESC, t.team_id
        """
    )
    .format(members=FIRST_MEMBERS, team=TEAM, of=_OF, shown=Literal(TEAMS_SHOWN))
    .as_bytes()
)
_ALL_MEMBERS = (
    SQL(
        """
        SELECT {member}, u.email, u.user_alias, u.user_role, u.created_at, u.updated_at
        FROM read.organization_members_1 m
        LEFT JOIN LATERAL {last_user} u ON u.deleted_at IS NULL
        WHERE m.organization_id = %(organization_id)s AND m.incarnation = %(incarnation)s
        ORDER BY m.joined
        """
    )
    .format(member=_MEMBER, last_user=LAST_USER.format(user_id=SQL("m.user_id")))
    .as_bytes()
)
_ALL_TEAMS = (
    SQL(
        "SELECT {members}, {team} FROM read.teams_1 t "
        "WHERE t.organization_id = %(organization_id)s AND t.deleted_at IS NULL "
        "ORDER BY t.created_at DESC, t.team_id"
    )
    .format(members=FIRST_MEMBERS, team=TEAM)
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a list shows of organizations, by id: the first members to join, the newest teams."""

    members: Mapping[str, Sequence[MembershipView]]
    teams: Mapping[str, Sequence[TeamRecord]]


@dataclass(frozen=True, slots=True)
class OrganizationMember:
    """A member with his address and what is told of the user; None where there is no user row."""

    view: MembershipView
    email: str | None
    user: JsonObject | None


async def first_parts(
    connection: Connection, principal: Principal, found: Sequence[FoundOrganization]
) -> Parts:
    """Of each the first; where the caller is a mere member, only himself and his own teams."""
    parameters = {
        "ids": [each.life[0] for each in found],
        "incarnations": [each.life[1] for each in found],
        "whole": [each.shown_whole(principal) for each in found],
        "caller": principal.user_id,
    }
    members: dict[str, list[MembershipView]] = defaultdict(list)
    for of, *columns in await run(connection, _FIRST_MEMBERS, parameters):
        members[of].append(_membership(of, tuple(columns)))
    teams: dict[str, list[TeamRecord]] = defaultdict(list)
    for of, roster, *columns in await run(connection, _FIRST_TEAMS, parameters):
        teams[of].append(team_record(columns, roster))
    return Parts(members, teams)


async def all_members(
    connection: Connection, found: FoundOrganization
) -> AsyncIterator[list[OrganizationMember]]:
    """All members, in the order in which they joined."""
    async for rows in chunks(connection, _ALL_MEMBERS, _life(found), _CHUNK):
        yield [_member(found.view.organization_id, row) for row in rows]


async def all_teams(
    connection: Connection, found: FoundOrganization
) -> AsyncIterator[list[TeamRecord]]:
    """All teams, the newest first; of rosters the first to join."""
    async for rows in chunks(connection, _ALL_TEAMS, _life(found), _TEAMS_CHUNK):
        yield [team_record(columns, roster) for roster, *columns in rows]


def _life(found: FoundOrganization) -> JsonObject:
    organization_id, incarnation = found.life
    return {"organization_id": organization_id, "incarnation": incarnation}


def _membership(organization_id: str, columns: Row) -> MembershipView:
    user_id, role, limits, joined_at, updated_at = columns
    return MembershipView(
        user_id=user_id,
        organization_id=organization_id,
        role=role,
        limits=None if limits is None else orjson.loads(limits),
        created_at=joined_at,
        updated_at=updated_at,
    )


def _member(organization_id: str, row: Row) -> OrganizationMember:
    *columns, email, alias, role, created_at, updated_at = row
    view = _membership(organization_id, tuple(columns))
    if created_at is None:
        return OrganizationMember(view, None, None)
    user = {
        "user_id": view.user_id,
        "user_email": email,
        "user_alias": alias,
        "user_role": role,
        "created_at": iso(created_at),
        "updated_at": iso(updated_at),
    }
    return OrganizationMember(view, email, user)
