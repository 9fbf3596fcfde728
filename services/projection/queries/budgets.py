"""Budgets by id, and all there are (supporting-api.md 5, S17).

The limits of members of a team or organization are found by the ids that memberships show, too. Of
such a budget the times are those of the team or organization, of which it is a part.
"""

from collections.abc import AsyncIterator, Sequence

import orjson
from psycopg.sql import SQL

from events.budget import BudgetSettings
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
_OF_A_TEAM = SQL(
    "t.settings->'budget'->>'budget_duration' AS lasts, t.created_at, t.updated_at, "
    "coalesce(t.budget_since, t.created_at) AS since"
)
_OF_MEMBERS = SQL(
    """
    (
        SELECT 1 AS rank, m.team_id AS place, m.user_id, m.limits, {of_a_team}
        FROM read.memberships_1 m JOIN read.teams_1 t ON t.team_id = m.team_id
            AND t.incarnation = m.incarnation AND t.deleted_at IS NULL
        WHERE m.limits IS NOT NULL AND m.limits->>'budget_id' = q.budget_id
        UNION ALL
        SELECT 2, t.team_id, '', t.settings->'member_defaults', {of_a_team}
        FROM read.teams_1 t WHERE t.deleted_at IS NULL
            AND t.settings->'member_defaults'->>'budget_id' IS NOT NULL
            AND t.settings->'member_defaults'->>'budget_id' = q.budget_id
        UNION ALL
        SELECT 3, m.organization_id, m.user_id, m.limits, NULL, o.created_at, o.updated_at,
            o.created_at
        FROM read.organization_members_1 m
        JOIN read.organizations_1 o ON o.organization_id = m.organization_id
            AND o.incarnation = m.incarnation AND o.deleted_at IS NULL
        WHERE m.limits IS NOT NULL AND m.limits->>'budget_id' = q.budget_id
        ORDER BY rank, place, user_id LIMIT 1
    )
    """
).format(of_a_team=_OF_A_TEAM)
_BY_ID = (
    SQL(
        """
        SELECT {position}, {budget}, q.budget_id, l.limits::text, l.lasts, l.created_at,
            l.updated_at, l.since
        FROM unnest(%(budget_ids)s::text[]) WITH ORDINALITY q (budget_id, place)
        LEFT JOIN LATERAL {last} b ON b.deleted_at IS NULL
        LEFT JOIN LATERAL {of_members} l ON b.budget_id IS NULL
        ORDER BY q.place
        """
    )
    .format(
        position=POSITION,
        budget=BUDGET,
        last=LAST_BUDGET.format(budget_id=SQL("q.budget_id")),
        of_members=_OF_MEMBERS,
    )
    .as_bytes()
)
_WIDTH = 7
"""How many columns BUDGET are."""
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
    found = [_either(row[1:]) for row in rows]
    return rows[0][0], [view for view in found if view is not None]


def _either(columns: Row) -> BudgetView | None:
    """A budget by itself, or the limits that members have under its id."""
    budget_id, limits, lasts, created_at, updated_at, since = columns[_WIDTH:]
    if limits is None:
        return budget_view(columns[:_WIDTH])
    own = orjson.loads(limits)
    settings = {name: own.get(name) for name in BudgetSettings.model_fields}
    settings["budget_duration"] = own["budget_duration"] or lasts
    return BudgetView(budget_id, settings, created_at, None, updated_at, None, since)


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
