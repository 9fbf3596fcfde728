"""Pages of users, and users to choose from (supporting-api.md 3.3, A12).

No index finds a part of an address: such a search looks at every user that the other filters
leave.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Literal

from psycopg.sql import SQL, Composable

from services.access.principal import Principal
from services.database.connections import Pool
from services.projection.queries.by_spend import arranged, ranked
from services.projection.queries.reading import POSITION, Paging, Totals, fetch
from services.projection.queries.records import KEY_IN_FORCE, KEYS
from services.projection.queries.spend_books import USER_BOOK
from services.projection.queries.spending import Spending
from services.projection.queries.users import (
    USER,
    UserRecord,
    teams_of_user,
    user_record,
    user_spender,
)

Column = Literal["user_id", "user_email", "created_at", "spend", "user_alias", "user_role"]
_COLUMNS: dict[str, SQL] = {
    "user_id": SQL("u.user_id"),
    "user_email": SQL("u.email"),
    "created_at": SQL("u.created_at"),
    "user_alias": SQL("u.user_alias"),
    "user_role": SQL("u.user_role"),
}
_CONDITIONS = {
    "role": SQL("u.user_role = %(role)s"),
    "id_part": SQL("""strpos(lower(u.user_id), lower(%(id_part)s::text COLLATE "C")) > 0"""),
    "user_ids": SQL("u.user_id = ANY (%(user_ids)s::text[])"),
    "sso_user_ids": SQL("u.settings->'extra'->>'sso_user_id' = ANY (%(sso_user_ids)s::text[])"),
    "email_part": SQL("strpos(u.email_lower, %(email_part)s) > 0"),
    "organization_ids": SQL(
        "u.user_id IN (SELECT i.user_id FROM read.organizations_1 o "
        "JOIN read.organization_members_1 i ON i.organization_id = o.organization_id "
        "AND i.incarnation = o.incarnation "
        "WHERE o.organization_id = ANY (%(organization_ids)s::text[]) AND o.deleted_at IS NULL)"
    ),
    "team_id": SQL(
        "EXISTS (SELECT FROM read.memberships_1 m JOIN read.teams_1 t ON t.team_id = m.team_id "
        "AND t.incarnation = m.incarnation AND t.deleted_at IS NULL "
        "WHERE m.team_id = %(team_id)s AND m.user_id = u.user_id {seen})"
    ),
}
_SEEN = SQL("AND t.organization_id = ANY (%(seen_in)s::text[])")
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
_SPENDERS = SQL(
    "SELECT {position}, u.user_id, u.incarnation, {book}::text "
    "FROM (SELECT) one LEFT JOIN read.users_1 u ON {conditions} ORDER BY u.user_id {direction}"
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
_ADMINISTERS_TEAM = SQL(
    "({by_role} OR EXISTS (SELECT FROM read.teams_1 t WHERE t.team_id = %(team_id)s "
    "AND t.deleted_at IS NULL AND t.organization_id = ANY (%(administers)s::text[])))"
).format(by_role=_ADMINISTERS.format(of_team=SQL("AND m.team_id = %(team_id)s")))


@dataclass(frozen=True, slots=True)
class UserFilter:
    """All given must hold; parts are looked for without regard to case.

    The case of an id is that of ASCII alone, as the database has no other for it. `seen_in` are
    the organizations of whose teams alone the reader may learn, None for who sees all: of other
    teams nobody is found to be a member.
    """

    role: str | None = None
    id_part: str | None = None
    user_ids: tuple[str, ...] | None = None
    sso_user_ids: tuple[str, ...] | None = None
    email_part: str | None = None
    team_id: str | None = None
    organization_ids: tuple[str, ...] | None = None
    seen_in: tuple[str, ...] | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of the conditions there are."""
        return frozenset(name for name in _CONDITIONS if getattr(self, name) is not None)

    @property
    def parameters(self) -> dict[str, object]:
        part = self.email_part
        names = ("user_ids", "sso_user_ids", "organization_ids", "seen_in")
        lists = {name: getattr(self, name) for name in names}
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
    users: Sequence[tuple[UserRecord, int]]


class UserPages:
    """Pages of users by one statement each; the total is counted once while nothing moves."""

    def __init__(self, pool: Pool, spending: Spending) -> None:
        self._pool, self._spending = pool, spending
        self._totals = Totals()

    async def page(
        self, wanted: UserFilter, order: UserOrder, paging: Paging, now: datetime
    ) -> UserPage:
        """One page, beyond the last one without users; what was spent counts as of `now`."""
        if order.column == "spend":
            return await self._by_spend(wanted, order, paging, now)
        return await self._page(wanted, order, paging)

    async def _by_spend(
        self, wanted: UserFilter, order: UserOrder, paging: Paging, now: datetime
    ) -> UserPage:
        statement = _spenders(wanted.given, order, scoped=wanted.seen_in is not None)
        rows = await fetch(self._pool, statement, wanted.parameters)
        found = {row[1]: user_spender(*row[1:]) for row in rows if row[1] is not None}
        spent = await self._spending.now(found.values(), now)
        names = ranked(list(found), spent, paging, descending=order.descending)
        shown = replace(wanted, user_ids=tuple(names))
        page = await self._page(shown, UserOrder("user_id"), Paging(1, max(len(names), 1)))
        users = {user.view.user_id: (user, keys) for user, keys in page.users}
        return UserPage(page.position, len(found), arranged(users, names))

    async def _page(self, wanted: UserFilter, order: UserOrder, paging: Paging) -> UserPage:
        known, total = self._totals.known(wanted)
        place = {"known": known, "size": paging.size, "beyond": paging.offset}
        statement = _page(wanted.given, order, scoped=wanted.seen_in is not None)
        rows = await fetch(self._pool, statement, {**wanted.parameters, **place})
        position, counted = rows[0][:2]
        if counted is not None:
            total = counted
            self._totals.keep(wanted, position, total)
        found = [(user_record(row[3:]), row[2]) for row in rows if row[3] is not None]
        return UserPage(position, total, found)


@dataclass(frozen=True, slots=True)
class Picks:
    """Ids and addresses; `allowed` tells whether the caller may search for users (A12)."""

    position: int
    allowed: bool
    users: Sequence[tuple[str, str | None]]


async def pick_users(pool: Pool, principal: Principal, wanted: UserFilter, paging: Paging) -> Picks:
    """One page of users that match, the newest first.

    For who sees everything, or administers a team or an organization; of a team for who
    administers that one, or its organization.
    """
    administers = list(principal.administers)
    caller = {"caller": principal.user_id, "administers": administers}
    place = {"size": paging.size, "beyond": paging.offset}
    rows = await fetch(pool, _pick(wanted.given), {**wanted.parameters, **caller, **place})
    position, allowed = rows[0][:2]
    allowed = allowed or principal.reads_everything or (bool(administers) and not wanted.team_id)
    users = [(user_id, email) for _, _, user_id, email in rows if user_id is not None]
    return Picks(position, allowed, users)


@cache
def _page(given: frozenset[str], order: UserOrder, *, scoped: bool) -> bytes:
    direction = SQL("DESC" if order.descending else "ASC")
    seen = _SEEN if scoped else SQL("")
    return _PAGE.format(
        conditions=_conditions(given, seen),
        position=POSITION,
        order=SQL("{column} {direction} NULLS LAST, u.user_id {direction}").format(
            column=_COLUMNS[order.column], direction=direction
        ),
        key_count=_KEY_COUNT,
        user=USER,
        teams=teams_of_user(seen),
    ).as_bytes()


@cache
def _spenders(given: frozenset[str], order: UserOrder, *, scoped: bool) -> bytes:
    conditions = _conditions(given, _SEEN if scoped else SQL(""))
    return _SPENDERS.format(
        position=POSITION,
        book=USER_BOOK,
        conditions=conditions,
        direction=SQL("DESC" if order.descending else "ASC"),
    ).as_bytes()


@cache
def _pick(given: frozenset[str]) -> bytes:
    return _PICK.format(
        conditions=_conditions(given, SQL("")),
        position=POSITION,
        may_pick=_ADMINISTERS_TEAM if "team_id" in given else _ADMINISTERS.format(of_team=SQL("")),
    ).as_bytes()


def _conditions(given: frozenset[str], seen: SQL) -> Composable:
    wanted = (_CONDITIONS[name].format(seen=seen) for name in sorted(given))
    return SQL(" AND ").join([SQL("u.deleted_at IS NULL"), *wanted])
