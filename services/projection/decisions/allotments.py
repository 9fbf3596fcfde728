"""What a budget allots to calls of a key: how much, in which window, and what counts towards it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Protocol

from services.access.funds import Funds, Purse, binds
from services.spend.budgets import Account, Holder
from services.spend.counters import Counted
from services.spend.holds import EXACT
from services.spend.raises import Raise, raised
from services.spend.reservations import Limit
from services.spend.spenders import Spender
from services.spend.windows import Window


class Sums(Protocol):
    """Who knows what is spent and held: USD."""

    def spent(self, counted: Sequence[Counted]) -> Decimal:
        """What counts, in all of these together."""
        ...

    def held(self, holder: Account, now: datetime) -> Decimal:
        """What is held on an account."""
        ...


@dataclass(frozen=True, slots=True)
class _Due:
    """What counts from one moment until before another: `base`, and what is `counted`."""

    since: datetime | None
    until: datetime | None
    window: Window
    base: Decimal
    counted: tuple[Counted, ...]

    def holds(self, now: datetime) -> bool:
        return (self.since is None or self.since <= now) and (
            self.until is None or now < self.until
        )


@dataclass(slots=True)
class Allotment:
    """The budget of a purse. `set_on` is where it stands in read.budget_periods_1.

    Only calls of `models` count, unless there are none. What is held for calls is held on `holder`.
    """

    purse: Purse
    id: str
    spender: Spender
    holder: Account
    max_budget: Decimal | None = None
    soft_budget: Decimal | None = None
    member: str | None = None
    alias: str | None = None
    models: Sequence[str] = ()
    set_on: Holder | None = None
    raised: Raise | None = None
    _due: _Due | None = field(default=None, init=False)

    @property
    def matters(self) -> bool:
        """Whether there is anything to compare spend with."""
        return self.max_budget is not None or self.soft_budget is not None

    def counted(self, now: datetime, zone: tzinfo) -> tuple[Counted, ...]:
        """What has to be known to tell the funds; `now` does not go back."""
        return self._at(now, zone).counted

    def funds(self, follower: Sums, now: datetime, zone: tzinfo) -> Funds:
        """The budget as it stands; all that is counted, and the holder, must be reached."""
        due = self._at(now, zone)
        return Funds(
            self.purse,
            self.id,
            self._most(now),
            self.soft_budget,
            EXACT.add(due.base, follower.spent(due.counted)),
            follower.held(self.holder, now),
            due.window.start,
            due.window.end,
            self.member,
            self.models[0] if self.models else None,
            self.alias,
        )

    def limit(self, now: datetime, zone: tzinfo) -> Limit | None:
        """What a reservation has to fit."""
        most = self._most(now)
        if most is None or not binds(self.purse, most):
            return None
        due = self._at(now, zone)
        return Limit(self.holder, due.counted, due.base, most)

    def _most(self, now: datetime) -> Decimal | None:
        return raised(self.max_budget, self.raised, now)

    def _at(self, now: datetime, zone: tzinfo) -> _Due:
        if self._due is None or not self._due.holds(now):
            self._due = self._computed(now, zone)
        return self._due

    def _computed(self, now: datetime, zone: tzinfo) -> _Due:
        window = self.spender.window(now, zone)
        reckoning = self.spender.reckoning(window, now)
        [(base, _)] = reckoning.parts
        models = self.models or ("",)
        return _Due(
            window.start,
            reckoning.until,
            window,
            base,
            tuple(Counted(span, model) for span in reckoning.spans for model in models),
        )
