"""Shadow tables: tables of the same shape beside the live ones, to be filled and swapped in."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import AsyncCursor
from psycopg.sql import SQL, Composable, Identifier

from services.projection.filling.job import SPANS, Place
from services.projection.rows import Table
from services.projection.statements import SCHEMA

SHADOWS = Place()
SUFFIX = SHADOWS.suffix


async def exist(cursor: AsyncCursor[Any], tables: Sequence[Table]) -> bool:
    """Whether every table has a shadow, and it is known how far they are filled."""
    names = [*(f"{table.name}{SUFFIX}" for table in tables), SPANS]
    await cursor.execute(
        "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = ANY (%s)",
        (SCHEMA, names),
    )
    row = await cursor.fetchone()
    return row is not None and row[0] == len(names)


async def create(cursor: AsyncCursor[Any], tables: Sequence[Table], place: Place = SHADOWS) -> None:
    """Make empty tables of the shape of the live ones, without any index: `index` makes these.

    Rights come from the default privileges of the schema's owner.
    """
    await drop(cursor, tables, place)
    for table in tables:
        make = "CREATE TABLE {shadow} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES)"
        await _run(cursor, make, table, place)


async def index(cursor: AsyncCursor[Any], tables: Sequence[Table], place: Place = SHADOWS) -> None:
    """Give them, now that they are full, key, indexes and statistics of the live tables.

    Raises psycopg's UniqueViolation where two rows claim one key: the log is not what it must be.
    """
    for table in tables:
        if not await _has_key(cursor, table, place):
            key = "ALTER TABLE {shadow} ADD CONSTRAINT {key_name} PRIMARY KEY ({key})"
            await _run(cursor, key, table, place)
        shadow = _names(table, place)["shadow"]
        for name, kind, definition in await _indexes(cursor, table.name):
            await cursor.execute(
                SQL("CREATE {} IF NOT EXISTS {} ON {} USING {}").format(
                    SQL(kind), Identifier(name + place.suffix), shadow, SQL(definition)
                )
            )
        await _run(cursor, "ANALYZE {shadow}", table, place)


async def drop(cursor: AsyncCursor[Any], tables: Sequence[Table], place: Place = SHADOWS) -> None:
    """Remove the tables there, if there are any."""
    for table in tables:
        await _run(cursor, "DROP TABLE IF EXISTS {shadow}", table, place)


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


async def _has_key(cursor: AsyncCursor[Any], table: Table, place: Place) -> bool:
    await cursor.execute(
        "SELECT count(*) FROM pg_tables t JOIN pg_indexes i USING (schemaname, tablename) "
        "WHERE schemaname = %s AND tablename = %s AND indexname = %s",
        (*place.named(table.name), f"{table.name}_pkey{place.suffix}"),
    )
    return await cursor.fetchall() == [(1,)]


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


def _names(table: Table, place: Place = SHADOWS) -> dict[str, Composable]:
    return {
        "schema": Identifier(SCHEMA),
        "name": Identifier(table.name),
        "live": Identifier(SCHEMA, table.name),
        "shadow": Identifier(*place.named(table.name)),
        "key": SQL(", ").join(Identifier(name) for name in table.key),
        "live_key_name": Identifier(f"{table.name}_pkey"),
        "key_name": Identifier(f"{table.name}_pkey{place.suffix}"),
    }


async def _run(
    cursor: AsyncCursor[Any], statement: LiteralString, table: Table, place: Place = SHADOWS
) -> None:
    await cursor.execute(SQL(statement).format(**_names(table, place)))
