"""How a page of keys is asked for: whose keys, which of them, in which order.

A user's keys, those of his teams and those he made are found by their indexes. The order is
settled before any key is looked at closely: only those of the page, and those before it, are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from psycopg.sql import SQL, Composable
from psycopg.sql import Literal as Constant

from services.access.principal import DASHBOARD_TEAM
from services.access.visibility import KEY_LIST
from services.projection.queries.reading import POSITION
from services.projection.queries.records import KEY_IN_FORCE, KEY_ROW, KEYS, LAST_USER
from services.projection.queries.spend_books import KEY_BOOK

Column = Literal["spend", "max_budget", "created_at", "updated_at", "token", "key_alias"]
_COLUMNS: Mapping[str, SQL] = {
    "max_budget": SQL("k.max_budget"),
    "created_at": SQL("k.created_at"),
    "updated_at": SQL("k.updated_at"),
    "token": SQL("k.token"),
    "key_alias": SQL("k.key_alias"),
}
CONDITIONS: Mapping[str, SQL] = {
    "team_id": SQL("k.team_id = %(team_id)s"),
    "organization_id": SQL(
        "(k.organization_id = %(organization_id)s OR k.organization_id IS NULL "
        "AND (k.team_id, k.team_incarnation) IN (SELECT t.team_id, t.incarnation "
        "FROM read.teams_1 t WHERE t.organization_id = %(organization_id)s))"
    ),
    "key_hash": SQL("k.token = %(key_hash)s"),
    "key_alias": SQL("k.key_alias = %(key_alias)s"),
    "alias_part": SQL("strpos(lower(k.key_alias), lower(%(alias_part)s)) > 0"),
    "project_id": SQL("k.settings->'extra'->>'project_id' = %(project_id)s"),
    "access_group_id": SQL("k.settings->'extra'->'access_group_ids' ? %(access_group_id)s"),
    "tokens": SQL("k.token = ANY (%(tokens)s::text[])"),
}
NARROW = {"team_id", "key_hash", "key_alias", "tokens"}
"""Filters that leave few keys."""

_MINE = SQL(
    """
    mine AS MATERIALIZED (
        SELECT t.team_id, t.incarnation,
            m.role = 'admin' OR t.settings->'member_permissions' ? {grant} AS every
        FROM read.memberships_1 m JOIN read.teams_1 t
            ON t.team_id = m.team_id AND t.incarnation = m.incarnation
        WHERE m.user_id = %(subject)s AND t.deleted_at IS NULL
    ),
    theirs AS MATERIALIZED (
        SELECT k.token, k.incarnation FROM read.keys_1 k WHERE {state} AND k.user_id = %(subject)s
        {others}
    ),
    """
)
_OF_TEAMS = SQL(
    "UNION SELECT k.token, k.incarnation FROM mine JOIN read.keys_1 k ON k.team_id = mine.team_id "
    "AND k.team_incarnation = mine.incarnation AND (mine.every OR k.user_id IS NULL) WHERE {state}"
)
_MADE = SQL(
    "UNION SELECT k.token, k.incarnation FROM read.keys_1 k WHERE {state} "
    "AND k.created_by = %(subject)s AND (k.team_id IS NULL OR EXISTS (SELECT FROM mine "
    "WHERE mine.team_id = k.team_id AND mine.incarnation = k.team_incarnation))"
)
_KEYS = SQL("{} k").format(KEYS)
_THEIRS = SQL("theirs JOIN {} k USING (token, incarnation)").format(KEYS)
_STATEMENT = SQL(
    """
    WITH {mine}
    counted AS MATERIALIZED (
        SELECT at.position, CASE WHEN at.position <> %(known)s THEN ({count}) END AS total
        FROM (SELECT {position} AS position) at
    ),
    page AS MATERIALIZED (
        SELECT k.token, k.incarnation FROM (
            SELECT k.token, k.incarnation, k.user_id, k.team_id, k.team_incarnation, k.key_alias,
                k.created_at, k.updated_at, k.max_budget, k.member_since, k.owned_at,
                k.organization_id
            FROM {keys} WHERE {conditions} ORDER BY {order} OFFSET 0
        ) k WHERE {in_force} ORDER BY {order} LIMIT %(size)s OFFSET %(beyond)s
    )
    SELECT counted.position, counted.total, {user_known}, {in_team}, {key} {deletion} {people}
    FROM counted LEFT JOIN (
        page JOIN {every_key} k ON k.token = page.token AND k.incarnation = page.incarnation
    ) ON true {ends}
    ORDER BY {order}
    """
)
_COUNT = SQL("SELECT count(*) FROM {keys} WHERE {conditions} AND {in_force}")
_ENDS = SQL(
    "LEFT JOIN LATERAL (SELECT a.* FROM read.audit_1 a WHERE a.object_id = k.token "
    "AND a.action IN ('deleted', 'rotated') AND a.updated_at >= k.deleted_at "
    "ORDER BY a.updated_at LIMIT 1) a ON true"
)
_DELETION = SQL(", k.deleted_at, k.deleted_by, a.id, a.actor_key, a.actor_role, a.claim")
_PERSON = SQL(
    ", (SELECT json_build_array(u.user_id, u.email, u.user_alias) FROM {user} u "
    "WHERE u.deleted_at IS NULL)::text"
)
_PEOPLE = SQL("").join(
    _PERSON.format(user=LAST_USER.format(user_id=SQL(who))) for who in ("k.user_id", "k.created_by")
)
_BARE = SQL("k.token, k.incarnation, k.rotations, {}::text, k.deleted_at").format(KEY_BOOK)
_USER_KNOWN = SQL("EXISTS (SELECT FROM {user} u WHERE u.deleted_at IS NULL)").format(
    user=LAST_USER.format(user_id=SQL("%(caller)s"))
)
_IN_TEAM = SQL(
    "EXISTS (SELECT FROM read.memberships_1 m JOIN read.teams_1 t ON t.team_id = m.team_id "
    "AND t.incarnation = m.incarnation WHERE m.user_id = %(caller)s AND m.team_id = %(team_id)s "
    "AND t.deleted_at IS NULL)"
)


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """All given must hold. `subject`: only keys of this user, None: of everybody.

    Of a subject `of_teams` adds the keys of teams that he administers or whose permissions hold
    /key/list, and those without a user of all his teams; `made` those that he made, for no team or
    one of his. `key_hash` is a sha256. `alias_part` stands in the alias, in whatever case; "" is in
    each. `tokens` are the keys that may be on the page. `with_people` has the page name owner and
    maker of each key.
    """

    subject: str | None = None
    of_teams: bool = False
    made: bool = False
    team_id: str | None = None
    organization_id: str | None = None
    key_hash: str | None = None
    key_alias: str | None = None
    alias_part: str | None = None
    project_id: str | None = None
    access_group_id: str | None = None
    tokens: tuple[str, ...] | None = None
    deleted: bool = False
    with_people: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """By a column, among equals by hash; the newest first if not said otherwise."""

    column: Column = "created_at"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """What of a filter decides how it is asked; `names` are the conditions it has."""

    subject: bool
    of_teams: bool
    made: bool
    deleted: bool
    with_people: bool
    names: frozenset[str]

    @classmethod
    def of(cls, wanted: KeyFilter) -> "Given":
        names = frozenset(name for name in CONDITIONS if getattr(wanted, name) is not None)
        return cls(
            subject=wanted.subject is not None,
            of_teams=wanted.of_teams,
            made=wanted.made,
            deleted=wanted.deleted,
            with_people=wanted.with_people,
            names=names,
        )

    @property
    def several(self) -> bool:
        """Whether a subject's keys come from more than one place."""
        return self.subject and (self.of_teams or self.made)

    @property
    def few(self) -> bool:
        """Whether so few keys are left that each can be looked at closely."""
        return self.subject or bool(self.names & NARROW)


@cache
def statement(given: Given, order: KeyOrder, *, bare: bool = False) -> bytes:
    """Position, total, whether the caller is known and in the team, then the columns of a key.

    The total is null where the position is still `known`. `bare` gives of each key only what
    KeyLife takes, and when it was deleted.
    """
    direction = SQL("DESC" if order.descending else "ASC")
    tail = SQL(", k.incarnation {}").format(direction) if given.deleted else SQL("")
    keys = _THEIRS if given.several else _KEYS
    conditions = _conditions(given)
    in_force = SQL("true") if given.deleted else KEY_IN_FORCE
    return _STATEMENT.format(
        mine=_mine(given) if given.several else SQL(""),
        count=_COUNT.format(
            keys=keys, conditions=conditions, in_force=in_force if given.few else SQL("true")
        ),
        position=POSITION,
        keys=keys,
        conditions=conditions,
        in_force=in_force,
        every_key=KEYS,
        order=SQL("{column} {direction}, k.token {direction}{tail}").format(
            column=_COLUMNS[order.column], direction=direction, tail=tail
        ),
        user_known=_USER_KNOWN,
        in_team=_IN_TEAM if "team_id" in given.names else SQL("true"),
        key=_BARE if bare else KEY_ROW,
        deletion=_DELETION if given.deleted and not bare else SQL(""),
        ends=_ENDS if given.deleted and not bare else SQL(""),
        people=_PEOPLE if given.with_people and not bare else SQL(""),
    ).as_bytes()


def _state(given: Given) -> SQL:
    return SQL("k.deleted_at IS NOT NULL" if given.deleted else "k.deleted_at IS NULL")


def _mine(given: Given) -> Composable:
    state = _state(given)
    others = [
        part.format(state=state)
        for part, asked in ((_OF_TEAMS, given.of_teams), (_MADE, given.made))
        if asked
    ]
    return _MINE.format(grant=Constant(KEY_LIST), state=state, others=SQL(" ").join(others))


def _conditions(given: Given) -> Composable:
    found: list[Composable] = [
        _state(given),
        SQL("k.team_id IS DISTINCT FROM {}").format(Constant(DASHBOARD_TEAM)),
    ]
    if given.subject and not given.several:
        found.append(SQL("k.user_id = %(subject)s"))
    return SQL(" AND ").join([*found, *(CONDITIONS[name] for name in sorted(given.names))])
