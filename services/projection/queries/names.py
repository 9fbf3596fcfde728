"""What keys, teams and organizations that spent are called: now, or when they last spent.

Whatever is still there is looked up in the read models, only what an answer shows (D53). What is
gone has the name under which its last call was booked.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from psycopg.sql import SQL

from events.streams import KEY, ORGANIZATION, TEAM
from services.database.connections import Pool
from services.projection.queries.reading import Connection, Row, fetch, run
from services.projection.queries.records import LAST_KEY, LAST_ORGANIZATION, LAST_TEAM

_ASKED = SQL("unnest(%(kinds)s::text[], %(ids)s::text[]) q (kind, id)")
_NOW = (
    SQL(
        """
        SELECT q.kind, q.id, k.key_alias, k.team_id FROM {asked}
        JOIN LATERAL {last_key} k ON k.deleted_at IS NULL WHERE q.kind = {key}
        UNION ALL
        SELECT q.kind, q.id, t.team_alias, NULL FROM {asked}
        JOIN LATERAL {last_team} t ON t.deleted_at IS NULL WHERE q.kind = {team}
        UNION ALL
        SELECT q.kind, q.id, o.organization_alias, NULL FROM {asked}
        JOIN LATERAL {last_organization} o ON o.deleted_at IS NULL WHERE q.kind = {organization}
        """
    )
    .format(
        asked=_ASKED,
        key=KEY,
        team=TEAM,
        organization=ORGANIZATION,
        last_key=LAST_KEY.format(token=SQL("q.id")),
        last_team=LAST_TEAM.format(team_id=SQL("q.id")),
        last_organization=LAST_ORGANIZATION.format(organization_id=SQL("q.id")),
    )
    .as_bytes()
)
_LAST = SQL(
    "ORDER BY (SELECT max(r.started_at) FROM usage.records r WHERE r.series = s.series) DESC, "
    "s.series DESC LIMIT 1"
)
_THEN = (
    SQL(
        """
        SELECT q.kind, q.id, l.key_alias, l.team_id FROM {asked} CROSS JOIN LATERAL (
            SELECT s.key_alias, CASE WHEN s.team IS NOT NULL THEN s.team_id END AS team_id
            FROM usage.series s WHERE s.key_hash = q.id {last}
        ) l WHERE q.kind = {key}
        UNION ALL
        SELECT q.kind, q.id, l.alias, NULL FROM {asked} CROSS JOIN LATERAL (
            SELECT CASE q.kind WHEN {team} THEN s.team_alias ELSE s.organization_alias END AS alias
            FROM usage.accounts a JOIN usage.booked_on b USING (account)
                JOIN usage.series s USING (series)
            WHERE a.kind = q.kind AND a.id = q.id AND a.member = '' {last}
        ) l WHERE q.kind <> {key}
        """
    )
    .format(asked=_ASKED, key=KEY, team=TEAM, last=_LAST)
    .as_bytes()
)
_ALIASES = b"""
SELECT series, organization_alias, team_alias, key_alias FROM usage.series
WHERE series = ANY (%(series)s::bigint[])
"""
Thing = tuple[str, str]
"""A kind and an id; a key by its sha256."""


class Name(NamedTuple):
    """The alias of a thing, if anybody gave it one; of a key also the id of its team."""

    alias: str | None
    team_id: str | None


async def names(
    read_pool: Pool, ledger: Connection, things: Collection[Thing]
) -> Mapping[Thing, Name]:
    """The names of keys, teams and organizations of which there are calls."""
    now = _names(await fetch(read_pool, _NOW, _asked(things), prepare=True))
    gone = [thing for thing in things if thing not in now]
    then = _names(await run(ledger, _THEN, _asked(gone))) if gone else {}
    return {**now, **then}


def _asked(things: Collection[Thing]) -> dict[str, list[str]]:
    return {"kinds": [kind for kind, _ in things], "ids": [name for _, name in things]}


def _names(rows: list[Row]) -> dict[Thing, Name]:
    return {(kind, name): Name(alias, team_id) for kind, name, alias, team_id in rows}


class Aliases(NamedTuple):
    """The names under which a series spends."""

    organization: str | None
    team: str | None
    key: str | None


async def aliases_of(ledger: Connection, series: Collection[int]) -> Mapping[int, Aliases]:
    """Those of each series."""
    rows = await run(ledger, _ALIASES, {"series": list(set(series))})
    return {number: Aliases(*names) for number, *names in rows}
