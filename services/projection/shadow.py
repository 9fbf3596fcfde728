"""Shadow tables: tables of the same shape beside the live ones, to be filled, compared, swapped."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import AsyncCursor
from psycopg.sql import SQL, Composable, Identifier

from services.projection.rows import Table
from services.projection.statements import SCHEMA

SUFFIX = "#rebuild"
KEYS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table and its shadow at the same position: number of rows and a sum over their texts.

    `keys` are up to 20 keys of rows that differ or stand on one side only.
    """

    table: str
    live: tuple[int, int]
    shadow: tuple[int, int]
    keys: list[tuple[Any, ...]]

    @property
    def equal(self) -> bool:
        return self.live == self.shadow


async def exist(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> bool:
    """Whether every table has a shadow."""
    names = [f"{table.name}{SUFFIX}" for table in tables]
    await cursor.execute(
        "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = ANY (%s)",
        (SCHEMA, names),
    )
    row = await cursor.fetchone()
    return row is not None and row[0] == len(names)


async def create(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> None:
    """Make empty shadows. Rights come from the schema's default privileges for its owner."""
    await drop(cursor, tables)
    for table in tables:
        await _run(cursor, "CREATE TABLE {shadow} (LIKE {live} INCLUDING ALL)", table)


async def drop(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> None:
    """Remove the shadows, there or not."""
    for table in tables:
        await _run(cursor, "DROP TABLE IF EXISTS {shadow}", table)


async def analyze(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> None:
    """A table that has just been filled has no statistics to plan by."""
    for table in tables:
        await _run(cursor, "ANALYZE {shadow}", table)


async def compare(cursor: AsyncCursor[Any], table: Table) -> Comparison:
    """To be called in a snapshot where both stand at the same position."""
    live = await _checksum(cursor, _names(table)["live"])
    shadow = await _checksum(cursor, _names(table)["shadow"])
    keys = [] if live == shadow else await _differing(cursor, table)
    return Comparison(table.name, live, shadow, keys)


async def swap(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> None:
    """Put the shadows in the place of the live tables, under the names of tables and indexes.

    All locks are taken first; raises psycopg's LockNotAvailable when `lock_timeout` is over.
    """
    for table in tables:
        await _run(cursor, "LOCK TABLE {live}, {shadow} IN ACCESS EXCLUSIVE MODE", table)
    for table in tables:
        live = await _indexes(cursor, table.name)
        shadow = await _indexes(cursor, table.name + SUFFIX)
        await _run(cursor, "DROP TABLE {live}", table)
        await _run(cursor, "ALTER TABLE {shadow} RENAME TO {name}", table)
        for definition, names in shadow.items():
            for name, wanted in zip(names, live[definition], strict=True):
                await cursor.execute(
                    SQL("ALTER INDEX {} RENAME TO {}").format(
                        Identifier(SCHEMA, name), Identifier(wanted)
                    )
                )


async def _checksum(cursor: AsyncCursor[Any], name: Composable) -> tuple[int, int]:
    await cursor.execute(
        SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {} t").format(
            name
        )
    )
    row = await cursor.fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def _differing(cursor: AsyncCursor[Any], table: Table) -> list[tuple[Any, ...]]:
    query = SQL(
        "SELECT {keys} FROM {live} l FULL JOIN {shadow} s USING ({keys}) "
        "WHERE l::text IS DISTINCT FROM s::text ORDER BY {keys} LIMIT {most}"
    )
    keys = SQL(", ").join(Identifier(name) for name in table.key)
    await cursor.execute(query.format(**_names(table), keys=keys, most=KEYS_SHOWN))
    return await cursor.fetchall()


async def _indexes(cursor: AsyncCursor[Any], table: str) -> dict[tuple[bool, str], list[str]]:
    """Names of a table's indexes by what they are, whatever they are called."""
    await cursor.execute(
        """
        SELECT i.relname, x.indisunique, pg_get_indexdef(x.indexrelid)
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE n.nspname = %s AND t.relname = %s ORDER BY i.relname
        """,
        (SCHEMA, table),
    )
    found: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for name, unique, definition in await cursor.fetchall():
        found[unique, definition.partition(" USING ")[2]].append(name)
    return found


def _names(table: Table) -> dict[str, Composable]:
    return {
        "live": Identifier(SCHEMA, table.name),
        "shadow": Identifier(SCHEMA, table.name + SUFFIX),
        "name": Identifier(table.name),
    }


async def _run(cursor: AsyncCursor[Any], statement: LiteralString, table: Table) -> None:
    await cursor.execute(SQL(statement).format(**_names(table)))
