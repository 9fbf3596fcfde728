"""Sums of the ledger, remembered for as long as nothing is booked."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from services.spend.reading import SpendReading
from services.spend.spent import Span

KEPT = 20_000
"""Spans whose sums are remembered, at most."""

MOST_AT_ONCE = 200
"""Spans of one question up to which it is remembered: whoever scans all asks nothing twice."""


class RememberedSums:
    """What was asked while the ledger ended where it ends now need not be asked again.

    `booked` tells up to which position whoever asks has to see the ledger. What was summed up after
    it told a position holds all up to there; once it tells another one, all is forgotten.
    """

    def __init__(
        self, reading: SpendReading, booked: Callable[[], int], capacity: int = KEPT
    ) -> None:
        self._reading, self._booked = reading, booked
        self._capacity = capacity
        self._known: dict[tuple[Span, ...], Sequence[Decimal]] = {}
        self._spans = 0
        self._position = 0

    async def sums(self, spans: Sequence[Span]) -> Sequence[Decimal]:
        """USD of each span, in the order asked, as of the position told now or later."""
        if len(spans) > MOST_AT_ONCE:
            return await self._reading.sums(spans)
        asked, position = tuple(spans), self._booked()
        if position != self._position:
            self._forget()
            self._position = position
        found = self._known.get(asked)
        if found is None:
            found = await self._reading.sums(asked)
            if position == self._position and asked not in self._known:
                self._keep(asked, found)
        return found

    def _keep(self, asked: tuple[Span, ...], sums: Sequence[Decimal]) -> None:
        """To begin anew costs no more than to find out what nobody asks for."""
        if self._spans + len(asked) > self._capacity:
            self._forget()
        self._known[asked] = sums
        self._spans += len(asked)

    def _forget(self) -> None:
        self._known.clear()
        self._spans = 0
