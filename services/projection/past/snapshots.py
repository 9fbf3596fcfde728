"""Snapshots: what a long stream had come to after one of its facts, as rows of the read models.

They are a shortcut, never a source: without them everything is folded from the first fact. None is
taken for what it is not: the fact has to be the one it was made after, the shape the program's.
"""

import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from psycopg.sql import SQL, Identifier

from events.streams import KEY, ORGANIZATION, TEAM, kind_and_id
from services.database.connections import Pool
from services.projection.past.tables import FOLDED, TABLES
from services.projection.queries.reading import Connection, fetch, run

KINDS = (TEAM, KEY, ORGANIZATION)
"""Not of users, whose rows hold personal data in the clear, nor of budgets, which change rarely."""

_REVISION = 1
"""To be counted up with a change of what a projector makes of the same facts."""

SHAPE = sha256(
    orjson.dumps([_REVISION, *((t.name, dict(t.key), dict(t.columns)) for t in TABLES)])
).hexdigest()[:16]
"""Of the rows that the program makes and reads."""

_NO_END = 2**62
_NEAREST = b"""
SELECT stream, max(version) FILTER (WHERE position <= %(position)s),
    min(version) FILTER (WHERE position > %(position)s)
FROM ops.snapshots WHERE stream = ANY (%(names)s::text[]) AND shape = %(shape)s GROUP BY stream
"""
_LOAD = b"""
SELECT s.stream, s.version, s.position, s.rows
FROM unnest(%(names)s::text[], %(versions)s::bigint[]) q (stream, version)
JOIN ops.snapshots s USING (stream, version)
JOIN events.stored_events e ON e.originator_id = s.stream AND e.originator_version = s.version
WHERE s.shape = %(shape)s AND convert_from(e.state, 'UTF8')::json->>'id' = s.event_id
"""
_SAVE = b"""
INSERT INTO ops.snapshots (stream, version, position, event_id, shape, rows)
VALUES (%(stream)s, %(version)s, %(position)s, %(event_id)s, %(shape)s, %(rows)s)
ON CONFLICT (stream, version) DO UPDATE SET position = EXCLUDED.position,
    event_id = EXCLUDED.event_id, shape = EXCLUDED.shape, rows = EXCLUDED.rows
"""
_TAKE = SQL("SELECT json_agg(t)::text FROM pg_temp.{name} t WHERE t.{column} = %(id)s")
_PUT = SQL(
    "INSERT INTO pg_temp.{name} SELECT * FROM json_populate_recordset(NULL::pg_temp.{name}, %s)"
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows by table, as JSON; `version` and `position` are those of the last fact in them."""

    stream: str
    version: int
    position: int
    rows: Mapping[str, str]

    async def put(self, connection: Connection) -> None:
        """Into the tables of the past, which hold nothing of the thing yet."""
        for name, rows in self.rows.items():
            await connection.execute(_PUT.format(name=Identifier(name)), (rows,))


@dataclass(frozen=True, slots=True)
class Span:
    """Which facts of a stream remain to be folded: after the snapshot, below version `upto`."""

    snapshot: Snapshot | None = None
    upto: int = _NO_END


async def spans_of(events: Pool, names: Sequence[str], position: int) -> list[Span]:
    """Of each stream, in this order, what remains up to a position."""
    asked = [name for name in names if kind_and_id(name)[0] in KINDS]
    parameters = {"names": asked, "position": position, "shape": SHAPE}
    nearest = await fetch(events, _NEAREST, parameters) if asked else []
    before = {name: version for name, version, _ in nearest if version is not None}
    after = {name: version for name, _, version in nearest if version is not None}
    loaded = await _loaded(events, before) if before else {}
    return [Span(loaded.get(name), after.get(name, _NO_END)) for name in names]


async def _loaded(events: Pool, versions: Mapping[str, int]) -> dict[str, Snapshot]:
    parameters = {"names": list(versions), "versions": list(versions.values()), "shape": SHAPE}
    rows = await fetch(events, _LOAD, parameters)
    found: dict[str, Snapshot] = {}
    for name, version, position, packed in rows:
        with suppress(zlib.error, orjson.JSONDecodeError):  # whatever is no snapshot is none
            unpacked = orjson.loads(zlib.decompress(packed))
            found[name] = Snapshot(name, version, position, unpacked)
    return found


async def take(connection: Connection, name: str) -> Mapping[str, str]:
    """The rows of a stream out of the tables of the past."""
    kind, identity = kind_and_id(name)
    found: dict[str, str] = {}
    for table, (of, column) in FOLDED.items():
        if of == kind:
            statement = _TAKE.format(name=Identifier(table), column=Identifier(column))
            [(rows,)] = await run(connection, statement.as_bytes(), {"id": identity})
            if rows is not None:
                found[table] = rows
    return found


async def save(events: Pool, snapshot: Snapshot, event_id: str) -> None:
    """Keep it; another one at its place goes."""
    parameters: dict[str, Any] = {
        "stream": snapshot.stream,
        "version": snapshot.version,
        "position": snapshot.position,
        "event_id": event_id,
        "shape": SHAPE,
        "rows": zlib.compress(orjson.dumps(dict(snapshot.rows)), 1),
    }
    async with events.connection() as connection:
        await connection.execute(_SAVE, parameters)
