"""A small table in schema `read`, to see what pending rows do to a real one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from services.database.connections import owner_conninfo
from services.projection.rows import Rows, Table

THINGS = Table(
    "things_1",
    key={"place": "text", "number": "bigint"},
    columns={"note": "text", "amount": "bigint", "document": "jsonb"},
)
CREATE = """
CREATE SCHEMA IF NOT EXISTS read;
CREATE TABLE read.things_1 (
    place text COLLATE "C", number bigint, note text, amount bigint, document jsonb,
    PRIMARY KEY (place, number)
)
"""
State = dict[tuple[str, int], dict[str, Any]]


@contextmanager
def things(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database with the table, empty."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        conn.execute(CREATE)
        yield conn


async def write(url: str, batches: Sequence[Rows]) -> None:
    """Write one after the other, each in a transaction of its own."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        for rows in batches:
            async with conn.transaction():
                await rows.write(conn.cursor())


def state(conn: psycopg.Connection[Any]) -> State:
    """The whole table by key."""
    found = conn.execute("SELECT place, number, note, amount, document FROM read.things_1")
    return {
        (place, number): {"note": note, "amount": amount, "document": document}
        for place, number, note, amount, document in found
    }
