"""What differs between the live tables and their shadows, found before anything is swapped.

Only keys and names of columns are told: the rows of users hold personal data.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncCursor
from psycopg.sql import SQL, Composable, Identifier

from services.projection.rows import Table
from services.projection.shadow import SHADOWS
from services.projection.statements import SCHEMA

SHOWN = 20
_DIFFERING = """
SELECT {key}, l IS NULL, s IS NULL, ARRAY(
    SELECT a.key FROM jsonb_each(to_jsonb(l)) a JOIN jsonb_each(to_jsonb(s)) b USING (key)
    WHERE a.value IS DISTINCT FROM b.value ORDER BY 1
) FROM {live} l FULL JOIN {shadow} s USING ({key})
WHERE l::text IS DISTINCT FROM s::text ORDER BY {key} LIMIT %s
"""
_COUNTED = """
SELECT count(*) FILTER (WHERE l IS NULL), count(*) FILTER (WHERE s IS NULL), count(*)
FROM {live} l FULL JOIN {shadow} s USING ({key}) WHERE l::text IS DISTINCT FROM s::text
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same in both: where it is, or in which columns it differs."""

    key: tuple[Any, ...]
    columns: tuple[str, ...]
    only: str | None = None
    """`live` or `shadow`, where the other table has no such row."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table and its shadow at the same position: number of rows and a sum over their texts.

    `missing` rows stand in the shadow alone, `surplus` ones in the live table alone; `changed` ones
    differ. `rows` are the first of all these, by key.
    """

    table: str
    live: tuple[int, int]
    shadow: tuple[int, int]
    missing: int = 0
    surplus: int = 0
    changed: int = 0
    rows: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        return self.live == self.shadow


async def compare(cursor: AsyncCursor[Any], table: Table, shown: int = SHOWN) -> Comparison:
    """To be called in a snapshot where both stand at the same position."""
    names: dict[str, Composable] = {
        "live": Identifier(SCHEMA, table.name),
        "shadow": Identifier(*SHADOWS.named(table.name)),
        "key": SQL(", ").join(Identifier(name) for name in table.key),
    }
    live = await _checksum(cursor, names["live"])
    shadow = await _checksum(cursor, names["shadow"])
    if live == shadow:
        return Comparison(table.name, live, shadow)
    await cursor.execute(SQL(_COUNTED).format(**names))
    [(missing, surplus, all_of_them)] = await cursor.fetchall()
    await cursor.execute(SQL(_DIFFERING).format(**names), (shown,))
    rows = tuple(_difference(*row) for row in await cursor.fetchall())
    changed = all_of_them - missing - surplus
    return Comparison(table.name, live, shadow, missing, surplus, changed, rows)


def _difference(*row: Any) -> Difference:  # noqa: ANN401
    *key, not_live, not_shadow, columns = row
    only = "shadow" if not_live else "live" if not_shadow else None
    return Difference(tuple(key), tuple(columns), only)


async def _checksum(cursor: AsyncCursor[Any], name: Composable) -> tuple[int, int]:
    await cursor.execute(
        SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {} t").format(
            name
        )
    )
    row = await cursor.fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
