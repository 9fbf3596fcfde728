"""Single calls out of the ledger, by page and in a stable order (supporting-api.md 6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from psycopg.sql import SQL, Composable

from services.edge.shapes.spend_reports import Call
from services.projection.queries.reading import Connection, Paging, Row, run
from services.projection.queries.usage_scope import UsageScope

SortColumn = Literal["spend", "total_tokens", "startTime", "endTime", "request_duration_ms"]
_COLUMNS: Mapping[SortColumn, SQL] = {
    "spend": SQL("r.cost"),
    "total_tokens": SQL("r.prompt_tokens + r.completion_tokens"),
    "startTime": SQL("r.started_at"),
    "endTime": SQL("coalesce(r.ended_at, r.started_at)"),
    "request_duration_ms": SQL("coalesce(r.ended_at, r.started_at) - r.started_at"),
}
_CONDITIONS: Mapping[str, SQL] = {
    "succeeded": SQL("r.outcome = %(succeeded)s::int"),
    "request_id": SQL("r.request_id = %(request_id)s"),
    "min_spend": SQL("r.cost >= %(min_spend)s"),
    "max_spend": SQL("r.cost <= %(max_spend)s"),
}
_SCOPE = SQL("WITH scope AS MATERIALIZED (SELECT * FROM usage.series s WHERE {condition}) ")
_COUNT = SQL("SELECT count(*) FROM usage.records r JOIN scope s USING (series) WHERE {matches}")
_PAGE = SQL(
    """
    SELECT r.request_id, r.started_at, r.ended_at, r.cost, r.prompt_tokens, r.completion_tokens,
        r.outcome = 1, r.corrects, s.key_hash, s.key_alias, s.user_id, s.team_id, s.team_alias,
        s.organization_id, s.model_name, s.model_group, s.provider, s.endpoint, s.mcp_tool, s.tags
    FROM {records} ORDER BY {order} LIMIT %(size)s OFFSET %(offset)s
    """
)
_OF_MANY = SQL("usage.records r JOIN scope s USING (series) WHERE {matches}")
# Of each series no more than may be on the page, in the order of its index.
_OF_FEW = SQL(
    "scope s CROSS JOIN LATERAL (SELECT * FROM usage.records r WHERE r.series = s.series "
    "AND {matches} ORDER BY {order} LIMIT %(reach)s) r"
)
_FIRST_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Calls that began at or after `since` and before `until`; amounts are USD, both inclusive."""

    since: datetime
    until: datetime
    succeeded: bool | None = None
    request_id: str | None = None
    min_spend: Decimal | None = None
    max_spend: Decimal | None = None

    def given(self) -> dict[str, object]:
        """What is asked for beside the time, by name."""
        asked = {name: getattr(self, name) for name in _CONDITIONS}
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True, slots=True)
class CallOrder:
    """By a column; calls that are equal in it by when they were booked."""

    column: SortColumn = "startTime"
    descending: bool = True

    def sql(self) -> Composable:
        """The terms of ORDER BY."""
        template = "{} DESC, r.position DESC" if self.descending else "{}, r.position"
        return SQL(template).format(_COLUMNS[self.column])


async def calls(
    connection: Connection, scope: UsageScope, wanted: CallFilter, order: CallOrder, paging: Paging
) -> tuple[list[Call], int]:
    """One page of calls, and how many there are on all of them."""
    given = wanted.given()
    within = SQL("r.started_at >= %(since)s AND r.started_at < %(until)s")
    matches = SQL(" AND ").join([within, *(_CONDITIONS[name] for name in given)])
    reach = paging.offset + paging.size
    few = scope.few and order.column == "startTime" and reach <= _FIRST_PAGES
    records = (_OF_FEW if few else _OF_MANY).format(matches=matches, order=order.sql())
    opening = _SCOPE.format(condition=scope.condition())
    asked = {
        **scope.parameters(),
        **given,
        "since": wanted.since,
        "until": wanted.until,
        "size": paging.size,
        "offset": paging.offset,
        "reach": reach,
    }
    counting = (opening + _COUNT.format(matches=matches)).as_bytes()
    [(total,)] = await run(connection, counting, asked)
    page = (opening + _PAGE.format(records=records, order=order.sql())).as_bytes()
    return [_call(row) for row in await run(connection, page, asked)], total


def _call(row: Row) -> Call:
    return Call(*row)
