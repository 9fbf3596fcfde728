"""Shadow tables: tables of the same shape beside the live ones, to be filled, compared, swapped."""

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
    """Make empty shadows with nothing but their key; `index` gives them the other indexes.

    Rights come from the default privileges of the schema's owner.
    """
    await drop(cursor, tables)
    for table in tables:
        await _run(
            cursor,
            "CREATE TABLE {shadow} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES, "
            "CONSTRAINT {key_name} PRIMARY KEY ({key}))",
            table,
        )


async def index(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> None:
    """Give the shadows, now that they are full, the indexes of the live tables, and statistics."""
    for table in tables:
        for name, kind, definition in await _indexes(cursor, table.name):
            await cursor.execute(
                SQL("CREATE {} IF NOT EXISTS {} ON {} USING {}").format(
                    SQL(kind), Identifier(name + SUFFIX), _names(table)["shadow"], SQL(definition)
                )
            )
        await _run(cursor, "ANALYZE {shadow}", table)


async def drop(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> None:
    """Remove the shadows, there or not."""
    for table in tables:
        await _run(cursor, "DROP TABLE IF EXISTS {shadow}", table)


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
        indexes = await _indexes(cursor, table.name)
        await _run(cursor, "DROP TABLE {live}", table)
        await _run(cursor, "ALTER TABLE {shadow} RENAME TO {name}", table)
        await _run(cursor, "ALTER INDEX {schema}.{key_name} RENAME TO {live_key_name}", table)
        for name, _, _ in indexes:
            await cursor.execute(
                SQL("ALTER INDEX {} RENAME TO {}").format(
                    Identifier(SCHEMA, name + SUFFIX), Identifier(name)
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
        "SELECT {key} FROM {live} l FULL JOIN {shadow} s USING ({key}) "
        "WHERE l::text IS DISTINCT FROM s::text ORDER BY {key} LIMIT {most}"
    )
    await cursor.execute(query.format(**_names(table), most=KEYS_SHOWN))
    return await cursor.fetchall()


async def _indexes(cursor: AsyncCursor[Any], table: str) -> list[tuple[str, str, str]]:
    """A table's indexes but for its key: name, kind, and what they are (`btree (team_id) ...`)."""
    await cursor.execute(
        """
        SELECT i.relname, CASE WHEN x.indisunique THEN 'UNIQUE INDEX' ELSE 'INDEX' END,
            split_part(pg_get_indexdef(i.oid), ' USING ', 2)
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
        WHERE x.indrelid = %s::regclass AND NOT x.indisprimary
        """,
        (f"{SCHEMA}.{table}",),
    )
    return await cursor.fetchall()


def _names(table: Table) -> dict[str, Composable]:
    return {
        "schema": Identifier(SCHEMA),
        "name": Identifier(table.name),
        "live": Identifier(SCHEMA, table.name),
        "shadow": Identifier(SCHEMA, table.name + SUFFIX),
        "key": SQL(", ").join(Identifier(name) for name in table.key),
        "live_key_name": Identifier(f"{table.name}_pkey"),
        "key_name": Identifier(f"{table.name}_pkey{SUFFIX}"),
    }


async def _run(cursor: AsyncCursor[Any], statement: LiteralString, table: Table) -> None:
    await cursor.execute(SQL(statement).format(**_names(table)))
