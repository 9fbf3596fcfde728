"""What accounts have spent between two moments, straight from the ledger (decision 010)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

_SPENT = """
WITH asked AS MATERIALIZED (
    SELECT q.place, a.account, q.since, q.until,
        date_trunc('day', q.since + interval '24 hours' - interval '1 microsecond', 'UTC')
            AS first_day,
        date_trunc('day', q.until, 'UTC') AS last_day
    FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[],
        %b::timestamptz[]) WITH ORDINALITY AS q(kind, id, incarnation, member, since, until, place)
    JOIN usage.accounts a USING (kind, id, incarnation, member)
)
SELECT place, sum(cost) FROM (
    SELECT q.place, d.cost FROM asked q JOIN usage.days d ON d.account = q.account
        AND d.day >= coalesce((q.first_day AT TIME ZONE 'UTC')::date, '-infinity')
        AND d.day < coalesce((q.last_day AT TIME ZONE 'UTC')::date, 'infinity')
    UNION ALL
    SELECT place, usage.spent_within_a_day(account, since, least(first_day, until))
    FROM asked WHERE since < first_day AND since < until IS NOT FALSE
    UNION ALL
    SELECT place, usage.spent_within_a_day(account, last_day, until)
    FROM asked WHERE last_day < until AND first_day <= last_day IS NOT FALSE
) parts
GROUP BY place
"""


class Span(NamedTuple):
    """An account, and the calls that count: started at or after `since` and before `until`.

    None is without bound. `member` is the user where the account is one of a team or organization.
    """

    kind: str
    id: str
    incarnation: int
    member: str = ""
    since: datetime | None = None
    until: datetime | None = None


async def spent(connection: psycopg.AsyncConnection[Any], spans: Sequence[Span]) -> list[Decimal]:
    """USD of each span, in the order asked; 0 for an account that the ledger does not know.

    Whole UTC days are summed for all spans at once. What a span has of a day beside is looked up
    for each: by the quarter of an hour, and the broken quarter by the call.
    """
    if not spans:
        return []
    columns = [list(column) for column in zip(*spans, strict=True)]
    cursor = connection.cursor(binary=True)
    await cursor.execute(_SPENT, columns, prepare=True)
    found = {place: amount for place, amount in await cursor.fetchall() if amount is not None}
    return [found.get(place, Decimal(0)) for place in range(1, len(spans) + 1)]
