"""The set-based statements of a read table: each takes one JSON array of records."""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier

Columns = Mapping[str, LiteralString]
SCHEMA = "read"


class Statements:
    """Statements for one table; each takes one parameter, the records as a JSON array of objects.

    `place` is its schema and name; `key` and `columns` give every column its SQL type. A field
    missing from a record is NULL.
    """

    def __init__(self, place: tuple[str, str], key: Columns, columns: Columns) -> None:
        self._table = Identifier(*place)
        self._key = key
        self._types = {**key, **columns}
        self._columns = columns
        self.delete = cache(self._delete)
        self.update = cache(self._update)
        self.update_where = cache(self._update_where)

    @staticmethod
    def removed(column: str) -> str:
        """The field of a record that lists the keys to take out of the jsonb `column`."""
        return f"-{column}"

    @property
    def types(self) -> list[str]:
        """The types of the columns of `copy`."""
        return list(self._types.values())

    @cached_property
    def copy(self) -> bytes:
        """COPY of whole rows, in binary form: the key's columns, then the others."""
        names = SQL(", ").join(Identifier(name) for name in self._types)
        copy = SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(self._table, names)
        return copy.as_bytes()

    @cached_property
    def upsert(self) -> bytes:
        """Insert whole rows, or overwrite those that are there."""
        names = [Identifier(name) for name in self._types]
        return (
            SQL(
                "INSERT INTO {table} ({names}) SELECT {names} FROM {records} "
                "ON CONFLICT ({key}) DO UPDATE SET {overwrites}"
            )
            .format(
                table=self._table,
                names=SQL(", ").join(names),
                records=_records(self._types),
                key=SQL(", ").join(Identifier(name) for name in self._key),
                overwrites=SQL(", ").join(
                    SQL("{0} = EXCLUDED.{0}").format(Identifier(name)) for name in self._columns
                ),
            )
            .as_bytes()
        )

    def _delete(self, names: Sequence[str]) -> bytes:
        """Delete the rows whose key columns `names` are as in a record."""
        return (
            SQL("DELETE FROM {table} AS t USING {records} WHERE {match}")
            .format(
                table=self._table,
                records=_records({name: self._key[name] for name in names}),
                match=_match(names),
            )
            .as_bytes()
        )

    def _update(
        self, values: Sequence[str], patches: Sequence[str], amounts: Sequence[str]
    ) -> bytes:
        """Set the columns `values`, merge the jsonb columns `patches`, add to `amounts`."""
        names = [*self._key, *values, *patches, *amounts]
        types = {name: self._types[name] for name in names}
        types |= {self.removed(name): "text[]" for name in patches}
        sets = [SQL("{0} = r.{0}").format(Identifier(name)) for name in values]
        sets += [
            SQL("{0} = (coalesce(t.{0}, '{{}}') - r.{1}) || r.{0}").format(
                Identifier(name), Identifier(self.removed(name))
            )
            for name in patches
        ]
        sets += [
            SQL("{0} = coalesce(t.{0}, 0) + r.{0}").format(Identifier(name)) for name in amounts
        ]
        return (
            SQL("UPDATE {table} AS t SET {sets} FROM {records} WHERE {match}")
            .format(
                table=self._table,
                sets=SQL(", ").join(sets),
                records=_records(types),
                match=_match(list(self._key)),
            )
            .as_bytes()
        )

    def _update_where(
        self, values: Sequence[str], equal: Sequence[str], null: Sequence[str]
    ) -> bytes:
        """Set the columns `values` where those of `equal` are as in a record, of `null` NULL."""
        wanted = [SQL("t.{0} = r.{1}").format(Identifier(n), Identifier(f"={n}")) for n in equal]
        wanted += [SQL("t.{} IS NULL").format(Identifier(name)) for name in null]
        types = {name: self._types[name] for name in values}
        return (
            SQL("UPDATE {table} AS t SET {sets} FROM {records} WHERE {match}")
            .format(
                table=self._table,
                sets=SQL(", ").join(SQL("{0} = r.{0}").format(Identifier(n)) for n in values),
                records=_records({**types, **{f"={name}": self._types[name] for name in equal}}),
                match=SQL(" AND ").join(wanted),
            )
            .as_bytes()
        )


def _records(types: Columns) -> Composed:
    fields = [SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in types.items()]
    return SQL("json_to_recordset(%s::json) AS r({})").format(SQL(", ").join(fields))


def _match(names: Sequence[str]) -> Composed:
    return SQL(" AND ").join(SQL("t.{0} = r.{0}").format(Identifier(name)) for name in names)
