"""The log as callers may follow it: pages of facts behind a position, within a scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from events.envelope import Envelope, decode
from events.streams import KEY, ORGANIZATION, TEAM, USER, stream
from services.access.principal import Principal
from services.database.connections import Pool
from services.projection.queries.reading import fetch

_OWN = b"""
SELECT 'team', t.team_id, t.incarnation FROM read.memberships_1 m JOIN read.teams_1 t
    ON t.team_id = m.team_id AND t.incarnation = m.incarnation AND t.deleted_at IS NULL
WHERE m.user_id = %(user_id)s AND m.role = 'admin'
UNION ALL
SELECT 'team', team_id, incarnation FROM read.teams_1
WHERE organization_id = ANY (%(organizations)s) AND deleted_at IS NULL
UNION ALL
SELECT 'organization', organization_id, incarnation FROM read.organizations_1
WHERE organization_id = ANY (%(organizations)s) AND deleted_at IS NULL
UNION ALL
SELECT 'user', user_id, incarnation FROM read.users_1
WHERE user_id = %(user_id)s AND deleted_at IS NULL
UNION ALL
SELECT 'key', token, incarnation FROM read.keys_1
WHERE user_id = %(user_id)s AND deleted_at IS NULL
"""
_COLUMNS = "originator_id, originator_version, notification_id, topic, state"
_ALL = f"""
SELECT {_COLUMNS} FROM events.stored_events
WHERE notification_id > %(after)s AND notification_id <= %(until)s
    AND (%(types)s::text[] IS NULL OR topic LIKE ANY (%(types)s::text[]))
ORDER BY notification_id LIMIT %(limit)s
""".encode()  # noqa: S608
_SOME = f"""
SELECT {_COLUMNS} FROM events.stored_events
WHERE originator_id = ANY (%(streams)s)
    AND notification_id > %(after)s AND notification_id <= %(until)s
    AND (%(types)s::text[] IS NULL OR topic LIKE ANY (%(types)s::text[]))
ORDER BY notification_id LIMIT %(limit)s
""".encode()  # noqa: S608
_KINDS = {"team": TEAM, "organization": ORGANIZATION, "user": USER, "key": KEY}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Facts of these types and about these things; None is any.

    A type may end in `*`, which stands for anything.
    """

    types: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Positions behind `after` and not behind `until`, at most `limit` facts of them."""

    after: int
    until: int
    limit: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may follow: everything, or these streams from the version of a life on."""

    lives: dict[str, int] | None = None

    def admits(self, envelope: Envelope) -> bool:
        """Whether the fact is of the life that the caller has to do with (decision 003)."""
        if self.lives is None:
            return True
        return self.lives.get(envelope.originator_id) == envelope.incarnation


@dataclass(frozen=True, slots=True)
class Page:
    """Facts in order. Everything up to `upto` was looked at; `full` tells that more may follow."""

    facts: Sequence[Envelope]
    upto: int
    full: bool


async def scope_of(pool: Pool, principal: Principal) -> Scope:
    """Admins and viewers follow everything, others what they administer, own and are."""
    if principal.reads_everything:
        return Scope()
    if principal.user_id is None or not principal.user_known:
        return Scope({})
    asked = {"user_id": principal.user_id, "organizations": sorted(principal.administers)}
    rows = await fetch(pool, _OWN, asked)
    return Scope({stream(_KINDS[kind], name): life for kind, name, life in rows})


async def page_of(pool: Pool, scope: Scope, wanted: Wanted, stretch: Stretch) -> Page:
    """The next facts of a stretch."""
    streams = _streams(scope, wanted)
    end = max(stretch.after, stretch.until)
    if streams is not None and not streams:
        return Page((), end, full=False)
    parameters: dict[str, Any] = {
        "after": stretch.after,
        "until": stretch.until,
        "limit": stretch.limit,
        "types": patterns(wanted.types),
        "streams": streams,
    }
    rows = await fetch(pool, _ALL if streams is None else _SOME, parameters)
    facts = [decode(row[0], row[1], row[2], row[3], bytes(row[4])) for row in rows]
    full = len(rows) == stretch.limit
    upto = facts[-1].position if full else end
    return Page([fact for fact in facts if scope.admits(fact)], upto, full)


def _streams(scope: Scope, wanted: Wanted) -> list[str] | None:
    if scope.lives is None:
        return None if wanted.streams is None else list(wanted.streams)
    if wanted.streams is None:
        return list(scope.lives)
    return [name for name in wanted.streams if name in scope.lives]


def patterns(types: Sequence[str] | None) -> list[str] | None:
    """Names of facts as LIKE has them."""
    return None if types is None else [_pattern(name) for name in types]


def _pattern(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
