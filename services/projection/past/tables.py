"""The tables of the past: questions to the read models answered from what these held then.

A row is what it was then if its stream has no fact since; rows of streams that have were folded
anew, into temporary tables of the same shape. So each statement is given the tables that it names
as the rows of both. It asks as it always does, and cannot tell the difference.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Self, cast
from weakref import WeakSet

import psycopg
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Composable, Identifier

from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER
from services.database.connections import Pool
from services.projection.projectors import (
    GROUP,
    budgets,
    keys,
    memberships,
    organization_members,
    organizations,
    teams,
    users,
)
from services.projection.queries.reading import Connection, Row, run

TABLES = (
    *(teams.TABLE, memberships.TABLE, users.TABLE, keys.TABLE),
    *(organizations.TABLE, organization_members.TABLE, budgets.TABLE),
)

FOLDED = {
    "teams_1": (TEAM, "team_id"),
    "memberships_1": (TEAM, "team_id"),
    "users_1": (USER, "user_id"),
    "keys_1": (KEY, "token"),
    "organizations_1": (ORGANIZATION, "organization_id"),
    "organization_members_1": (ORGANIZATION, "organization_id"),
    "budgets_1": (BUDGET, "budget_id"),
}
"""Tables whose rows change, with the kind of stream they are of, and the column of its id."""

_ADDED = ("budget_periods_1", "spend_marks_1", "audit_1")
"""Tables whose rows are put once, at a position, and stay."""

_NAMED = re.compile(rb"(?<![\w'.])read\.(\w+)")
_WRITTEN = re.compile(rb'"read"\."(\w+)"')
_WITH = re.compile(rb"\s*WITH\s+(RECURSIVE\s+)?", re.IGNORECASE)
_MAKE = """
CREATE TEMPORARY TABLE IF NOT EXISTS groups (name text, position bigint);
CREATE TEMPORARY TABLE IF NOT EXISTS touched (
    kind text, id text COLLATE "C", PRIMARY KEY (kind, id)
);
"""
_SHAPED = SQL(
    "CREATE TEMPORARY TABLE IF NOT EXISTS {name} "
    "(LIKE read.{name} INCLUDING DEFAULTS, PRIMARY KEY ({key}));"
)
_INDEXES = """
CREATE INDEX IF NOT EXISTS keys_team ON pg_temp.keys_1 (team_id, team_incarnation);
CREATE INDEX IF NOT EXISTS keys_user ON pg_temp.keys_1 (user_id);
CREATE INDEX IF NOT EXISTS memberships_user ON pg_temp.memberships_1 (user_id);
"""
_BEGIN = b"""
WITH settings AS MATERIALIZED (
    SELECT set_config('idle_in_transaction_session_timeout', '20s', true),
        set_config('jit', 'off', true)
)
INSERT INTO pg_temp.groups SELECT %(name)s, %(position)s FROM settings
"""
MOST_LEFT_BEHIND = 4 * 1024 * 1024
"""Bytes that rows which were rolled back may take up in the tables of a session."""

_NAMES = [f"pg_temp.{name}" for name in ("groups", "touched", *FOLDED)]
_LEFT_BEHIND = b"""
SELECT pg_relation_size('pg_temp.users_1'), sum(pg_relation_size(name::regclass))::bigint
FROM unnest(%(names)s::text[]) t (name)
"""
_CLEAR = f"TRUNCATE {', '.join(_NAMES)}"
_LEFT = (
    "SELECT l.* FROM read.{name} l WHERE NOT EXISTS (SELECT FROM pg_temp.touched x "
    "WHERE x.kind = '{kind}' AND x.id = l.{column}) UNION ALL SELECT * FROM pg_temp.{name}"
)
_UP_TO = "SELECT * FROM read.{name} WHERE position <= (SELECT g.position FROM pg_temp.groups g)"
_SOURCES = {
    "groups": "SELECT * FROM pg_temp.groups",
    **{name: _UP_TO.format(name=name) for name in _ADDED},
    **{
        name: _LEFT.format(name=name, kind=kind, column=column)
        for name, (kind, column) in FOLDED.items()
    },
}


_prepared: "WeakSet[Connection]" = WeakSet()
"""Connections whose sessions have the tables."""


class _Asking(psycopg.AsyncCursor[Row]):
    """A cursor that asks the past; statements that name no table of the past are as they were."""

    async def execute(self, query: Any, *args: Any, **options: Any) -> Self:  # noqa: ANN401
        return await super().execute(_asking(self, query), *args, **options)


class _AskingByPortions(psycopg.AsyncServerCursor[Row]):
    """The same for a cursor of the server."""

    async def execute(self, query: Any, *args: Any, **options: Any) -> Self:  # noqa: ANN401
        return await super().execute(_asking(self, query), *args, **options)


class Writing(psycopg.AsyncCursor[Row]):
    """A cursor by which projectors write rows of the past: into the temporary tables."""

    async def execute(self, query: Any, *args: Any, **options: Any) -> Self:  # noqa: ANN401
        text = _WRITTEN.sub(rb'pg_temp."\1"', _text(self, query))
        return await super().execute(text, *args, **options)


class Held:
    """One connection, in the place of a pool: whoever asks it, asks the past on this one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[Connection]:  # noqa: ARG002, ASYNC109
        yield self._connection

    @property
    def pool(self) -> Pool:
        """As it is handed to questions, which want nothing of a pool but connections."""
        return cast("Pool", self)


@asynccontextmanager
async def empty(pool: Pool, position: int) -> AsyncIterator[Connection]:
    """A connection in one snapshot, with empty tables of the past as of a position."""
    async with pool.connection() as connection:
        if connection not in _prepared:
            await _make(connection)
            _prepared.add(connection)
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        try:
            async with connection.transaction(force_rollback=True):
                begun = {"name": GROUP, "position": position}
                await connection.execute(_BEGIN, begun, prepare=True)
                yield connection
        finally:
            await _reset(connection)


async def _reset(connection: Connection) -> None:
    """The next who gets it from the pool is asked about nothing of this; a broken one goes.

    Nothing was committed, so the tables are empty; their files are not.
    """
    if connection.closed or connection.info.transaction_status != TransactionStatus.IDLE:
        await connection.close()
        return
    await connection.set_isolation_level(None)
    [(personal, everything)] = await run(connection, _LEFT_BEHIND, {"names": _NAMES}, prepare=True)
    if everything > MOST_LEFT_BEHIND:
        await connection.execute(_CLEAR)
    elif personal:
        await connection.execute("TRUNCATE pg_temp.users_1")


@asynccontextmanager
async def asked(connection: Connection) -> AsyncIterator[Held]:
    """The same, filled by now, as what questions to read models are put to."""
    cursors = connection.cursor_factory, connection.server_cursor_factory
    connection.cursor_factory, connection.server_cursor_factory = _Asking, _AskingByPortions
    try:
        yield Held(connection)
    finally:
        connection.cursor_factory, connection.server_cursor_factory = cursors


async def _make(connection: Connection) -> None:
    """Once for each session; what is written into them is never committed."""
    async with connection.transaction():
        await connection.execute(_MAKE)
        for table in TABLES:
            key = SQL(", ").join(map(Identifier, table.key))
            await connection.execute(_SHAPED.format(name=Identifier(table.name), key=key))
        await connection.execute(_INDEXES)


def _text(cursor: psycopg.AsyncCursor[Any], query: Any) -> bytes:  # noqa: ANN401
    if isinstance(query, Composable):
        return query.as_bytes(cursor)
    return query.encode() if isinstance(query, str) else bytes(query)


def _asking(cursor: psycopg.AsyncCursor[Any], query: Any) -> bytes:  # noqa: ANN401
    return rewritten(_text(cursor, query))


@lru_cache(maxsize=500)
def rewritten(statement: bytes) -> bytes:
    """The same question to the past; raises KeyError where it names a table that has none."""
    names = list(dict.fromkeys(name.decode() for name in _NAMED.findall(statement)))
    if not names:
        return statement
    parts = (f"past_{name} AS NOT MATERIALIZED ({_SOURCES[name]})" for name in names)
    sources = ", ".join(parts).encode()
    rest = _NAMED.sub(rb"past_\1", statement)
    given = _WITH.match(rest)
    if given is None:
        return b"WITH " + sources + b" " + rest
    recursive = b"RECURSIVE " if given[1] else b""
    return b"WITH " + recursive + sources + b", " + rest[given.end() :]
