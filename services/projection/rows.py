"""Rows of one table on their way from facts to PostgreSQL.

A batch of facts is folded here in memory and written by few set-based statements. Whatever the
order and the number of operations, and wherever a batch is cut, the table ends as if they had
been applied one by one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from psycopg import AsyncCursor
from psycopg.types.json import Json, set_json_dumps

from services.projection.statements import Columns, Statements

Key = tuple[Any, ...]
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
    def _statements(self) -> dict[str, Statements]:
        return {}

    def statements(self, into: str | None = None) -> Statements:
        """The statements for this table, or for a table `into` of the same shape."""
        name = into or self.name
        if name not in self._statements:
            self._statements[name] = Statements(name, self.key, self.columns)
        return self._statements[name]


@dataclass(slots=True)
class _Whole:
    """A row that is known in full: later operations change it here."""

    values: dict[str, Any]

    def change(self, columns: Mapping[str, Any]) -> None:
        self.values.update(columns)

    def merge(self, column: str, patch: Mapping[str, Any], removed: Iterable[str]) -> None:
        self.values[column] = _merged(self.values.get(column), patch, removed)

    def add(self, column: str, amount: int) -> None:
        self.values[column] = (self.values.get(column) or 0) + amount


@dataclass(slots=True)
class _Changed:
    """What is to happen to a row of which the rest stands in the table, if it is there at all."""

    values: dict[str, Any] = field(default_factory=dict)
    patches: dict[str, tuple[dict[str, Any], set[str]]] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)

    @property
    def shape(self) -> "_Shape":
        """Which columns are set, merged and added to: rows of one shape share a statement."""
        return tuple(sorted(self.values)), tuple(sorted(self.patches)), tuple(sorted(self.amounts))

    def change(self, columns: Mapping[str, Any]) -> None:
        self.values.update(columns)
        for column in columns:
            self.patches.pop(column, None)
            self.amounts.pop(column, None)

    def merge(self, column: str, patch: Mapping[str, Any], removed: Iterable[str]) -> None:
        if column in self.values:
            self.values[column] = _merged(self.values[column], patch, removed)
            return
        pending, gone = self.patches.get(column, ({}, set()))
        self.patches[column] = _merged(pending, patch, removed), gone | set(removed)

    def add(self, column: str, amount: int) -> None:
        if column in self.values:
            self.values[column] = (self.values[column] or 0) + amount
        else:
            self.amounts[column] = self.amounts.get(column, 0) + amount


class _Gone:
    """A row that is not there: whatever changes it, changes nothing."""

    def change(self, columns: Mapping[str, Any]) -> None: ...

    def merge(self, column: str, patch: Mapping[str, Any], removed: Iterable[str]) -> None: ...

    def add(self, column: str, amount: int) -> None: ...


_GONE = _Gone()
_Shape = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
_Pending = _Whole | _Changed | _Gone
_Operations = tuple[dict[Key, _Pending], dict[tuple[str, ...], dict[Key, None]]]
_Where = tuple[Mapping[str, object], Mapping[str, object]]


class Rows:
    """Pending operations on one table, by key; a key is the tuple of the table's key columns."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._pending: dict[Key, _Pending] = {}
        self._cleared: dict[tuple[str, ...], dict[Key, None]] = {}
        self._earlier: list[tuple[_Operations, _Where]] = []

    def put(self, key: Key, **columns: object) -> None:
        """Make this the whole row, there or not; a column not named becomes NULL."""
        self._pending[key] = _Whole(columns)

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
        self._pending[key] = _GONE

    def clear(self, **prefix: object) -> None:
        """Remove every row whose key columns have these values."""
        names, values = tuple(sorted(prefix)), tuple(prefix[name] for name in sorted(prefix))
        self._cleared.setdefault(names, {})[values] = None
        for key in [key for key in self._pending if self._part(key, names) == values]:
            del self._pending[key]

    def change_where(self, match: Mapping[str, object], **columns: object) -> None:
        """Set these columns of every row whose columns are as in `match`; None stands for NULL.

        What was asked for before is written before: only the table knows which rows these are.
        """
        self._earlier.append(((self._pending, self._cleared), (match, columns)))
        self._pending, self._cleared = {}, {}

    def whole(self) -> dict[Key, dict[str, Any]]:
        """The pending rows that are known in full, their columns by key."""
        return {k: p.values for k, p in self._pending.items() if isinstance(p, _Whole)}

    async def append(self, cursor: AsyncCursor[Any], into: str | None = None) -> None:
        """Copy the rows of an append-only table in; nothing for other tables.

        Raises psycopg's UniqueViolation for a row that is already there.
        """
        if not self.table.append_only or not self._pending:
            return
        statements = self.table.statements(into)
        set_json_dumps(orjson.dumps, cursor)
        async with cursor.copy(statements.copy) as copy:
            copy.set_types(statements.types)
            for key, values in self.whole().items():
                await copy.write_row((*key, *map(values.get, self.table.columns)))

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
        gone = [key for key, row in pending.items() if row is _GONE]
        await _execute(cursor, statements.delete(self._key), _named(self._key, gone))
        for shape, records in self._changes(pending).items():
            await _execute(cursor, statements.update(*shape), records)
        whole = [
            dict(zip(self._key, key, strict=True)) | row.values
            for key, row in pending.items()
            if isinstance(row, _Whole)
        ]
        await _execute(cursor, statements.upsert, whole)

    @cached_property
    def _key(self) -> tuple[str, ...]:
        return tuple(self.table.key)

    def _at(self, key: Key) -> _Pending:
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Changed()
        return pending

    def _part(self, key: Key, names: tuple[str, ...]) -> Key:
        place = dict(zip(self._key, key, strict=True))
        return tuple(place[name] for name in names)

    def _changes(self, pending: "Mapping[Key, _Pending]") -> dict[_Shape, list[dict[str, Any]]]:
        changes: dict[_Shape, list[dict[str, Any]]] = defaultdict(list)
        for key, row in pending.items():
            if isinstance(row, _Changed) and any(shape := row.shape):
                changes[shape].append(self._change_record(key, row))
        return changes

    def _change_record(self, key: Key, change: _Changed) -> dict[str, Any]:
        record = dict(zip(self._key, key, strict=True)) | change.values | change.amounts
        for column, (patch, removed) in change.patches.items():
            record[column] = patch
            record[Statements.removed(column)] = sorted(removed)
        return record


def _merged(
    value: Mapping[str, Any] | None, patch: Mapping[str, Any], removed: Iterable[str]
) -> dict[str, Any]:
    gone = set(removed)
    return {k: v for k, v in (value or {}).items() if k not in gone} | dict(patch)


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
