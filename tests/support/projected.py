"""Read models filled in batches of our choice, and what then stands in them."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from events.envelope import Envelope
from events.values import Sealed
from services.projection.batches import Batch
from services.projection.projectors import contract_projectors

TABLES = [
    *("teams_1", "memberships_1", "users_1", "keys_1"),
    *("organizations_1", "organization_members_1", "budgets_1"),
    *("budget_periods_1", "spend_marks_1", "links_1", "audit_1", "webhooks_1"),
]


async def open_sealed(boxes: Sequence[Sealed]) -> Mapping[Sealed, str | None]:
    """Boxes hold their text; the person `forgotten` is."""
    return {box: None if box.person == "forgotten" else box.box for box in boxes}


async def project(url: str, batches: Sequence[Sequence[Envelope]]) -> None:
    """Each batch folded by every projector and written in a transaction of its own."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        for facts in batches:
            folded = [await p.fold(facts) for p in contract_projectors(open_sealed)]
            async with conn.transaction():
                await Batch(0, facts[-1], full=False, rows=folded).write(conn.cursor())


def contents(conn: psycopg.Connection[Any], table: str) -> list[dict[str, Any]]:
    """The rows of a read model in the order of its key."""
    query = SQL("SELECT * FROM {} ORDER BY 1, 2").format(Identifier("read", table))
    return conn.cursor(row_factory=dict_row).execute(query).fetchall()


def everything(conn: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """All rows of all read models as text, whatever their order."""
    return {table: sorted(str(row) for row in contents(conn, table)) for table in TABLES}


def empty(conn: psycopg.Connection[Any]) -> None:
    """As before the first event."""
    for table in [*TABLES, "groups"]:
        conn.execute(SQL("TRUNCATE {}").format(Identifier("read", table)))
