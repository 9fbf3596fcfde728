"""The ledger asked for sums: who asks at the same time shares a statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from services.database.connections import Pool
from services.database.together import Together
from services.spend.spenders import Asked, reckoned
from services.spend.spent import Span, spent


class SpendReading:
    """`pool` leads to the database of the ledger."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._together: Together[None, tuple[Span, ...], list[Decimal]] = Together(
            self._ask, most=16
        )

    async def within(self, asked: Sequence[Asked], now: datetime) -> list[Decimal]:
        """USD that count in each of these windows, in the order asked."""
        reckoning = reckoned(asked, now)
        return reckoning.amounts(await self.sums(reckoning.spans))

    async def sums(self, spans: Sequence[Span]) -> list[Decimal]:
        """USD of each span, as of a moment after this call."""
        return await self._together.get(None, tuple(spans)) if spans else []

    async def _ask(
        self, _: None, groups: Sequence[tuple[Span, ...]]
    ) -> Mapping[tuple[Span, ...], list[Decimal]]:
        async with self._pool.connection() as connection:
            amounts = iter(await spent(connection, [span for group in groups for span in group]))
        return {group: [next(amounts) for _ in group] for group in groups}
