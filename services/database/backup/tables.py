"""What belongs into a backup, found in the catalogue: every table of these schemas.

Left out are `read`, which holds personal data in the clear and is made again from the log, the
record of migrations, which the manifest holds, and tables that are UNLOGGED, which is how a table
says that nobody will miss it.
"""

from typing import Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from services.database.backup.manifest import LOG, AppliedMigration, Counter
from services.database.connections import DatabaseUnusable, owner_conninfo

SCHEMAS = ["events", "ops", "usage"]
MIGRATIONS = "ops.migrations"

_TABLES = """
SELECT n.nspname || '.' || c.relname, n.nspname, c.relname, greatest(c.reltuples, 0)::bigint,
    c.relkind = 'r', array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relpersistence = 'p' AND n.nspname || '.' || c.relname <> %s
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.oid, n.nspname, c.relname, c.reltuples, c.relkind ORDER BY 1
"""
_COUNTERS = "SELECT schemaname, sequencename FROM pg_sequences WHERE schemaname = ANY (%s)"
# The settings of user and database must not change what COPY writes, or cut it short.
_SETTINGS = """
SELECT set_config(s.name, s.value, false)
FROM (VALUES ('bytea_output', 'escape'), ('client_encoding', 'UTF8'), ('datestyle', 'ISO, YMD'),
    ('intervalstyle', 'postgres'), ('extra_float_digits', '1'), ('statement_timeout', '0'),
    ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('transaction_timeout', '0')) AS s(name, value)
WHERE EXISTS (SELECT FROM pg_settings known WHERE lower(known.name) = s.name)
"""


class Table(NamedTuple):
    """A table to back up; `about` is how many rows the statistics expect."""

    full_name: str
    schema: str
    name: str
    about: int
    plain: bool
    columns: list[str]

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)

    def copy_out(self) -> Composed:
        """Rows of the log come in its order, others as they lie."""
        order = SQL(" ORDER BY notification_id" if self.full_name == LOG else "")
        return SQL("COPY (SELECT {} FROM {}{}) TO STDOUT").format(
            _joined(self.columns), self.identifier, order
        )

    def copy_in(self, columns: list[str]) -> Composed:
        """Into a table that was emptied in the same transaction: its rows are written frozen."""
        options = SQL(" WITH (FREEZE)" if self.plain else "")
        return SQL("COPY {} ({}) FROM STDIN{}").format(self.identifier, _joined(columns), options)


def connect(url: str) -> psycopg.Connection[Any]:
    """As the owner, in autocommit, with settings under which COPY means the same everywhere.

    Raises DatabaseUnusable.
    """
    try:
        conn = psycopg.connect(owner_conninfo(url), autocommit=True)
    except psycopg.OperationalError as failed:
        raise DatabaseUnusable(f"the database cannot be used: {failed}") from failed
    conn.execute(_SETTINGS)
    return conn


def tables(conn: psycopg.Connection[Any]) -> list[Table]:
    """All that a backup holds, by name."""
    return [Table(*row) for row in conn.execute(_TABLES, (SCHEMAS, MIGRATIONS))]


def counters(conn: psycopg.Connection[Any]) -> list[Counter]:
    """The sequences of the schemas, in no snapshot: they never go back."""
    found = []
    for schema, name in conn.execute(_COUNTERS, (SCHEMAS,)).fetchall():
        query = SQL("SELECT last_value, is_called FROM {}").format(Identifier(schema, name))
        last, called = conn.execute(query).fetchone() or (1, False)
        text = Identifier(schema, name).as_string(conn)
        found.append(Counter(sequence=text, last=last, called=called))
    return found


def applied_migrations(conn: psycopg.Connection[Any]) -> list[AppliedMigration]:
    """Of the event database; none where no service ever ran."""
    if not exists(conn, MIGRATIONS):
        return []
    rows = conn.execute("SELECT number, name, sha256 FROM ops.migrations ORDER BY number")
    return [AppliedMigration(number=n, name=name, sha256=s) for n, name, s in rows]


def exists(conn: psycopg.Connection[Any], table: str) -> bool:
    """Whether there is a table of that name."""
    return conn.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)


def _joined(columns: list[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
