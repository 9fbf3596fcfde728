"""The statements that a running service sends, out of the server's log, and their plans."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from services.database.connections import owner_conninfo

_LINE = re.compile(r"^\S+ \S+ \S+ \[\d+\] LOG:  (?:statement|execute [^:]*): ", re.MULTILINE)
_ANY_LINE = re.compile(r"^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] ", re.MULTILINE)
_MANY_ROWS = """
UPDATE pg_class SET reltuples = 1e6, relpages = 1
WHERE relnamespace IN ('read'::regnamespace, 'usage'::regnamespace) AND relkind = 'r'
"""
_ALONE = "LOCK TABLE pg_statistic IN SHARE ROW EXCLUSIVE MODE"
_NOTHING_ANALYZED = """
DELETE FROM pg_statistic s USING pg_class c
WHERE c.oid = s.starelid AND c.relnamespace IN ('read'::regnamespace, 'usage'::regnamespace)
"""
_COLUMNS = """
SELECT c.relname, array_agg(pg_get_indexdef(c.oid, k, true) ORDER BY k)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid, generate_series(1, i.indnkeyatts) k
WHERE c.relnamespace IN ('read'::regnamespace, 'usage'::regnamespace) GROUP BY c.relname
"""


def log_statements(url: str) -> None:
    """From the next connection on, statements in this database are logged."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        conn.execute(sql.SQL("ALTER DATABASE {} SET log_statement = 'all'").format(name))


@dataclass(frozen=True, slots=True)
class Statements:
    """No other database of the server logs its statements."""

    log: Path
    database: psycopg.Connection[tuple[Any, ...]]

    @contextmanager
    def sent(self, *phrases: str) -> Iterator[list[str]]:
        """The statements sent meanwhile that contain one of the phrases; all without phrases."""
        begin, found = self.log.stat().st_size, list[str]()
        yield found
        with self.log.open("rb") as file:
            file.seek(begin)
            text = file.read().decode()
        found += [each for each in _statements(text) if _holds(each, phrases)]

    def plan(self, statement: str) -> list["Step"]:
        """How PostgreSQL finds the rows, without knowing what is asked for.

        The planner is told that every table of read models and of the ledger has a million rows:
        those of a test are so small that reading all of them is cheapest. What autovacuum found
        out about those few rows is set aside for the same reason, and waits with what it finds out
        meanwhile.
        """
        with self.database.transaction(force_rollback=True):
            self.database.execute("SET LOCAL log_statement = 'none'")
            self.database.execute(_ALONE)
            self.database.execute(_MANY_ROWS)
            self.database.execute(_NOTHING_ANALYZED)
            explain = b"EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + statement.encode()
            row = self.database.execute(explain).fetchone()
            columns = dict(self.database.execute(_COLUMNS).fetchall())
        assert row is not None
        plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
        return list(_steps(plan[0]["Plan"], columns))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a plan that reads a table or an index, or both.

    `columns` are those by which the index finds and orders rows. `condition` is what it is asked
    for; without one all of it is read.
    """

    table: str | None
    columns: tuple[str, ...]
    condition: str | None


def _statements(text: str) -> Iterator[str]:
    for begin in _LINE.finditer(text):
        end = _ANY_LINE.search(text, begin.end())
        yield text[begin.end() : end.start() if end else len(text)].replace("\n\t", "\n").strip()


def _holds(statement: str, phrases: tuple[str, ...]) -> bool:
    return not phrases or any(phrase in statement for phrase in phrases)


def _steps(node: Any, columns: dict[str, list[str]]) -> Iterator[Step]:  # noqa: ANN401
    for inner in node.get("Plans", ()):
        yield from _steps(inner, columns)
    table, index = node.get("Relation Name"), node.get("Index Name")
    if table is not None or index is not None:
        condition = node.get("Index Cond") or node.get("Recheck Cond")
        yield Step(table, tuple(columns.get(index, ())), condition)
