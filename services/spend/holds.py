"""What is held for calls that were admitted and have not reported yet, kept in memory.

Changes are folded in their order, up to `change`. What has expired by the clock holds nothing, even
before its end is recorded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from heapq import heapify, heappop, heappush
from typing import NamedTuple
from uuid import UUID

NOTHING = Decimal(0)
EXACT = Context(prec=80)
"""Sums of what the ledger holds are not rounded: costs have at most 18 decimals."""

_SPARE = 100
"""So many ends of reservations that are over already are not worth looking for."""


class Hold(NamedTuple):
    """A reservation by its number of change: what it holds on accounts (by their numbers)."""

    change: int
    reservation: UUID
    accounts: Sequence[int]
    amount: Decimal
    expires_at: datetime


@dataclass(slots=True)
class _Live:
    accounts: Sequence[int]
    amount: Decimal
    expires_at: datetime
    lapsed: bool = False


class Holds:
    """All reservations there are; `change` is -1 before anything is known."""

    def __init__(self) -> None:
        self.change = -1
        self._recorded: dict[int, Decimal] = {}
        self._lapsed: dict[int, Decimal] = {}
        self._live: dict[UUID, _Live] = {}
        self._due: list[tuple[datetime, UUID]] = []

    def __len__(self) -> int:
        return len(self._live)

    def begin(self, change: int, there: Iterable[Hold]) -> None:
        """Start from what there is at a change."""
        self.change = change
        self._recorded, self._lapsed, self._live, self._due = {}, {}, {}, []
        for hold in there:
            self._make(hold)

    def fold(self, hold: Hold) -> None:
        """Take in the next change: an amount below zero ends the reservation."""
        self.change = hold.change
        if hold.amount >= 0:
            self._make(hold)
        else:
            self._end(hold.reservation)

    def recorded(self, account: int) -> Decimal:
        """USD held on an account at `change`, what has expired since included."""
        return self._recorded.get(account, NOTHING)

    def held(self, account: int, now: datetime) -> Decimal:
        """USD held on an account now; moments are asked for in order."""
        if not self._live:
            return NOTHING
        self._expire(now)
        return EXACT.subtract(self.recorded(account), self._lapsed.get(account, NOTHING))

    def _make(self, hold: Hold) -> None:
        self._live[hold.reservation] = _Live(hold.accounts, hold.amount, hold.expires_at)
        heappush(self._due, (hold.expires_at, hold.reservation))
        _add(self._recorded, hold.accounts, hold.amount)

    def _end(self, reservation: UUID) -> None:
        ended = self._live.pop(reservation, None)
        if ended is None:
            return
        _add(self._recorded, ended.accounts, -ended.amount)
        if ended.lapsed:
            _add(self._lapsed, ended.accounts, -ended.amount)
        if len(self._due) > 2 * len(self._live) + _SPARE:
            self._forget_ended()

    def _forget_ended(self) -> None:
        """Most reservations end long before they would expire."""
        live = self._live.items()
        self._due = [(one.expires_at, name) for name, one in live if not one.lapsed]
        heapify(self._due)

    def _expire(self, now: datetime) -> None:
        while self._due and self._due[0][0] <= now:
            _, reservation = heappop(self._due)
            live = self._live.get(reservation)
            if live is not None:
                live.lapsed = True
                _add(self._lapsed, live.accounts, live.amount)


def _add(sums: dict[int, Decimal], accounts: Sequence[int], amount: Decimal) -> None:
    for account in accounts:
        total = EXACT.add(sums.get(account, NOTHING), amount)
        if total:
            sums[account] = total
        else:
            sums.pop(account, None)
