"""The audit log: pages and single entries, personal data still sealed (supporting-api.md 7).

Entries are only ever added, under ever higher positions: a total that was counted up to some
position is carried on by counting what came after it.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Literal

import orjson
from psycopg.sql import SQL, Composable

from events.values import JsonObject
from services.database.connections import Pool
from services.projection.queries.reading import POSITION, Paging, Row, Totals, fetch

EXPORTED_AT_ONCE = 200
SortColumn = Literal[
    "id",
    "updated_at",
    "changed_by",
    "changed_by_api_key",
    "action",
    "table_name",
    "object_id",
    "position",
]
_COLUMNS: dict[SortColumn, SQL] = {
    "id": SQL("a.id"),
    "updated_at": SQL("a.updated_at"),
    "changed_by": SQL("a.actor"),
    "changed_by_api_key": SQL("a.actor_key"),
    "action": SQL("a.action"),
    "table_name": SQL("a.table_name"),
    "object_id": SQL("a.object_id"),
    "position": SQL("a.position"),
}
_CONDITIONS: dict[str, SQL] = {
    "changed_by": SQL("a.actor = %(changed_by)s"),
    "changed_by_api_key": SQL("a.actor_key = %(changed_by_api_key)s"),
    "action": SQL("a.action = %(action)s"),
    "table_name": SQL("a.table_name = %(table_name)s"),
    "object_id": SQL("a.object_id = %(object_id)s"),
    "start_date": SQL("a.updated_at >= %(start_date)s"),
    "end_date": SQL("a.updated_at <= %(end_date)s"),
    "object_team_id": SQL("strpos(a.object_team_id, %(object_team_id)s) > 0"),
    "object_key_hash": SQL("strpos(a.object_key_hash, %(object_key_hash)s) > 0"),
}
_ENTRY = SQL(
    "a.id, a.updated_at, a.action, a.table_name, a.object_id, a.actor, a.actor_key, a.actor_role, "
    "a.claim, a.command, a.position, a.before_value::text, a.updated_values::text"
)
_PAGE = SQL(
    """
    WITH page AS MATERIALIZED (
        SELECT a.position FROM read.audit_1 a WHERE {conditions}
        ORDER BY {order} LIMIT %(size)s OFFSET %(offset)s
    )
    SELECT {position},
        (SELECT count(*) FROM read.audit_1 a WHERE {conditions} AND a.position > %(counted)s),
        {entry}
    FROM (SELECT) one LEFT JOIN (page JOIN read.audit_1 a ON a.position = page.position) ON true
    ORDER BY {order}
    """
)
_MATCHING = SQL(
    "SELECT count(*) FROM read.audit_1 a WHERE {conditions} AND a.position <= %(until)s"
)
_NEXT = SQL(
    """
    SELECT {entry} FROM read.audit_1 a
    WHERE {conditions} AND a.position > %(after)s AND a.position <= %(until)s
    ORDER BY a.position LIMIT %(size)s
    """
)
_ONE = (
    SQL("SELECT {position}, {entry} FROM (SELECT) one LEFT JOIN read.audit_1 a ON a.id = %(id)s")
    .format(position=POSITION, entry=_ENTRY)
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """All given must hold; both dates are inclusive.

    `changed_by` is the authenticated user, not whom he claimed to act for. `object_team_id` and
    `object_key_hash` may be parts of one: they are looked for in every entry about a team, a key.
    """

    changed_by: str | None = None
    changed_by_api_key: str | None = None
    action: str | None = None
    table_name: str | None = None
    object_id: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    object_team_id: str | None = None
    object_key_hash: str | None = None


@dataclass(frozen=True, slots=True)
class AuditOrder:
    """By a column, and among equals by position; the newest first if not said otherwise."""

    column: SortColumn = "updated_at"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry: `columns` by the names of `edge.shapes.audit`, but for what is sealed.

    `claim` is whom the caller claimed to act for. The values of a user hold his e-mail address
    and his alias as `{"sealed": {...}}`.
    """

    columns: JsonObject
    claim: JsonObject | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries of the page; `total` counts all that match."""

    position: int
    total: int
    entries: list[AuditEntry]


async def audit_page(
    pool: Pool, totals: Totals, wanted: AuditFilter, order: AuditOrder, paging: Paging
) -> AuditPage:
    """One page, beyond the last one without entries."""
    counted, total = totals.known(wanted)
    given = _given(wanted)
    place = {"counted": counted, "size": paging.size, "offset": paging.offset}
    rows = await fetch(pool, _statement(frozenset(given), order), {**given, **place})
    position, news = rows[0][:2]
    totals.keep(wanted, position, total + news)
    entries = [entry for row in rows if (entry := _entry(row[2:])) is not None]
    return AuditPage(position, total + news, entries)


async def audit_entry(pool: Pool, entry_id: str) -> tuple[int, AuditEntry | None]:
    """Position and entry, None for an id that is unknown."""
    row = (await fetch(pool, _ONE, {"id": entry_id}))[0]
    return row[0], _entry(row[1:])


async def count_entries(pool: Pool, wanted: AuditFilter, until: int) -> int:
    """How many entries match up to a position: as many as `entries_until` yields."""
    statement = _counting(frozenset(_given(wanted)))
    return int((await fetch(pool, statement, {**_given(wanted), "until": until}))[0][0])


async def entries_until(
    pool: Pool, wanted: AuditFilter, until: int
) -> AsyncIterator[list[AuditEntry]]:
    """The entries up to a position, the oldest first, some at a time.

    Entries are never taken back, so no snapshot is needed: nothing is held between two pages.
    """
    statement, after = _following(frozenset(_given(wanted))), 0
    while True:
        place = {"after": after, "until": until, "size": EXPORTED_AT_ONCE}
        rows = await fetch(pool, statement, {**_given(wanted), **place})
        found = [entry for row in rows if (entry := _entry(row)) is not None]
        if found:
            yield found
        if len(rows) < EXPORTED_AT_ONCE:
            return
        after = found[-1].columns["position"]


def _given(wanted: AuditFilter) -> JsonObject:
    return {name: value for name, value in asdict(wanted).items() if value is not None}


def _conditions(given: frozenset[str]) -> Composable:
    conditions = [_CONDITIONS[name] for name in sorted(given)]
    return SQL(" AND ").join(conditions) if conditions else SQL("true")


@cache
def _counting(given: frozenset[str]) -> bytes:
    return _MATCHING.format(conditions=_conditions(given)).as_bytes()


@cache
def _following(given: frozenset[str]) -> bytes:
    return _NEXT.format(conditions=_conditions(given), entry=_ENTRY).as_bytes()


@cache
def _statement(given: frozenset[str], order: AuditOrder) -> bytes:
    direction = SQL("DESC" if order.descending else "ASC")
    return _PAGE.format(
        conditions=_conditions(given),
        order=SQL("{column} {direction}, a.position {direction}").format(
            column=_COLUMNS[order.column], direction=direction
        ),
        position=POSITION,
        entry=_ENTRY,
    ).as_bytes()


def _entry(row: Row) -> AuditEntry | None:
    *plain, claim, command, position, before, after = row
    if position is None:
        return None
    entry_id, updated_at, action, table_name, object_id, actor, actor_key, actor_role = plain
    columns = {
        "id": entry_id,
        "updated_at": updated_at,
        "action": action,
        "table_name": table_name,
        "object_id": object_id,
        "actor": actor,
        "actor_role": actor_role,
        "changed_by_api_key": actor_key,
        "command": command,
        "position": position,
        "before_value": orjson.loads(before),
        "updated_values": orjson.loads(after),
    }
    return AuditEntry(columns, claim)
