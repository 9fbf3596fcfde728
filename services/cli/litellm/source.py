"""Reading LiteLLM's database: one snapshot, in pages, without a lock or a write."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import IsolationLevel
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row, tuple_row
from psycopg.sql import SQL, Composable, Composed, Identifier
from psycopg.types.string import TextLoader

from services.cli.litellm.columns import COLUMNS, NEEDED
from services.database.connections import DatabaseUnusable, check_address

Row = dict[str, Any]
PAGE = 400
_OWN_PARAMETERS = frozenset(
    {"connection_limit", "pool_timeout", "pgbouncer", "schema", "sslaccept", "socket_timeout"}
    | {"statement_cache_size", "sslidentity", "sslpassword"}
)
"""Of an address, what LiteLLM's own driver understands and PostgreSQL's does not."""

_NO_ADDRESS = (
    "the database to import is not given by an address of PostgreSQL; "
    "expected postgresql://user:password@host:5432/database"
)
_SETTINGS = """
SELECT set_config('statement_timeout', '0', true), set_config('TimeZone', 'UTC', true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('search_path', coalesce(%s, current_setting('search_path')), true)
"""
_CATALOGUE = """
SELECT table_name, column_name, data_type LIKE 'timestamp%%'
FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ANY (%s)
"""
_TIME = "CASE WHEN {0} BETWEEN '0001-01-02' AND '9999-12-30' THEN {0} END AS {1}"


class SourceUnusable(Exception):
    """The database to import cannot be read, or is not LiteLLM's."""


@contextmanager
def opened_source(url: str) -> Iterator["Source"]:
    """The database as it is now, until the block ends. Raises SourceUnusable."""
    try:
        conninfo, schema = _address(url)
        conn = psycopg.connect(conninfo, row_factory=dict_row)
    except psycopg.Error as failed:
        raise SourceUnusable(f"the database to import cannot be used: {failed}") from None
    with conn:
        conn.isolation_level = IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        conn.adapters.register_loader("jsonb", TextLoader)
        conn.adapters.register_loader("json", TextLoader)
        source = Source(conn)
        try:
            source.look(schema)
            yield source
        except psycopg.Error as failed:
            if not source.to_blame(failed):
                raise
            raise SourceUnusable(f"the database to import: {failed}") from None


class Source:
    """What there is to import. Tables and columns of other versions are tolerated."""

    def __init__(self, conn: psycopg.Connection[Row]) -> None:
        self._conn = conn
        self._columns: dict[str, dict[str, bool]] = {}
        self._failed: psycopg.Error | None = None

    def look(self, schema: str | None) -> None:
        """Find out which tables and columns are there; raises SourceUnusable."""
        with self._conn.cursor(row_factory=tuple_row) as cursor, self._blamed():
            cursor.execute(_SETTINGS, (schema and f'"{schema}"',))
            cursor.execute(_CATALOGUE, (list({*COLUMNS, *_LINKS}),))
            for table, column, is_time in cursor:
                self._columns.setdefault(table, {})[column] = is_time
        missing = [table for table in NEEDED if table not in self._columns]
        if missing:
            raise SourceUnusable(
                f"the database to import is not LiteLLM's: it has no table {', '.join(missing)}"
            )

    def to_blame(self, failed: psycopg.Error) -> bool:
        """Whether it was a statement of ours, and not one of the target's, that failed."""
        return self._failed is failed

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is such a table, or such a column in it."""
        columns = self._columns.get(table)
        return columns is not None and (column is None or column in columns)

    def count(self, table: str) -> int:
        """How many rows a table has; 0 for one that is not there."""
        if not self.has(table):
            return 0
        query = SQL("SELECT count(*) AS n FROM {}").format(Identifier(table))
        return int(self._fetch(query)[0]["n"])

    def columns(self, table: str) -> Composed:
        """The columns of ours that the table has, as table `t`; moments beyond all bounds: null."""
        there = self._columns[table]
        known = [name for name in COLUMNS[table] if name in there]
        return SQL(", ").join(_column(name, is_time=there[name]) for name in known)

    def order(self, table: str, *names: str) -> Composed:
        """By those of these columns that table `t` has; what has no value comes first."""
        there = [name for name in names if name in self._columns[table]]
        return SQL(", ").join(SQL("{} NULLS FIRST").format(Identifier("t", n)) for n in there)

    def pages(self, query: Composed) -> Iterator[list[Row]]:
        """The rows of a query in pages; other questions may be asked in between."""
        with self._conn.cursor(name="rows") as cursor, self._blamed():
            cursor.itersize = PAGE
            cursor.execute(query)
            while page := cursor.fetchmany(PAGE):
                yield page

    def by_id(self, table: str, name: str, ids: Iterable[Any]) -> Mapping[Any, Row]:
        """Rows of a table by their id; what is not there is absent."""
        wanted = list({identity for identity in ids if identity is not None})
        if not wanted or not self.has(table):
            return {}
        query = SQL("SELECT {} FROM {} t WHERE {} = ANY (%s)").format(
            self.columns(table), Identifier(table), Identifier(name)
        )
        return {row[name]: row for row in self._fetch(query, (wanted,))}

    def _fetch(self, query: Composed, parameters: tuple[Any, ...] = ()) -> list[Row]:
        with self._conn.cursor() as cursor, self._blamed():
            cursor.execute(query, parameters)
            return cursor.fetchall()

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as failed:
            self._failed = failed
            raise


_LINKS = ("LiteLLM_TeamMembership", "LiteLLM_OrganizationMembership")


def _column(name: str, *, is_time: bool) -> Composable:
    column = Identifier("t", name)
    return SQL(_TIME).format(column, Identifier(name)) if is_time else column


def _address(url: str) -> tuple[str, str | None]:
    """The address without what only LiteLLM's driver knows, and the schema that it names."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SourceUnusable(_NO_ADDRESS) from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SourceUnusable(_NO_ADDRESS)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    schema = parameters.get("schema")
    kept = {name: v for name, v in parameters.items() if name not in _OWN_PARAMETERS}
    plain = urlunsplit(parts._replace(query=urlencode(kept)))
    try:
        check_address(plain, "what is given for the database to import")
    except DatabaseUnusable as wrong:
        raise SourceUnusable(str(wrong)) from None
    return make_conninfo(plain, application_name="teamledger-import"), schema
