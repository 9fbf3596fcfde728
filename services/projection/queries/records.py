"""From rows to what answers are shaped from; the columns stand here beside what reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import orjson
from psycopg.sql import SQL, Composable, Literal

from events.values import JsonObject
from services.access.principal import Towards
from services.edge.shapes.key import KeyView
from services.edge.shapes.team import Member, TeamView, membership

LARGE = 2_000
"""Members, or keys, of one team up to which they are read in the statement of their team."""

SHOWN = 1_000
"""Members, and keys, of one team that a list shows; beyond, it says how many there are."""

TEAM = SQL(
    "t.team_id, t.settings::text, t.metadata::text, t.created_at, t.updated_at, t.budget_since, "
    "t.model_table_id, t.model_aliases_by, t.version, t.members_total"
)

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

_KEY_REST: LiteralString = (
    "k.created_at, k.created_by, k.updated_at, k.updated_by, k.budget_since, k.rotations, "
    "k.rotated_at, (SELECT kt.organization_id FROM read.teams_1 kt "
    "WHERE kt.team_id = k.team_id AND kt.incarnation = k.team_incarnation)"
)
KEY = SQL(f"k.token, k.settings, {_KEY_REST}")
KEY_ROW = SQL(f"k.token, k.settings::text, {_KEY_REST}")
KEY_WIDTH = 10
"""How many columns `key_view` takes."""
KEY_ORDER = SQL("k.created_at, k.token DESC")
OWNER_THERE = SQL(
    "NOT EXISTS (SELECT FROM read.users_1 g "
    "WHERE g.user_id = k.user_id AND g.gone_at >= k.owned_at) "
    "AND NOT EXISTS (SELECT FROM read.organizations_1 go "
    "WHERE go.organization_id = k.organization_id AND go.gone_at >= k.owned_at)"
)
"""Whether neither the owner of a key nor the organization of its own, if it has them, was deleted
since the key is theirs (S12, S14)."""

_KEY_OF_TEAM = SQL(
    "k.team_id = t.team_id AND k.team_incarnation = t.incarnation AND k.deleted_at IS NULL "
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
    "AND t.incarnation = k.team_incarnation AND t.deleted_at IS NULL) "
    "AND (k.member_since IS NULL OR EXISTS (SELECT FROM read.memberships_1 o "
    "WHERE o.team_id = k.team_id AND o.incarnation = k.team_incarnation "
    "AND o.user_id = k.user_id AND o.joined = k.member_since))) AND {owner_there}"
).format(owner_there=OWNER_THERE)
"""Whether a key of KEYS that is not deleted is not void either: its team lives, and so does the
membership it was made for, and neither its owner nor its organization was deleted. It looks at four
other tables for every key."""


def key_of_team(caller: SQL, every_key: SQL) -> Composable:
    """A key of team `t` that the caller, whose role in it is `t.role`, may see (D08).

    The key of somebody who is no longer a member, or there at all, is void before its own end is
    recorded.
    """
    return _KEY_OF_TEAM.format(caller=caller, every_key=every_key, owner_there=OWNER_THERE)


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team as it was read: `own_limits` are those of `view.members`, one by one.

    Of more members than were asked for only the first to join are here; `members_total` counts
    all. `version` is that of the team's stream.
    """

    view: TeamView
    own_limits: Sequence[JsonObject | None]
    version: int
    members_total: int

    def towards(self, role: str | None) -> Towards:
        """The team as rules see it that are about a caller with this role in its roster."""
        return Towards(self.view.team_id, role, self.view.settings["organization_id"])

    def memberships(self) -> list[JsonObject]:
        """The Membership (team-api.md 2.3) of each of `view.members`, without what was spent."""
        return [
            membership(self.view.team_id, member.user_id, limits, self.view.settings)
            for member, limits in zip(self.view.members, self.own_limits, strict=True)
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
    def members_shown(self) -> int:
        """How many members there are, as far as a list shows them."""
        members_total: int = self.columns[-1]
        return min(members_total, SHOWN)


def team_record(columns: Sequence[Any], members: str | None) -> TeamRecord:
    """From the columns TEAM, and the MEMBER columns of its roster as JSON."""
    team_id, settings, metadata, created_at, updated_at, since, table, by, version, total = columns
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
    return TeamRecord(view, [limits for *_, limits in roster], version, total)


def key_views(keys: str | None) -> list[KeyView]:
    """From the KEY columns of several keys as JSON."""
    return [] if keys is None else [key_view(key) for key in orjson.loads(keys)]


def key_view(columns: Iterable[Any]) -> KeyView:
    """From the columns KEY out of JSON, or KEY_ROW as they come from a row."""
    token, settings, created_at, created_by, updated_at, updated_by, since, *rest = columns
    rotations, rotated_at, team_organization = rest
    return KeyView(
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


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
