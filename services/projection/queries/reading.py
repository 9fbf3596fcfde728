"""How the read models are asked: prepared statements, binary rows, one snapshot per answer."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Literal

from services.database.connections import Pool
from services.projection.projectors import GROUP

Row = tuple[Any, ...]
Connection = psycopg.AsyncConnection[Row]
Parameters = Mapping[str, object]

POSITION = SQL("coalesce((SELECT position FROM read.groups WHERE name = {group}), 0)").format(
    group=Literal(GROUP)
)
"""The position of the rows that the same statement reads."""


async def fetch(
    pool: Pool, statement: bytes, parameters: Parameters, *, prepare: bool = False
) -> list[Row]:
    """The rows of one statement, in autocommit: one snapshot, one round trip.

    A prepared statement saves a millisecond of planning (see `keyed_conninfo`), but keeps its plan
    until PostgreSQL has analyzed a table that grew: it is for statements whose every step finds
    rows by a key.
    """
    async with pool.connection() as connection:
        return await run(connection, statement, parameters, prepare=prepare)


async def run(
    connection: Connection, statement: bytes, parameters: Parameters, *, prepare: bool = False
) -> list[Row]:
    """The rows of one statement within whatever transaction the connection is in."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(statement, parameters, prepare=prepare)
    return await cursor.fetchall()


def text_size(row: Row) -> int:
    """How long the texts in it are together: what comes of them takes a few times as much."""
    return sum(len(value) for value in row if isinstance(value, str))


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection on which all statements see the same moment; nothing can be written.

    The session ends when it idles for 2 seconds: read at full speed, never at a client's.
    """
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection


async def chunks(
    connection: Connection, statement: bytes, parameters: Parameters, size: int
) -> AsyncGenerator[list[Row], None]:
    """The rows of a large result, `size` at a time, by a cursor of the server.

    Whoever may stop half-way closes it (contextlib.aclosing), while the connection is his.
    """
    async with connection.cursor(name="chunks", binary=True) as cursor:
        await cursor.execute(statement, parameters)
        while rows := await cursor.fetchmany(size):
            yield rows


@dataclass(frozen=True, slots=True)
class Paging:
    """Page `number` from 1, of `size` rows."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * self.size

    def pages(self, total: int) -> int:
        """How many pages it takes; 0 for nothing."""
        return -(-total // self.size)


class Totals:
    """How many rows a filter matched at a position: a count is not repeated while nothing moves."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._known: OrderedDict[object, tuple[int, int]] = OrderedDict()
        self._capacity = capacity

    def known(self, of: object) -> tuple[int, int]:
        """Position and total as last counted; position -1 if it never was."""
        return self._known.get(of, (-1, 0))

    def keep(self, of: object, position: int, total: int) -> None:
        """Remember a count, unless one of a later position is known."""
        if position >= self.known(of)[0]:
            self._known[of] = position, total
            self._known.move_to_end(of)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
