"""Sums of what accounts have spent, in memory: loaded once, then kept by counting record by record.

Nothing is ever reset: another window is another span, and what nobody asks for makes room.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from services.spend.holds import EXACT
from services.spend.spent import Span


class Counted(NamedTuple):
    """What is counted: a span of an account, and of it maybe only calls of one `model`."""

    span: Span
    model: str = ""


class Record(NamedTuple):
    """A call or a correction as it is counted; accounts and model by their numbers."""

    position: int
    started_at: datetime
    cost: Decimal
    accounts: Iterable[int | None]
    model: int | None


@dataclass(slots=True)
class _Counter:
    """Numbers are None while the ledger does not know the account, or the model."""

    account: int | None
    model: int | None
    position: int
    amount: Decimal
    since: datetime | None
    until: datetime | None

    def count(self, record: Record) -> None:
        """Take in a record on its account, unless it was loaded with it."""
        if (
            record.position > self.position
            and (self.since is None or record.started_at >= self.since)
            and (self.until is None or record.started_at < self.until)
            and (self.model is None or self.model == record.model)
        ):
            self.amount = EXACT.add(self.amount, record.cost)


class Counters:
    """At most `capacity` of them; `position` is how far records were counted."""

    def __init__(self, capacity: int) -> None:
        self.position = 0
        self._capacity = capacity
        self._kept: OrderedDict[Counted, _Counter] = OrderedDict()
        self._by_account: defaultdict[int, dict[Counted, _Counter]] = defaultdict(dict)
        self._unborn: set[Counted] = set()

    def __contains__(self, counted: Counted) -> bool:
        return counted in self._kept

    def know(self, counted: Iterable[Counted]) -> bool:
        """Whether all of them are here."""
        return all(map(self._kept.__contains__, counted))

    def spent(self, counted: Counted) -> Decimal:
        """USD at `position` or, where it was loaded later, then; KeyError if it is not here."""
        self._kept.move_to_end(counted)
        return self._kept[counted].amount

    def keep(
        self,
        counted: Counted,
        numbers: tuple[int | None, int | None],
        position: int,
        amount: Decimal,
    ) -> None:
        """Take in what was loaded at a position; `numbers` are those of account and model."""
        self._kept.pop(counted, None)
        account, model = numbers
        span = counted.span
        counter = _Counter(account, model, position, amount, span.since, span.until)
        self._kept[counted] = counter
        if account is not None:
            self._by_account[account][counted] = counter
        if account is None or (counted.model and model is None):
            self._unborn.add(counted)
        while len(self._kept) > self._capacity:
            self._drop(next(iter(self._kept)))

    def count(self, record: Record) -> None:
        """Take in the next record. What is not known by its number may be what it is about."""
        for account in record.accounts:
            for counter in self._by_account.get(account or 0, {}).values():
                counter.count(record)
        for counted in tuple(self._unborn):
            self._drop(counted)
        self.position = record.position

    def forget(self, position: int) -> None:
        """Begin anew at a position."""
        self._kept.clear()
        self._by_account.clear()
        self._unborn.clear()
        self.position = position

    def _drop(self, counted: Counted) -> None:
        account = self._kept.pop(counted).account
        self._unborn.discard(counted)
        if account is not None:
            del self._by_account[account][counted]
            if not self._by_account[account]:
                del self._by_account[account]
