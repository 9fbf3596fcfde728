"""Things that spend, and what counts of it in the windows that hold a moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any

import psycopg

from services.spend.budgets import UNPACED, Account, Cadences
from services.spend.spent import Span, spent
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

    def spans(self, window: Window, now: datetime) -> list[Span]:
        """What the ledger has to be asked for: nothing begins long after `now`."""
        found = self.counting(window)
        until = found.until
        if until is not None and until > now + NO_LIMIT_BEYOND:
            until = None
        return [Span(*account, found.since, until) for account in self.accounts]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing and one of its windows."""

    spender: Spender
    window: Window


def spans_of(asked: Sequence[Asked], now: datetime) -> list[Span]:
    """What the ledger has to be asked for to tell what counts in these windows."""
    return [span for one in asked for span in one.spender.spans(one.window, now)]


def counted(asked: Sequence[Asked], amounts: Sequence[Decimal]) -> list[Decimal]:
    """USD that count in each of these windows; `amounts` are those of `spans_of`."""
    rest = iter(amounts)
    return [
        sum(islice(rest, len(one.spender.accounts)), one.spender.counting(one.window).base)
        for one in asked
    ]


def asked_now(spenders: Iterable[Spender], now: datetime, zone: tzinfo) -> list[Asked]:
    """The windows that hold `now`."""
    return [Asked(spender, spender.window(now, zone)) for spender in spenders]


async def spent_in(
    connection: psycopg.AsyncConnection[Any], asked: Sequence[Asked], now: datetime
) -> list[Decimal]:
    """USD that count in each of these windows, in the order asked, by one statement."""
    return counted(asked, await spent(connection, spans_of(asked, now)))
