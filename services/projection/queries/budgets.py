"""Budgets by id, and all there are (supporting-api.md 5, S17)."""

from collections.abc import AsyncIterator, Sequence

import orjson
from psycopg.sql import SQL

from services.database.connections import Pool
from services.edge.shapes.budget import BudgetView
from services.projection.queries.reading import POSITION, Connection, Row, chunks, fetch, run

_CHUNK = 500
BUDGET = SQL(
    "b.budget_id, b.settings::text, b.created_at, b.created_by, b.updated_at, b.updated_by, b.since"
)
LAST_BUDGET = SQL(
    "(SELECT * FROM read.budgets_1 WHERE budget_id = {budget_id} ORDER BY incarnation DESC LIMIT 1)"
)
_BY_ID = (
    SQL(
        """
        SELECT {position}, {budget}
        FROM unnest(%(budget_ids)s::text[]) WITH ORDINALITY q (budget_id, place)
        LEFT JOIN LATERAL {last} b ON b.deleted_at IS NULL ORDER BY q.place
        """
    )
    .format(position=POSITION, budget=BUDGET, last=LAST_BUDGET.format(budget_id=SQL("q.budget_id")))
    .as_bytes()
)
_TOTAL = (
    SQL("SELECT {position}, (SELECT count(*) FROM read.budgets_1 WHERE deleted_at IS NULL)")
    .format(position=POSITION)
    .as_bytes()
)
_ALL = (
    SQL(
        "SELECT {budget} FROM read.budgets_1 b WHERE b.deleted_at IS NULL "
        "ORDER BY b.created_at DESC, b.budget_id LIMIT %(size)s OFFSET %(beyond)s"
    )
    .format(budget=BUDGET)
    .as_bytes()
)


async def find_budgets(pool: Pool, budget_ids: Sequence[str]) -> tuple[int, list[BudgetView]]:
    """Position and those of the budgets that are there, in the given order, each once."""
    parameters = {"budget_ids": list(dict.fromkeys(budget_ids))}
    rows = await fetch(pool, _BY_ID, parameters, prepare=True)
    found = [budget_view(row[1:]) for row in rows]
    return rows[0][0], [view for view in found if view is not None]


async def count_budgets(connection: Connection) -> tuple[int, int]:
    """Position, and how many budgets there are."""
    [(position, total)] = await run(connection, _TOTAL, {})
    return position, total


async def budgets_within(
    connection: Connection, size: int | None, beyond: int
) -> AsyncIterator[list[BudgetView]]:
    """The newest budgets first: `size` of them, or all, after the first `beyond`."""
    parameters = {"size": size, "beyond": beyond}
    async for rows in chunks(connection, _ALL, parameters, _CHUNK):
        yield [view for row in rows if (view := budget_view(row)) is not None]


def budget_view(columns: Row) -> BudgetView | None:
    """From the columns BUDGET; None where there is no budget."""
    budget_id, settings, created_at, created_by, updated_at, updated_by, since = columns
    if budget_id is None:
        return None
    return BudgetView(
        budget_id=budget_id,
        settings=orjson.loads(settings),
        created_at=created_at,
        created_by=created_by,
        updated_at=updated_at,
        updated_by=updated_by,
        since=since,
    )
