"""Which series of the ledger are read: those that the caller sees, as far as filters let them.

The ledger is read through a pool of its own, which may lead to another database than the read
models: no statement asks both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from psycopg.sql import SQL, Composable, Composed, Placeholder

from events.streams import ORGANIZATION, TEAM, USER
from services.access.sight import Sight

_BOOKED = SQL(
    "s.series IN (SELECT b.series FROM usage.accounts a JOIN usage.booked_on b USING (account) "
    "WHERE a.kind = {kind} AND a.id = ANY ({ids}::text[]) AND a.member = '')"
)
_HIMSELF = SQL(
    "(SELECT account FROM usage.accounts WHERE kind = {user} AND id = %(himself)s "
    "AND incarnation = %(own_life)s AND member = '')"
).format(user=USER)
_SEEN = SQL(
    """s.series IN (
        SELECT b.series
        FROM unnest(%(kinds)s::text[], %(ids)s::text[], %(lives)s::bigint[], %(shared)s::bool[])
            AS w (kind, id, incarnation, shared)
        JOIN usage.accounts a ON a.kind = w.kind AND a.id = w.id
            AND a.incarnation = w.incarnation AND a.member = ''
        JOIN usage.booked_on b ON b.account = a.account
        JOIN usage.series o ON o.series = b.series
        WHERE NOT w.shared OR o."user" = {himself}
    )"""
).format(himself=_HIMSELF)


def _booked(kind: str, name: str) -> Composed:
    return _BOOKED.format(kind=kind, ids=Placeholder(name))


_CONDITIONS: Mapping[str, Composable] = {
    "team_ids": _booked(TEAM, "team_ids"),
    "organization_ids": _booked(ORGANIZATION, "organization_ids"),
    "user_ids": _booked(USER, "user_ids"),
    "keys": SQL("s.key_hash = ANY (%(keys)s::text[])"),
    "models": SQL("s.model_name = ANY (%(models)s::text[])"),
    "providers": SQL("s.provider = ANY (%(providers)s::text[])"),
    "tags": SQL("s.tags && %(tags)s::text[]"),
    "key_aliases": SQL("s.key_alias = ANY (%(key_aliases)s::text[])"),
    "not_team_ids": SQL("(s.team IS NULL OR s.team_id <> ALL (%(not_team_ids)s::text[]))"),
    "not_organization_ids": SQL(
        "(s.organization IS NULL OR s.organization_id <> ALL (%(not_organization_ids)s::text[]))"
    ),
}
_FEW = {"team_ids", "organization_ids", "user_ids", "keys"}


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """What is asked for; None asks for all, several values for any of them.

    Teams, organizations and users are meant in all their lives; keys by their sha256.
    """

    team_ids: Sequence[str] | None = None
    organization_ids: Sequence[str] | None = None
    user_ids: Sequence[str] | None = None
    keys: Sequence[str] | None = None
    models: Sequence[str] | None = None
    providers: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    key_aliases: Sequence[str] | None = None
    not_team_ids: Sequence[str] | None = None
    not_organization_ids: Sequence[str] | None = None

    def given(self) -> dict[str, list[str]]:
        """The values of what is asked for, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class UsageScope:
    """What somebody sees, None for everything, and of that what he asks for."""

    sight: Sight | None = None
    filter: UsageFilter = UsageFilter()

    @property
    def narrows(self) -> bool:
        """Whether there are series that are not in it."""
        return self.sight is not None or bool(self.filter.given())

    @property
    def few(self) -> bool:
        """Whether the series are found by what they are booked on, or by their key."""
        return self.sight is not None or bool(_FEW & self.filter.given().keys())

    def condition(self) -> Composable:
        """What holds of the series `s`."""
        seen = [] if self.sight is None else [_SEEN]
        conditions = [*seen, *(_CONDITIONS[name] for name in self.filter.given())]
        return SQL(" AND ").join(conditions) if conditions else SQL("true")

    def parameters(self) -> dict[str, object]:
        """What the condition is asked with."""
        sight = self.sight or Sight()
        lives = [*sight.whole, *sight.shared]
        himself = sight.himself
        return {
            **self.filter.given(),
            "kinds": [life.kind for life in lives],
            "ids": [life.id for life in lives],
            "lives": [life.incarnation for life in lives],
            "shared": [False] * len(sight.whole) + [True] * len(sight.shared),
            "himself": None if himself is None else himself.id,
            "own_life": None if himself is None else himself.incarnation,
        }
