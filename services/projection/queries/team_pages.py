"""One page of teams, or of deleted teams (team-api.md 3.6, D20, D22, D51).

Every order has an index that ends with the team id as tie-breaker. A part of an alias is found by
a look at every team that the other filters leave: without an extension no index can help, so this
is the one search whose cost grows with the number of teams.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Literal

from psycopg.sql import SQL, Composable

from events.values import JsonObject
from services.database.connections import Pool
from services.database.together import Together
from services.projection.queries.reading import POSITION, Paging, Row, Totals, fetch
from services.projection.queries.records import FIRST_MEMBERS, LAST_TEAM, TEAM, StoredTeam

Column = Literal["team_id", "team_alias", "created_at"]
_ORDERS: dict[tuple[Column, bool], SQL] = {
    ("created_at", True): SQL("t.created_at DESC, t.team_id"),
    ("created_at", False): SQL("t.created_at, t.team_id DESC"),
    ("team_alias", True): SQL("t.team_alias DESC, t.team_id DESC"),
    ("team_alias", False): SQL("t.team_alias, t.team_id"),
    ("team_id", True): SQL("t.team_id DESC"),
    ("team_id", False): SQL("t.team_id"),
}
"""Each is an index read forwards or backwards; null is above every alias."""

_MINE = SQL(
    "mine AS MATERIALIZED (SELECT team_id, incarnation FROM read.memberships_1 "
    "WHERE user_id = %(user_id)s), "
)
_TEAMS = SQL("read.teams_1 t")
_MY_TEAMS = SQL(
    "mine JOIN read.teams_1 t ON t.team_id = mine.team_id AND t.incarnation = mine.incarnation"
)
_USER_KNOWN = SQL(
    "EXISTS (SELECT FROM read.users_1 WHERE user_id = %(user_id)s AND deleted_at IS NULL)"
)
_USER_IN_TEAM = SQL(
    "EXISTS (SELECT FROM {my_teams} WHERE t.deleted_at IS NULL AND t.team_id = %(team_id)s)"
).format(my_teams=_MY_TEAMS)
_DELETION = SQL(
    ", t.deleted_at, t.deleted_by, t.deleted_by_key, t.deleted_by_role, t.deleted_claim, "
    "t.deleted_event_id"
)
_STATEMENT = SQL(
    """
    WITH {mine} counted AS MATERIALIZED (
        SELECT at.position, CASE WHEN at.position <> %(known)s
            THEN (SELECT count(*) FROM {teams} WHERE {conditions}) END AS total
        FROM (SELECT {position} AS position) at
    )
    SELECT q.place, counted.position, counted.total, {user_known}, {user_in_team},
        {members}, {team} {deletion}
    FROM counted
    CROSS JOIN unnest(%(sizes)s::bigint[], %(offsets)s::bigint[])
        WITH ORDINALITY q (size, beyond, place)
    LEFT JOIN LATERAL (
        SELECT {columns} FROM {teams} WHERE {conditions} ORDER BY {order}
        LIMIT q.size OFFSET q.beyond
    ) {page} ON true
    ORDER BY q.place, {order}
    """
)
_LOOKED_UP = SQL("page ON true LEFT JOIN LATERAL {team} t").format(
    team=LAST_TEAM.format(team_id=SQL("page.team_id"))
)
DEEP = 1_000
"""Teams from which on a page skips the others in the index alone and looks up its own."""


@dataclass(frozen=True, slots=True)
class PageFilter:
    """All given must hold; `alias_part` is looked for without regard to case."""

    user_id: str | None = None
    organization_id: str | None = None
    team_id: str | None = None
    alias_part: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class PageOrder:
    """By a column, the newest first if not said otherwise."""

    column: Column = "created_at"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class DeletedTeam:
    """How a team ended; `claim` is sealed."""

    at: datetime
    by: str | None
    by_key: str | None
    by_role: str | None
    claim: JsonObject | None
    event_id: str


Found = tuple[StoredTeam, DeletedTeam | None]
Listing = tuple[PageFilter, PageOrder, bool]
"""What pages are cut from; whether they are deep ones."""


@dataclass(frozen=True, slots=True)
class TeamPage:
    """Teams of the page, each with its end if deleted ones were asked for.

    `total` counts all that match. `user_known` and `user_in_team` tell whether the user of the
    filter exists and is a member of its team; both are true where the filter does not say.
    """

    position: int
    total: int
    teams: Sequence[Found]
    user_known: bool
    user_in_team: bool


class TeamPages:
    """Pages of teams: those of one filter and order that are asked for together by one statement.

    The total is counted once while nothing moves.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._totals = Totals()
        self._together: Together[Listing, Paging, TeamPage] = Together(self._ask, most=8)

    async def page(self, wanted: PageFilter, order: PageOrder, paging: Paging) -> TeamPage:
        """One page, beyond the last one without teams."""
        deep = paging.offset >= DEEP and not wanted.deleted
        return await self._together.get((wanted, order, deep), paging)

    async def _ask(self, listing: Listing, pagings: Sequence[Paging]) -> Mapping[Paging, TeamPage]:
        wanted, order, deep = listing
        given = _given(wanted)
        known, total = self._totals.known(wanted)
        rows = await fetch(
            self._pool,
            _statement(given, order, deep=deep),
            {
                "user_id": wanted.user_id,
                "organization_id": wanted.organization_id,
                "team_id": wanted.team_id,
                "alias_part": None if wanted.alias_part is None else wanted.alias_part.lower(),
                "known": known,
                "sizes": [paging.size for paging in pagings],
                "offsets": [paging.offset for paging in pagings],
            },
            prepare=not given and not deep,
        )
        _, position, counted, user_known, user_in_team = rows[0][:5]
        if counted is not None:
            total = counted
            self._totals.keep(wanted, position, total)
        pages: dict[int, list[Found]] = {place: [] for place, _ in enumerate(pagings, 1)}
        for row in rows:
            if (found := _team(row, deleted=wanted.deleted)) is not None:
                pages[row[0]].append(found)
        return {
            paging: TeamPage(position, total, pages[place], user_known, user_in_team)
            for place, paging in enumerate(pagings, 1)
        }


def _given(wanted: PageFilter) -> frozenset[str]:
    given = {"user_id", "organization_id", "team_id", "alias_part"}
    return frozenset(
        {name for name in given if getattr(wanted, name) is not None}
        | ({"deleted"} if wanted.deleted else set())
    )


@cache
def _statement(given: frozenset[str], order: PageOrder, *, deep: bool) -> bytes:
    sort: Composable = _ORDERS[order.column, order.descending]
    if deleted := "deleted" in given:
        sort = SQL("{}, t.incarnation DESC").format(sort)
    of_user = "user_id" in given
    of_team = of_user and "team_id" in given
    return _STATEMENT.format(
        mine=_MINE if of_user else SQL(""),
        teams=_MY_TEAMS if of_user else _TEAMS,
        columns=SQL("t.team_id" if deep else "t.*"),
        page=_LOOKED_UP if deep else SQL("t"),
        conditions=_conditions(given),
        order=sort,
        user_known=_USER_KNOWN if of_user and not deleted else SQL("true"),
        user_in_team=_USER_IN_TEAM if of_team and not deleted else SQL("true"),
        members=FIRST_MEMBERS,
        deletion=_DELETION if deleted else SQL(""),
        team=TEAM,
        position=POSITION,
    ).as_bytes()


def _conditions(given: frozenset[str]) -> Composable:
    found = [SQL("t.deleted_at IS NOT NULL" if "deleted" in given else "t.deleted_at IS NULL")]
    if "organization_id" in given:
        found.append(SQL("t.organization_id = %(organization_id)s"))
    if "team_id" in given:
        found.append(SQL("t.team_id = %(team_id)s"))
    if "alias_part" in given:
        found.append(SQL("strpos(t.alias_lower, %(alias_part)s) > 0"))
    return SQL(" AND ").join(found)


def _team(row: Row, *, deleted: bool) -> Found | None:
    roster, columns = row[5], row[6:]
    if columns[0] is None:
        return None
    if not deleted:
        return StoredTeam(columns, roster), None
    width = len(fields(DeletedTeam))
    return StoredTeam(columns[:-width], roster), DeletedTeam(*columns[-width:])
