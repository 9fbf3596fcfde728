"""What accounts had spent as of an earlier moment: what the ledger had taken in up to then.

Sums are kept by when calls started, and calls are reported soon after. So what was known then is
what started until then, but for records that came later: the few of the last hour, and those that
came more than an hour after their start, corrections among them, which an index of their own holds.
What had been booked ahead of its time is added likewise.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from services.database.connections import Pool
from services.spend.counters import Counted
from services.spend.holds import EXACT
from services.spend.spent import Span, spent

_AHEAD, _SOON = timedelta(minutes=5), timedelta(hours=1)
"""As far ahead a call may start without being early, and so long after it it is not late yet: as
the indexes of migration events/0008 have it."""

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_END = "SELECT position FROM usage.batches WHERE recorded_at <= %s ORDER BY 1 DESC LIMIT 1"
_LAST = "SELECT coalesce(max(position), 0) FROM usage.batches"
_ASKED = """
WITH asked AS MATERIALIZED (
    SELECT q.place, a.account, m.account AS model, coalesce(q.since, '-infinity') AS since,
        coalesce(q.until, 'infinity') AS until, q.model <> '' AS of_model
    FROM unnest(%(kinds)s::text[], %(ids)s::text[], %(incarnations)s::bigint[],
        %(members)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[],
        %(models)s::text[])
        WITH ORDINALITY AS q(kind, id, incarnation, member, since, until, model, place)
    JOIN usage.accounts a USING (kind, id, incarnation, member)
    LEFT JOIN usage.accounts m
        ON (m.kind, m.id, m.incarnation, m.member) = ('model', nullif(q.model, ''), 0, '')
)
"""
_OF_MODELS = """
SELECT place, usage.spent_on_model(account, model, nullif(since, '-infinity'),
    greatest(since, least(until, %(cut)s)))
FROM asked WHERE of_model
"""
_OTHERS = """
, booked AS (
    SELECT q.place, q.since, q.until, b.series FROM asked q JOIN usage.booked_on b USING (account)
    WHERE NOT q.of_model OR EXISTS (
        SELECT FROM usage.series s WHERE s.series = b.series AND s.model = q.model)
)
SELECT place, sum(cost) FROM (
    SELECT q.place, -r.cost AS cost FROM booked q JOIN usage.records r USING (series)
    WHERE r.started_at >= greatest(q.since, %(soon)s) AND r.started_at < least(q.until, %(cut)s)
        AND r.position > %(position)s
    UNION ALL
    SELECT q.place, -r.cost FROM booked q JOIN usage.records r USING (series)
    WHERE r.started_at >= q.since AND r.started_at < least(q.until, %(soon)s)
        AND r.position > %(position)s AND r.received_at - r.started_at > interval '1 hour'
    UNION ALL
    SELECT q.place, r.cost FROM booked q JOIN usage.records r USING (series)
    WHERE r.started_at >= greatest(q.since, %(cut)s) AND r.started_at < q.until
        AND r.position <= %(position)s AND r.started_at - r.received_at >= interval '5 minutes'
) records
GROUP BY place
"""


class LedgerMoment(NamedTuple):
    """A moment, and the position of the last record that had been taken in by then."""

    at: datetime
    position: int


async def ledger_moment(pool: Pool, at: datetime) -> LedgerMoment:
    """Where the ledger ended at a moment."""
    async with pool.connection() as connection:
        row = await (await connection.execute(_END, (at,))).fetchone()
    return LedgerMoment(at, 0 if row is None else row[0])


async def ledger_now(pool: Pool, at: datetime) -> LedgerMoment:
    """All that has been taken in, whatever the clocks say; `at` is what they say here."""
    async with pool.connection() as connection:
        row = await (await connection.execute(_LAST)).fetchone()
    return LedgerMoment(at, 0 if row is None else row[0])


class PastSpend:
    """Sums of the ledger as of one moment; `pool` leads to its database."""

    def __init__(self, pool: Pool, moment: LedgerMoment) -> None:
        self._pool, self._moment = pool, moment

    async def sums(self, spans: Sequence[Span]) -> list[Decimal]:
        """USD of each span, in the order asked."""
        return await self.counted([Counted(span) for span in spans])

    async def counted(self, asked: Sequence[Counted]) -> list[Decimal]:
        """USD of each span, or of the calls of one model in it, in the order asked."""
        if not asked:
            return []
        cut = self._moment.at + _AHEAD
        spans = [one.span._replace(kind="") if one.model else one.span for one in asked]
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_SNAPSHOT)
            sums = await spent(connection, [_until(span, cut) for span in spans])
            parameters = self._parameters(asked, cut)
            if any(one.model for one in asked):
                await _add(connection, _OF_MODELS, parameters, sums)
            await _add(connection, _OTHERS, parameters, sums)
        return sums

    def _parameters(self, asked: Sequence[Counted], cut: datetime) -> dict[str, Any]:
        names = ("kinds", "ids", "incarnations", "members", "since", "until")
        columns = (list(column) for column in zip(*(one.span for one in asked), strict=True))
        return {
            **dict(zip(names, columns, strict=True)),
            "models": [one.model for one in asked],
            "cut": cut,
            "soon": self._moment.at - _SOON,
            "position": self._moment.position,
        }


async def _add(
    connection: psycopg.AsyncConnection[Any],
    statement: str,
    parameters: dict[str, Any],
    sums: list[Decimal],
) -> None:
    cursor = connection.cursor(binary=True)
    await cursor.execute((_ASKED + statement).encode(), parameters)
    for place, amount in await cursor.fetchall():
        if amount is not None:
            sums[place - 1] = EXACT.add(sums[place - 1], amount)


def _until(span: Span, cut: datetime) -> Span:
    until = cut if span.until is None else min(span.until, cut)
    return span._replace(until=until if span.since is None else max(until, span.since))
