"""What is spent, as commands need to know it before they are let in: asked for when it is needed.

Deciding is pure. Where it takes a sum that is not at hand it stops there, the sum is looked up, and
it is done once more.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal

from services.spend.spenders import Asked, reckoned
from services.spend.spent import Span

Sums = Callable[[Sequence[Span]], Awaitable[Sequence[Decimal]]]
"""USD of each span, as of a moment after the call."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request has found out. `zone` aligns windows.

    Nothing is kept for longer: what is acknowledged before a request comes counts in it.
    """

    sums: Sums
    zone: tzinfo
    known: dict[Span, Decimal] = field(default_factory=dict)

    def of(self, asked: Sequence[Asked], now: datetime) -> list[Decimal]:
        """USD that count in each of these windows; raises SpendUnknown."""
        reckoning = reckoned(asked, now)
        if any(span not in self.known for span in reckoning.spans):
            raise SpendUnknown(self, reckoning.spans)
        return reckoning.amounts(self.known[span] for span in reckoning.spans)


class SpendUnknown(Exception):
    """Nobody has asked yet what these spans sum up to."""

    def __init__(self, spent: Spent, spans: Sequence[Span]) -> None:
        super().__init__("what was spent has to be asked for")
        self._spent, self._spans = spent, spans

    async def find_out(self) -> None:
        """Ask; raises psycopg's errors."""
        amounts = await self._spent.sums(self._spans)
        self._spent.known.update(zip(self._spans, amounts, strict=True))
