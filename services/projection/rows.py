"""Rows of one table on their way from facts to PostgreSQL.

A batch of facts is folded here in memory and written by few set-based statements. Whatever the
order and the number of operations, and wherever a batch is cut, the table ends as if they had
been applied one by one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from psycopg import AsyncCursor
from psycopg.types.json import Json, set_json_dumps

from services.projection.pending import GONE, Changed, Pending, Shape, Whole
from services.projection.statements import SCHEMA, Columns, Statements

Key = tuple[Any, ...]
Settled = dict[Key, dict[str, Any]]
"""Rows in full: the columns beside the key, by key; one that is missing is NULL."""
CHUNK = 1_000


@dataclass(frozen=True, eq=False)
class Table:
    """A table of schema `read`: its versioned name, its key and other columns with SQL types.

    Rows of an `append_only` table are put once and never touched again.
    """

    name: str
    key: Columns
    columns: Columns
    append_only: bool = False

    @cached_property
    def _statements(self) -> dict[tuple[str, str], Statements]:
        return {}

    def statements(self, into: str | None = None, schema: str = SCHEMA) -> Statements:
        """The statements for this table, or for a table `into` of the same shape."""
        place = (schema, into or self.name)
        if place not in self._statements:
            self._statements[place] = Statements(place, self.key, self.columns)
        return self._statements[place]


_Operations = tuple[dict[Key, Pending], dict[tuple[str, ...], dict[Key, None]]]
_Where = tuple[Mapping[str, object], Mapping[str, object]]


class Rows:
    """Pending operations on one table, by key; a key is the tuple of the table's key columns."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._pending: dict[Key, Pending] = {}
        self._cleared: dict[tuple[str, ...], dict[Key, None]] = {}
        self._earlier: list[tuple[_Operations, _Where]] = []
        self._by_part: dict[tuple[str, ...], dict[Key, dict[Key, None]]] = {}

    def put(self, key: Key, **columns: object) -> None:
        """Make this the whole row, there or not; a column not named becomes NULL."""
        self._pending[key] = Whole(columns)
        if self._by_part:
            self._note(key)

    def change(self, key: Key, **columns: object) -> None:
        """Set only these columns of a row, if it is there."""
        self._at(key).change(columns)

    def merge(
        self, key: Key, column: str, patch: Mapping[str, Any], removed: Iterable[str] = ()
    ) -> None:
        """Take the top-level keys `removed` out of a jsonb column and put those of `patch` in."""
        self._at(key).merge(column, patch, removed)

    def add(self, key: Key, column: str, amount: int) -> None:
        """Add to a number, without a look at the table; NULL counts as zero."""
        self._at(key).add(column, amount)

    def delete(self, key: Key) -> None:
        """Remove a row, there or not."""
        self._pending[key] = GONE
        if self._by_part:
            self._note(key)

    def clear(self, **prefix: object) -> None:
        """Remove every row whose key columns have these values."""
        names, values = tuple(sorted(prefix)), tuple(prefix[name] for name in sorted(prefix))
        self._cleared.setdefault(names, {})[values] = None
        for key in self._having(names).pop(values, ()):
            self._pending.pop(key, None)

    def change_where(self, match: Mapping[str, object], **columns: object) -> None:
        """Set these columns of every row whose columns are as in `match`; None stands for NULL.

        What was asked for before is written before: only the table knows which rows these are.
        """
        self._earlier.append(((self._pending, self._cleared), (match, columns)))
        self._pending, self._cleared, self._by_part = {}, {}, {}

    def settled(self, before: Settled | None = None) -> Settled:
        """All rows of the table, had it held `before` (else nothing) ahead of these operations.

        `before` is changed. Nothing is asked of a table: for histories that are known whole.
        """
        rows: Settled = {} if before is None else before
        for operations, (match, columns) in self._earlier:
            self._settle(rows, operations)
            for key, row in rows.items():
                named = {**row, **dict(zip(self._key, key, strict=True))}
                if all(named.get(name) == value for name, value in match.items()):
                    row.update(columns)
        self._settle(rows, (self._pending, self._cleared))
        return rows

    async def append(self, cursor: AsyncCursor[Any], into: str | None = None) -> None:
        """Copy the rows of an append-only table in; nothing for other tables.

        Raises psycopg's UniqueViolation for a row that is already there.
        """
        if not self.table.append_only or not self._pending:
            return
        await copy_rows(cursor, self.table, self.table.statements(into), self.settled())

    async def write(self, cursor: AsyncCursor[Any], into: str | None = None) -> None:
        """Bring the table (or `into`, a table of the same shape) to what has been asked for.

        What is cleared goes first: a change that was asked for later finds no row. Changes come
        before whole rows: a row may leave a unique index that its successor enters.
        """
        if self.table.append_only:
            return
        statements = self.table.statements(into)
        for operations, (match, columns) in self._earlier:
            await self._write(cursor, statements, operations)
            null = tuple(sorted(name for name in match if match[name] is None))
            equal = tuple(sorted(match.keys() - set(null)))
            statement = statements.update_where(tuple(sorted(columns)), equal, null)
            record = dict(columns) | {f"={name}": match[name] for name in equal}
            await _execute(cursor, statement, [record])
        await self._write(cursor, statements, (self._pending, self._cleared))

    async def _write(
        self, cursor: AsyncCursor[Any], statements: Statements, operations: "_Operations"
    ) -> None:
        pending, cleared = operations
        for names, values in cleared.items():
            await _execute(cursor, statements.delete(names), _named(names, values))
        gone = [key for key, row in pending.items() if row is GONE]
        await _execute(cursor, statements.delete(self._key), _named(self._key, gone))
        for shape, records in self._changes(pending).items():
            await _execute(cursor, statements.update(*shape), records)
        whole = [
            dict(zip(self._key, key, strict=True)) | row.values
            for key, row in pending.items()
            if isinstance(row, Whole)
        ]
        await _execute(cursor, statements.upsert, whole)

    @cached_property
    def _key(self) -> tuple[str, ...]:
        return tuple(self.table.key)

    def _at(self, key: Key) -> Pending:
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = Changed()
            if self._by_part:
                self._note(key)
        return pending

    def _settle(self, rows: Settled, operations: _Operations) -> None:
        pending, cleared = operations
        for names, values in cleared.items():
            for key in [key for key in rows if self._part(key, names) in values]:
                del rows[key]
        for key, row in pending.items():
            if isinstance(row, Whole):
                rows[key] = row.values
            elif row is GONE:
                rows.pop(key, None)
            elif isinstance(row, Changed) and key in rows:
                row.apply(Whole(rows[key]))

    def _having(self, names: tuple[str, ...]) -> dict[Key, dict[Key, None]]:
        """The keys of pending rows by these parts of theirs; kept up from the first clearing on."""
        if names not in self._by_part:
            found = self._by_part[names] = {}
            for key in self._pending:
                found.setdefault(self._part(key, names), {})[key] = None
        return self._by_part[names]

    def _note(self, key: Key) -> None:
        for names, found in self._by_part.items():
            found.setdefault(self._part(key, names), {})[key] = None

    def _part(self, key: Key, names: tuple[str, ...]) -> Key:
        place = dict(zip(self._key, key, strict=True))
        return tuple(place[name] for name in names)

    def _changes(self, pending: "Mapping[Key, Pending]") -> dict[Shape, list[dict[str, Any]]]:
        changes: dict[Shape, list[dict[str, Any]]] = defaultdict(list)
        for key, row in pending.items():
            if isinstance(row, Changed) and any(shape := row.shape):
                changes[shape].append(self._change_record(key, row))
        return changes

    def _change_record(self, key: Key, change: Changed) -> dict[str, Any]:
        record = dict(zip(self._key, key, strict=True)) | change.values | change.amounts
        for column, (patch, removed) in change.patches.items():
            record[column] = patch
            record[Statements.removed(column)] = sorted(removed)
        return record


async def copy_rows(
    cursor: AsyncCursor[Any], table: Table, statements: Statements, rows: Settled
) -> None:
    """Copy rows into a table of this shape. Raises psycopg's UniqueViolation if one is there."""
    set_json_dumps(orjson.dumps, cursor)
    async with cursor.copy(statements.copy) as copy:
        copy.set_types(statements.types)
        for key, values in rows.items():
            await copy.write_row((*key, *map(values.get, table.columns)))


def _named(names: tuple[str, ...], keys: Iterable[Key]) -> list[dict[str, Any]]:
    return [dict(zip(names, key, strict=True)) for key in keys]


def _chunks(records: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    return (records[start : start + CHUNK] for start in range(0, len(records), CHUNK))


async def _execute(
    cursor: AsyncCursor[Any], statement: bytes, records: list[dict[str, Any]]
) -> None:
    # Never prepared: a plan made while the table was small would scan it once it is large.
    for chunk in _chunks(records):
        await cursor.execute(statement, (Json(chunk, dumps=orjson.dumps),), prepare=False)
