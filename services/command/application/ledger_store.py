"""The tables of the ledger, as the writer uses them: schema `usage` (decision 010)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg
from psycopg.types.json import Json
from psycopg_pool import AsyncConnectionPool

from services.command.application.usage_places import Reading, move
from services.command.domain.usage import Series

_SERIES = "SELECT digest, series FROM usage.series_for(%s)"
_KNOWN_SERIES = "SELECT digest, series FROM usage.series WHERE digest = ANY (%s)"
_ORIGINALS = """
SELECT s.id, r.series, r.started_at
FROM usage.seen s JOIN usage.records r USING (position) WHERE s.id = ANY (%s)
"""
_SEEN = "SELECT id, payload FROM usage.seen WHERE id = ANY (%s)"
_WAITING = "SELECT id FROM usage.quarantine WHERE id = ANY (%s)"
_APPEND = """
SELECT head, repeated_at, repeated_payloads FROM usage.append(
    %b::bytea[], %b::bytea[], %t::bigint[], %b::timestamptz[], %b::timestamptz[], %t::numeric[],
    %t::bigint[], %t::bigint[], %t::bigint[], %t::bigint[], %t::smallint[], %b::text[],
    %b::text[], %b::uuid[], %b::timestamptz)
"""
_QUARANTINE = """
INSERT INTO usage.quarantine (id, source, request_id, reason, payload, received_at)
SELECT q.id, q.source, q.request_id, q.reason, q.payload::jsonb, %s
FROM unnest(%b::bytea[], %b::text[], %b::text[], %b::text[], %b::text[])
    AS q(id, source, request_id, reason, payload)
ON CONFLICT DO NOTHING
"""


class Line(NamedTuple):
    """One row of the ledger before it has a position; the order is that of `usage.append`."""

    id: bytes
    payload: bytes
    series: int
    started_at: datetime
    ended_at: datetime | None
    cost: Decimal
    prompt_tokens: int
    completion_tokens: int
    cache_read_tokens: int
    cache_creation_tokens: int
    outcome: int
    request_id: str
    corrects: str | None


_NUMBERS = {"series", "cost", "outcome", *(name for name in Line._fields if "tokens" in name)}


class Withheld(NamedTuple):
    """What waits in quarantine, and why."""

    id: bytes
    source: str
    request_id: str
    reason: str
    payload: str


class Original(NamedTuple):
    """What a correction takes over from the record it corrects."""

    series: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Appended:
    """Where the ledger ends, and the payloads that count for lines that were known already."""

    head: int
    repeated: Mapping[int, bytes] = field(default_factory=dict)


class LedgerStore:
    """Every method is one transaction; all of them may be repeated after a lost connection."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def series(self, wanted: Mapping[bytes, Series]) -> dict[bytes, int]:
        """The number of each series by its digest; those that are not there yet come to be."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_KNOWN_SERIES, (list(wanted),), binary=True)
            found = dict(await cursor.fetchall())
            missing = [(d, s) for d, s in wanted.items() if d not in found]
            if missing:
                described = [_described(digest, series) for digest, series in missing]
                cursor = await conn.execute(_SERIES, (Json(described, orjson.dumps),), binary=True)
                found.update(await cursor.fetchall())
        return found

    async def originals(self, ids: Iterable[bytes]) -> dict[bytes, Original]:
        """Series and start of the records that were booked under these ids."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_ORIGINALS, (list(ids),), binary=True)
            return {key: Original(*rest) for key, *rest in await cursor.fetchall()}

    async def seen(self, ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """The payloads that count for those of the ids that were booked."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_SEEN, (list(ids),), binary=True)
            return dict(await cursor.fetchall())

    async def waiting(self, ids: Iterable[bytes]) -> frozenset[bytes]:
        """Which of the ids wait in quarantine."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_WAITING, (list(ids),), binary=True)
            return frozenset(row[0] for row in await cursor.fetchall())

    async def append(
        self, lines: Collection[Line], released: Sequence[UUID], now: datetime
    ) -> Appended:
        """Book the lines that are new, all or none; `released` reservations end with them."""
        async with self._pool.connection() as conn:
            return await _append(conn, lines, released, now)

    async def withhold(self, withheld: Sequence[Withheld], now: datetime) -> None:
        """Keep these until somebody books them; known ones stay as they are."""
        async with self._pool.connection() as conn:
            await _withhold(conn, withheld, now)

    async def append_read(
        self,
        lines: Collection[Line],
        released: Sequence[UUID],
        withheld: Sequence[Withheld],
        reading: Reading,
        now: datetime,
    ) -> Appended:
        """All of that in one transaction, which says as well that this was read of a topic.

        Raises PlaceLost, and nothing is kept, where somebody else has read it.
        """
        async with self._pool.connection() as conn, conn.transaction():
            await move(conn, reading, now)  # before the ledger's lock: others need not wait for it
            if withheld:
                await _withhold(conn, withheld, now)
            return await _append(conn, lines, released, now)


async def _append(
    conn: psycopg.AsyncConnection[Any],
    lines: Collection[Line],
    released: Sequence[UUID],
    now: datetime,
) -> Appended:
    columns = zip(*lines, strict=True) if lines else [()] * len(Line._fields)
    given = [_array(name, column) for name, column in zip(Line._fields, columns, strict=True)]
    async with conn.cursor(binary=True) as cursor:
        await cursor.execute(_APPEND, (*given, list(released), now), prepare=True)
        row = await cursor.fetchone()
    if row is None:
        raise psycopg.DataError("usage.append returned nothing")
    head, places, payloads = row
    return Appended(head, dict(zip(places or (), payloads or (), strict=True)))


async def _withhold(
    conn: psycopg.AsyncConnection[Any], withheld: Sequence[Withheld], now: datetime
) -> None:
    columns = [list(column) for column in zip(*withheld, strict=True)]
    await conn.execute(_QUARANTINE, (now, *columns))


def _array(name: str, column: tuple[Any, ...]) -> object:
    """Numbers as text: the server reads them fast, and psycopg is slow at packing them."""
    return f"{{{','.join(map(str, column))}}}" if name in _NUMBERS else list(column)


def _described(digest: bytes, series: Series) -> dict[str, object]:
    to = series.attribution
    return {
        "digest": digest.hex(),
        "accounts": series.accounts(),
        "source": series.source,
        "organization_id": to.organization.id if to.organization else None,
        "organization_alias": to.organization.alias if to.organization else None,
        "team_id": series.team_id,
        "team_alias": to.team.alias if to.team else None,
        "user_id": series.user_id,
        "key_hash": series.key_hash,
        "key_alias": to.key.alias if to.key else None,
        "model_name": series.model,
        "model_group": series.model_group,
        "provider": series.provider,
        "endpoint": series.endpoint,
        "mcp_tool": series.mcp_tool,
        "tags": series.tags,
        "unattributed": to.unattributed,
    }
