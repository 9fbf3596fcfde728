"""From rows to what answers are shaped from; the columns stand here beside what reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

import orjson
from psycopg.sql import SQL, Composable, Literal

from events.values import JsonObject
from services.access.principal import Towards
from services.edge.shapes.key import KeyView
from services.edge.shapes.team import Member, TeamView, membership
from services.projection.queries.reading import text_size
from services.projection.queries.spend_books import (
    KEY_BOOK,
    ROSTER_BOOK,
    TEAM_BOOK,
    spend_book,
)
from services.spend.books import SpendBook
from services.spend.budgets import Account
from services.spend.spenders import Spender

LARGE = 2_000
"""Members, or keys, of one team up to which they are read in the statement of their team."""

SHOWN = 1_000
"""Members, and keys, of one team that a list shows; beyond, it says how many there are."""

_TEAM = SQL(
    "t.team_id, t.settings::text, t.metadata::text, t.created_at, t.updated_at, t.budget_since, "
    "t.model_table_id, t.model_aliases_by, t.version, t.incarnation, {book}::text, t.members_total"
)
TEAM = _TEAM.format(book=TEAM_BOOK)
TEAM_WITH_ROSTER = _TEAM.format(book=ROSTER_BOOK)
"""Of which the memberships are shown too."""

LAST_USER = SQL(
    "(SELECT * FROM read.users_1 WHERE user_id = {user_id} ORDER BY incarnation DESC LIMIT 1)"
)
LAST_TEAM = SQL(
    "(SELECT * FROM read.teams_1 WHERE team_id = {team_id} ORDER BY incarnation DESC LIMIT 1)"
)
LAST_KEY = SQL(
    "(SELECT * FROM read.keys_1 WHERE token = {token} ORDER BY incarnation DESC LIMIT 1)"
)
LAST_ORGANIZATION = SQL(
    "(SELECT * FROM read.organizations_1 WHERE organization_id = {organization_id} "
    "ORDER BY incarnation DESC LIMIT 1)"
)
"""The last life of one of them, over or not: found by the primary key, where a search for what is
not deleted would scan all of it while the planner knows nothing of the table."""

MEMBER = SQL(
    "m.user_id, (SELECT u.email FROM {last_user} u WHERE u.deleted_at IS NULL), m.role, m.limits"
).format(last_user=LAST_USER.format(user_id=SQL("m.user_id")))
MEMBER_OF_TEAM = SQL("m.team_id = t.team_id AND m.incarnation = t.incarnation")
FIRST_MEMBERS = SQL(
    "(SELECT json_agg(json_build_array({member}) ORDER BY m.joined) FROM (SELECT * "
    "FROM read.memberships_1 m WHERE {of_team} ORDER BY m.joined LIMIT {shown}) m)::text"
).format(member=MEMBER, of_team=MEMBER_OF_TEAM, shown=Literal(SHOWN))
"""What `team_record` takes as members, cut to the first SHOWN to join."""

_KEY_TIMES: LiteralString = (
    "k.created_at, k.created_by, k.updated_at, k.updated_by, k.budget_since, k.rotations, "
    "k.rotated_at"
)
KEY = SQL(f"k.token, k.settings, {_KEY_TIMES}, t.organization_id, k.incarnation, {{}}").format(
    KEY_BOOK
)
"""A key of team `t`."""

KEY_ROW = SQL(
    "k.token, k.settings::text, {times}, (SELECT kt.organization_id FROM read.teams_1 kt "
    "WHERE kt.team_id = k.team_id AND kt.incarnation = k.team_incarnation), k.incarnation, "
    "{book}::text"
).format(times=SQL(_KEY_TIMES), book=KEY_BOOK)
KEY_WIDTH = 12
"""How many columns `key_record` takes."""
KEY_ORDER = SQL("k.created_at, k.token DESC")
OWNER_THERE = SQL(
    "NOT EXISTS (SELECT FROM read.users_1 g "
    "WHERE g.user_id = k.user_id AND g.gone_at >= k.owned_at) "
    "AND (k.organization_id IS NULL OR NOT EXISTS (SELECT FROM read.organizations_1 go "
    "WHERE go.organization_id = k.organization_id AND go.gone_at >= k.owned_at))"
)
"""Whether neither the owner of a key nor the organization of its own, if it has them, was deleted
since the key is theirs (S12, S14). Few keys are an organization's own: only those look for it."""

NOT_LEFT_BEHIND = SQL("(t.gone_at IS NULL OR t.gone_at < k.owned_at)")
"""Whether a key of team `t` is not one that the team had when it was deleted, be it back or not."""

_KEY_OF_TEAM = SQL(
    "k.team_id = t.team_id AND k.team_incarnation = t.incarnation AND k.deleted_at IS NULL "
    "AND {not_left_behind} "
    "AND (k.settings->>'member_since' IS NULL OR EXISTS (SELECT FROM read.memberships_1 o WHERE "
    "o.team_id = t.team_id AND o.incarnation = t.incarnation AND o.user_id = k.user_id "
    "AND o.joined = (k.settings->>'member_since')::bigint)) AND {owner_there} "
    "AND ({every_key} OR t.role = 'admin' OR k.user_id IS NULL OR k.user_id = {caller})"
)
KEYS = SQL(
    "(SELECT k.*, (k.settings->>'member_since')::bigint AS member_since, "
    "(k.settings->>'max_budget')::numeric AS max_budget FROM read.keys_1 k)"
)
KEY_IN_FORCE = SQL(
    "(k.team_id IS NULL OR EXISTS (SELECT FROM read.teams_1 t WHERE t.team_id = k.team_id "
    "AND t.incarnation = k.team_incarnation AND t.deleted_at IS NULL AND {not_left_behind}) "
    "AND (k.member_since IS NULL OR EXISTS (SELECT FROM read.memberships_1 o "
    "WHERE o.team_id = k.team_id AND o.incarnation = k.team_incarnation "
    "AND o.user_id = k.user_id AND o.joined = k.member_since))) AND {owner_there}"
).format(owner_there=OWNER_THERE, not_left_behind=NOT_LEFT_BEHIND)
"""Whether a key of KEYS that is not deleted is not void either: its team lives and has not left it
behind, and so does the membership it was made for, and neither its owner nor its organization was
deleted. It looks at four other tables for every key."""


def key_of_team(caller: SQL, every_key: SQL) -> Composable:
    """A key of team `t` that the caller, whose role in it is `t.role`, may see (D08).

    The key of somebody who is no longer a member, or there at all, is void before its own end is
    recorded.
    """
    return _KEY_OF_TEAM.format(
        caller=caller,
        every_key=every_key,
        owner_there=OWNER_THERE,
        not_left_behind=NOT_LEFT_BEHIND,
    )


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team as it was read: `own_limits` are those of `view.members`, one by one.

    Of more members than were asked for only the first to join are here; `members_total` counts
    all. `version` is that of the team's stream, `book` what bears on its spend.
    """

    view: TeamView
    own_limits: Sequence[JsonObject | None]
    version: int
    incarnation: int
    book: SpendBook
    members_total: int

    def towards(self, role: str | None) -> Towards:
        """The team as rules see it that are about a caller with this role in its roster."""
        return Towards(self.view.team_id, role, self.view.settings["organization_id"])

    @property
    def spender(self) -> Spender:
        """The team as it spends."""
        account = Account("team", self.view.team_id, self.incarnation)
        return self.book.spender(account, self.book.cadences("team"))

    def member(self, user_id: str) -> Spender:
        """A member as he spends; read with TEAM_WITH_ROSTER."""
        return self.book.team_member(self.view.team_id, self.incarnation, user_id)

    @property
    def members(self) -> list[Spender]:
        """All of `view.members` as they spend."""
        return [self.member(member.user_id) for member in self.view.members]

    def memberships(self, spent: Iterable[Decimal]) -> list[JsonObject]:
        """The Membership (team-api.md 2.3) of each of `view.members`, with what each has spent."""
        return [
            membership(self.view.team_id, member.user_id, limits, self.view.settings, spend=spend)
            for member, limits, spend in zip(self.view.members, self.own_limits, spent, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class StoredTeam:
    """A team as its row holds it, not parsed yet: equal rows are equal teams.

    `columns` are TEAM, `members` the MEMBER columns of its roster as JSON.
    """

    columns: tuple[Any, ...]
    members: str | None

    def record(self) -> TeamRecord:
        return team_record(self.columns, self.members)

    @property
    def spender(self) -> Spender:
        """The team as it spends."""
        book = spend_book(self.columns[_BOOK])
        account = Account("team", self.team_id, self.incarnation)
        return book.spender(account, book.cadences("team"))

    @property
    def team_id(self) -> str:
        return str(self.columns[0])

    @property
    def organization_id(self) -> str | None:
        """The organization that the team is in; only the settings are parsed for it."""
        found: str | None = orjson.loads(self.columns[_SETTINGS])["organization_id"]
        return found

    @property
    def version(self) -> int:
        return int(self.columns[_VERSION])

    @property
    def incarnation(self) -> int:
        return int(self.columns[_INCARNATION])

    @property
    def size(self) -> int:
        """How long the texts of the row are together."""
        return text_size((*self.columns, self.members))

    @property
    def members_total(self) -> int:
        """How many members there are, here or not."""
        return int(self.columns[-1])

    @property
    def members_shown(self) -> int:
        """How many members there are, as far as a list shows them."""
        return min(self.members_total, SHOWN)


_SETTINGS, _VERSION, _INCARNATION, _BOOK = 1, -4, -3, -2
"""Places in TEAM."""


def team_record(columns: Sequence[Any], members: str | None) -> TeamRecord:
    """From the columns TEAM, and the MEMBER columns of its roster as JSON."""
    team_id, settings, metadata, created_at, updated_at, since, table, by, *rest = columns
    version, incarnation, book, total = rest
    roster = orjson.loads(members) if members else []
    document = orjson.loads(settings)
    document["metadata"] = orjson.loads(metadata)
    view = TeamView(
        team_id=team_id,
        settings=document,
        members=[Member(user_id, email, role) for user_id, email, role, _ in roster],
        created_at=created_at,
        updated_at=updated_at,
        budget_since=since,
        model_table_id=table,
        model_aliases_by=by,
    )
    own_limits = [limits for *_, limits in roster]
    return TeamRecord(view, own_limits, version, incarnation, spend_book(book), total)


class KeyLife(NamedTuple):
    """A key as it spends since it has its secret; `rotations` tells how often it got another one.

    `book` is what bears on its spend.
    """

    token: str
    incarnation: int
    rotations: int
    book: SpendBook

    @property
    def account(self) -> Account:
        """What its calls are booked on."""
        return Account("key", self.token, self.incarnation)


def key_life(columns: Sequence[Any]) -> KeyLife:
    """From hash, incarnation, number of rotations and KEY_BOOK."""
    token, incarnation, rotations, book = columns
    return KeyLife(token, incarnation, rotations or 0, spend_book(book))


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it was read."""

    view: KeyView
    life: KeyLife


def key_records(keys: str | None) -> list[KeyRecord]:
    """From the KEY columns of several keys as JSON."""
    return [] if keys is None else [key_record(key) for key in orjson.loads(keys)]


def key_record(columns: Sequence[Any]) -> KeyRecord:
    """From the columns KEY out of JSON, or KEY_ROW as they come from a row."""
    token, settings, created_at, created_by, updated_at, updated_by, since, *rest = columns
    rotations, rotated_at, team_organization, incarnation, book = rest
    view = KeyView(
        token=token,
        settings=orjson.loads(settings) if isinstance(settings, str) else settings,
        created_at=_moment(created_at),
        created_by=created_by,
        updated_at=_moment(updated_at),
        updated_by=updated_by,
        budget_since=_moment(since),
        rotations=rotations or 0,
        rotated_at=None if rotated_at is None else _moment(rotated_at),
        team_organization=team_organization,
    )
    return KeyRecord(view, KeyLife(token, incarnation, view.rotations, spend_book(book)))


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
