"""What accounts have spent between two moments, straight from the ledger (decision 010)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

_SPENT = """
SELECT coalesce(usage.spent(a.account, q.since, q.until), 0)
FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[],
    %b::timestamptz[]) WITH ORDINALITY AS q(kind, id, incarnation, member, since, until, place)
LEFT JOIN usage.accounts a USING (kind, id, incarnation, member)
ORDER BY q.place
"""


class Span(NamedTuple):
    """An account, and the calls that count: started at or after `since` and before `until`.

    None is without bound. `member` is the user where `kind` is "member" and `id` the team.
    """

    kind: str
    id: str
    incarnation: int
    member: str = ""
    since: datetime | None = None
    until: datetime | None = None


async def spent(connection: psycopg.AsyncConnection[Any], spans: Sequence[Span]) -> list[Decimal]:
    """USD of each span, in the order asked; 0 for an account that the ledger does not know."""
    if not spans:
        return []
    columns = [list(column) for column in zip(*spans, strict=True)]
    cursor = connection.cursor(binary=True)
    await cursor.execute(_SPENT, columns, prepare=True)
    return [amount for (amount,) in await cursor.fetchall()]
