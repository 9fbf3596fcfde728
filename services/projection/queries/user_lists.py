"""Pages of users, and users to choose from (supporting-api.md 3.3, A12).

No index finds a part of an address: such a search looks at every user that the other filters
leave.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from psycopg.sql import SQL, Composable

from services.access.principal import Principal
from services.database.connections import Pool
from services.edge.shapes.user import UserView
from services.projection.queries.reading import POSITION, Paging, Totals, fetch
from services.projection.queries.records import KEY_IN_FORCE, KEYS
from services.projection.queries.users import TEAMS_OF_USER, USER, user_view

Column = Literal["user_id", "user_email", "created_at", "spend", "user_alias", "user_role"]
_COLUMNS: dict[Column, SQL] = {
    "user_id": SQL("u.user_id"),
    "user_email": SQL("u.email"),
    "created_at": SQL("u.created_at"),
    "spend": SQL("0::numeric"),
    "user_alias": SQL("u.user_alias"),
    "user_role": SQL("u.user_role"),
}
_CONDITIONS = {
    "role": SQL("u.user_role = %(role)s"),
    "id_part": SQL("""strpos(lower(u.user_id), lower(%(id_part)s::text COLLATE "C")) > 0"""),
    "user_ids": SQL("u.user_id = ANY (%(user_ids)s::text[])"),
    "sso_user_ids": SQL("u.settings->'extra'->>'sso_user_id' = ANY (%(sso_user_ids)s::text[])"),
    "email_part": SQL("strpos(u.email_lower, %(email_part)s) > 0"),
    "organization_ids": SQL("false"),
    "team_id": SQL(
        "EXISTS (SELECT FROM read.memberships_1 m JOIN read.teams_1 t ON t.team_id = m.team_id "
        "AND t.incarnation = m.incarnation AND t.deleted_at IS NULL "
        "WHERE m.team_id = %(team_id)s AND m.user_id = u.user_id)"
    ),
}
_KEY_COUNT = SQL(
    "(SELECT count(*) FROM {keys} k WHERE k.user_id = u.user_id AND k.deleted_at IS NULL "
    "AND {in_force})"
).format(keys=KEYS, in_force=KEY_IN_FORCE)
_PAGE = SQL(
    """
    WITH counted AS MATERIALIZED (
        SELECT at.position, CASE WHEN at.position <> %(known)s
            THEN (SELECT count(*) FROM read.users_1 u WHERE {conditions}) END AS total
        FROM (SELECT {position} AS position) at
    ),
    page AS MATERIALIZED (
        SELECT u.* FROM read.users_1 u WHERE {conditions}
        ORDER BY {order} LIMIT %(size)s OFFSET %(beyond)s
    )
    SELECT counted.position, counted.total, {key_count}, {user}, {teams}
    FROM counted LEFT JOIN page u ON true ORDER BY {order}
    """
)
_PICK = SQL(
    """
    WITH page AS MATERIALIZED (
        SELECT u.user_id, u.email, u.created_at FROM read.users_1 u WHERE {conditions}
        ORDER BY u.created_at DESC, u.user_id DESC LIMIT %(size)s OFFSET %(beyond)s
    )
    SELECT {position}, {may_pick}, page.user_id, page.email
    FROM (SELECT) one LEFT JOIN page ON true ORDER BY page.created_at DESC, page.user_id DESC
    """
)
_ADMINISTERS = SQL(
    "EXISTS (SELECT FROM read.memberships_1 m JOIN read.teams_1 t ON t.team_id = m.team_id "
    "AND t.incarnation = m.incarnation AND t.deleted_at IS NULL "
    "WHERE m.user_id = %(caller)s AND m.role = 'admin' {of_team})"
)


@dataclass(frozen=True, slots=True)
class UserFilter:
    """All given must hold; parts are looked for without regard to case.

    The case of an id is that of ASCII alone, as the database has no other for it. Nobody is in an
    organization yet.
    """

    role: str | None = None
    id_part: str | None = None
    user_ids: tuple[str, ...] | None = None
    sso_user_ids: tuple[str, ...] | None = None
    email_part: str | None = None
    team_id: str | None = None
    organization_ids: tuple[str, ...] | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of the conditions there are."""
        return frozenset(name for name in _CONDITIONS if getattr(self, name) is not None)

    @property
    def parameters(self) -> dict[str, object]:
        part = self.email_part
        lists = {"user_ids": self.user_ids, "sso_user_ids": self.sso_user_ids}
        return {
            "role": self.role,
            "id_part": self.id_part,
            "email_part": None if part is None else part.lower(),
            "team_id": self.team_id,
            **{name: None if ids is None else list(ids) for name, ids in lists.items()},
        }


@dataclass(frozen=True, slots=True)
class UserOrder:
    """By a column, among equals by id; the newest first if not said otherwise."""

    column: Column = "created_at"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users of the page, each with how many keys in force are his; `total` counts all."""

    position: int
    total: int
    users: Sequence[tuple[UserView, int]]


class UserPages:
    """Pages of users by one statement each; the total is counted once while nothing moves."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._totals = Totals()

    async def page(self, wanted: UserFilter, order: UserOrder, paging: Paging) -> UserPage:
        """One page, beyond the last one without users."""
        known, total = self._totals.known(wanted)
        place = {"known": known, "size": paging.size, "beyond": paging.offset}
        rows = await fetch(self._pool, _page(wanted.given, order), {**wanted.parameters, **place})
        position, counted = rows[0][:2]
        if counted is not None:
            total = counted
            self._totals.keep(wanted, position, total)
        found = [(user_view(row[3:]), row[2]) for row in rows if row[3] is not None]
        return UserPage(position, total, found)


@dataclass(frozen=True, slots=True)
class Picks:
    """Ids and addresses; `allowed` tells whether the caller administers a team (A12)."""

    position: int
    allowed: bool
    users: Sequence[tuple[str, str | None]]


async def pick_users(pool: Pool, principal: Principal, wanted: UserFilter, paging: Paging) -> Picks:
    """One page of users that match, the newest first; of a team for who administers that one."""
    place = {"caller": principal.user_id, "size": paging.size, "beyond": paging.offset}
    rows = await fetch(pool, _pick(wanted.given), {**wanted.parameters, **place})
    position, allowed = rows[0][:2]
    users = [(user_id, email) for _, _, user_id, email in rows if user_id is not None]
    return Picks(position, allowed or principal.reads_everything, users)


@cache
def _page(given: frozenset[str], order: UserOrder) -> bytes:
    direction = SQL("DESC" if order.descending else "ASC")
    return _PAGE.format(
        conditions=_conditions(given),
        position=POSITION,
        order=SQL("{column} {direction} NULLS LAST, u.user_id {direction}").format(
            column=_COLUMNS[order.column], direction=direction
        ),
        key_count=_KEY_COUNT,
        user=USER,
        teams=TEAMS_OF_USER,
    ).as_bytes()


@cache
def _pick(given: frozenset[str]) -> bytes:
    of_team = SQL("AND m.team_id = %(team_id)s" if "team_id" in given else "")
    return _PICK.format(
        conditions=_conditions(given),
        position=POSITION,
        may_pick=_ADMINISTERS.format(of_team=of_team),
    ).as_bytes()


def _conditions(given: frozenset[str]) -> Composable:
    return SQL(" AND ").join(
        [SQL("u.deleted_at IS NULL"), *(_CONDITIONS[name] for name in sorted(given))]
    )
