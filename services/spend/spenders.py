"""Things that spend, and what counts of it in the windows that hold a moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import islice

from services.spend.budgets import UNPACED, Account, Cadences
from services.spend.spent import Span
from services.spend.windows import Counting, Opening, Reset, Window, counting

NO_LIMIT_BEYOND = timedelta(days=1)
"""How far ahead of the clock no call begins: the ledger takes 5 minutes, clocks differ."""


@dataclass(frozen=True, slots=True)
class Spender:
    """What is booked on `accounts` is one thing's: a key's also what it was before (decision 008).

    `resets` and `openings` are those of all of them.
    """

    accounts: Sequence[Account]
    cadences: Cadences = UNPACED
    resets: Sequence[Reset] = ()
    openings: Sequence[Opening] = ()

    def window(self, moment: datetime, zone: tzinfo) -> Window:
        """The window that holds a moment."""
        return self.cadences.window(moment, zone)

    def counting(self, window: Window) -> Counting:
        """What counts in one of its windows."""
        return counting(window, self.resets, self.openings)

    def reckoning(self, window: Window, now: datetime) -> "Reckoning":
        """How to tell what counts in one of its windows: nothing begins long after `now`."""
        found = self.counting(window)
        until = found.until
        if until is not None and until > now + NO_LIMIT_BEYOND:
            until = None
        spans = tuple(Span(*account, found.since, until) for account in self.accounts)
        return Reckoning(spans, ((found.base, len(spans)),), _same_until(window.end, now))


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing and one of its windows."""

    spender: Spender
    window: Window


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What the ledger has to be asked for, and how amounts are made of what it says.

    Each of `parts` is an amount: so many of the spans, one after the other, beside a base in USD.
    For windows that hold a moment it is the same until `until`; None: for ever.
    """

    spans: tuple[Span, ...]
    parts: tuple[tuple[Decimal, int], ...]
    until: datetime | None

    def amounts(self, sums: Iterable[Decimal]) -> list[Decimal]:
        """USD that count in each of the windows; `sums` are those of the spans."""
        rest = iter(sums)
        return [sum(islice(rest, size), base) for base, size in self.parts]


def reckoned(asked: Iterable[Asked], now: datetime) -> Reckoning:
    """How to tell what counts in all of these windows."""
    return joined(one.spender.reckoning(one.window, now) for one in asked)


def joined(each: Iterable[Reckoning]) -> Reckoning:
    """All of them, one after the other."""
    spans: list[Span] = []
    parts: list[tuple[Decimal, int]] = []
    until: datetime | None = None
    for one in each:
        spans += one.spans
        parts += one.parts
        if one.until is not None and (until is None or one.until < until):
            until = one.until
    return Reckoning(tuple(spans), tuple(parts), until)


def asked_now(spenders: Iterable[Spender], now: datetime, zone: tzinfo) -> list[Asked]:
    """The windows that hold `now`."""
    return [Asked(spender, spender.window(now, zone)) for spender in spenders]


def _same_until(end: datetime | None, now: datetime) -> datetime | None:
    """Until when the same spans count: those of a window that ends soon are cut at its end."""
    if end is None:
        return None
    soon = end - NO_LIMIT_BEYOND
    return soon if now < soon else end
