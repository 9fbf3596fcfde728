"""Proves the ledger: all that was summed when calls were booked, computed again from the records.

Nothing is locked and nothing is written. Everything is read on one snapshot, whatever is booked
meanwhile; the server spills what does not fit into WORK_MEMORY for a step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from events.values import JsonObject
from services.spend.comparisons import COMPARISONS, KEPT, TOTALS

MOST_NAMED = 100
WORK_MEMORY = "32MB"
RECORD, QUARTER = "record", "quarter"
KINDS = ("organization", "team", "member", "organization_member", "user", "key", "model")

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_MODEST = (
    f"SET LOCAL work_mem = '{WORK_MEMORY}'; SET LOCAL hash_mem_multiplier = 1; "
    "SET LOCAL max_parallel_workers_per_gather = 0"
)
_POSITION = "SELECT coalesce(max(position), 0) FROM usage.batches"
Connection = psycopg.AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Total:
    """So many records or rows, and the USD and tokens in them."""

    rows: int = 0
    cost: Decimal = Decimal(0)
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """One way of keeping sums: `by_records` is what it should hold, `kept` what it does hold."""

    name: str
    by_records: Total
    kept: Total


@dataclass(frozen=True, slots=True)
class Difference:
    """Figures of one thing by the records, and as kept; None is for what is not there at all."""

    among: str
    of: JsonObject
    by_records: JsonObject | None
    kept: JsonObject | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """As of the ledger's `position`. `counted` differences there are; the first are named."""

    position: int
    total: Total
    books: Sequence[Book]
    counted: Mapping[str, int]
    differences: Sequence[Difference]

    @property
    def agrees(self) -> bool:
        """Whether all figures are those of the records."""
        return not any(self.counted.values())


async def reconcile(connection: Connection) -> Reconciliation:
    """Compute everything again; takes seconds for a million records."""
    async with connection.transaction():
        await connection.execute(_SNAPSHOT)
        await connection.execute(_MODEST)
        [[position]] = await _rows(connection, _POSITION)
        totals = {kind: Total(*rest) for kind, *rest in await _rows(connection, TOTALS)}
        kept = {kind: Total(*rest) for kind, *rest in await _rows(connection, KEPT)}
        found = {
            among: await _rows(connection, comparison) for among, comparison in COMPARISONS.items()
        }
    named = [Difference(among, *row[:3]) for among, rows in found.items() for row in rows]
    total = totals.get(RECORD, Total())
    by_quarters = Book(QUARTER, total, kept.get(QUARTER, Total()))
    by_kind = [Book(kind, totals.get(kind, Total()), kept.get(kind, Total())) for kind in KINDS]
    return Reconciliation(
        position=position,
        total=total,
        books=[by_quarters, *by_kind],
        counted={among: rows[0][3] if rows else 0 for among, rows in found.items()},
        differences=named[:MOST_NAMED],
    )


async def _rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement.encode())
    return await cursor.fetchall()
