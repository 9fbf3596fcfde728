"""Teams to choose from: those offered to everybody, and a search by parts (team-api.md 3.7, 3.8).

Without an extension no index finds a part of a text. A search reads the index that has the newest
team first, until the page is full: it holds alias and id, and is a seventh of the table. Where next
to nothing matches, that is all of it: 0.4 s at a million teams.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from psycopg.sql import SQL

from services.access.principal import Principal
from services.database.connections import Pool
from services.projection.queries.reading import POSITION, Paging, Row, fetch
from services.projection.queries.records import (
    FIRST_MEMBERS,
    LAST_TEAM,
    LAST_USER,
    TEAM,
    StoredTeam,
)

_OFFERED = (
    SQL(
        """
        SELECT {position}, EXISTS (SELECT FROM {user} u WHERE u.deleted_at IS NULL),
            {members}, {team}
        FROM (SELECT) one LEFT JOIN (
            unnest(%(team_ids)s::text[]) WITH ORDINALITY q (team_id, place)
            JOIN LATERAL {last_team} t ON t.deleted_at IS NULL AND NOT EXISTS (
                SELECT FROM read.memberships_1 c WHERE c.team_id = t.team_id
                    AND c.incarnation = t.incarnation AND c.user_id = %(caller)s)
        ) ON true
        ORDER BY q.place
        """
    )
    .format(
        position=POSITION,
        user=LAST_USER.format(user_id=SQL("%(caller)s")),
        members=FIRST_MEMBERS,
        team=TEAM,
        last_team=LAST_TEAM.format(team_id=SQL("q.team_id")),
    )
    .as_bytes()
)
_PAGE = SQL(
    """
    WITH page AS MATERIALIZED (
        SELECT t.team_id, t.created_at FROM read.teams_1 t WHERE t.deleted_at IS NULL {matches}
        ORDER BY t.created_at DESC, t.team_id LIMIT %(size)s OFFSET %(beyond)s
    )
    SELECT {position}, {members}, {team}
    FROM (SELECT) one LEFT JOIN (page JOIN LATERAL {last_team} t ON true) ON true
    ORDER BY page.created_at DESC, page.team_id
    """
)
_PARTS = {
    "id_part": SQL("""AND strpos(lower(t.team_id), lower(%(id_part)s::text COLLATE "C")) > 0"""),
    "alias_part": SQL("AND strpos(t.alias_lower, %(alias_part)s) > 0"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """Teams that the caller may join; `user_known` tells whether he has a user row."""

    position: int
    user_known: bool
    teams: Sequence[StoredTeam]


async def offered_teams(pool: Pool, principal: Principal, team_ids: Sequence[str]) -> Offer:
    """Those of the teams that exist and that the caller is not a member of, in the given order."""
    parameters = {"team_ids": list(team_ids), "caller": principal.user_id}
    rows = await fetch(pool, _OFFERED, parameters, prepare=True)
    return Offer(rows[0][0], rows[0][1], _teams(row[2:] for row in rows))


@dataclass(frozen=True, slots=True)
class TeamParts:
    """Parts of the id and of the alias, in any case; all given must be there.

    The case of an id is that of ASCII alone, as the database has no other for it.
    """

    id_part: str | None = None
    alias_part: str | None = None


async def search_teams(
    pool: Pool, wanted: TeamParts, paging: Paging
) -> tuple[int, Sequence[StoredTeam]]:
    """Position and one page of the teams that match, the newest first."""
    given = frozenset(name for name in _PARTS if getattr(wanted, name) is not None)
    parameters = {
        "id_part": wanted.id_part,
        "alias_part": None if wanted.alias_part is None else wanted.alias_part.lower(),
        "size": paging.size,
        "beyond": paging.offset,
    }
    rows = await fetch(pool, _search(given), parameters)
    return rows[0][0], _teams(row[1:] for row in rows)


@cache
def _search(given: frozenset[str]) -> bytes:
    return _PAGE.format(
        matches=SQL(" ").join(_PARTS[name] for name in sorted(given)),
        position=POSITION,
        members=FIRST_MEMBERS,
        team=TEAM,
        last_team=LAST_TEAM.format(team_id=SQL("page.team_id")),
    ).as_bytes()


def _teams(rows: Iterable[Row]) -> list[StoredTeam]:
    return [StoredTeam(tuple(team), roster) for roster, *team in rows if team[0] is not None]
