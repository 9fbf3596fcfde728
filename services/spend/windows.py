"""Budget windows: computed from a duration and the clock, so that no reset can come late.

Nothing is reset. What counts is what was spent since a moment: the window's start, or a manual
reset within the window, which has the window go on from an amount (decision 010).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from events.duration import BudgetDuration

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until before `end`; None is without bound: no reset, one window."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a call that began then falls into it."""
        return (self.start is None or self.start <= moment) and (
            self.end is None or moment < self.end
        )


FOR_EVER = Window()


@dataclass(frozen=True, slots=True)
class Reset:
    """Somebody had the spend go on from `amount` USD at a moment."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Opening:
    """What another system said was spent, in USD, when it was read."""

    as_of: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Counting:
    """How to know what was spent in a window: `base`, and what the ledger holds from `since` on."""

    base: Decimal
    since: datetime | None
    until: datetime | None


def window_at(
    moment: datetime, duration: BudgetDuration | None, anchor: datetime, zone: tzinfo
) -> Window:
    """The window that holds a moment. `anchor` is since when the budget has this duration."""
    if duration is None:
        return FOR_EVER
    return Window(*duration.window(moment, anchor, zone))


def windows_back(
    moment: datetime, duration: BudgetDuration | None, anchor: datetime, zone: tzinfo
) -> Iterator[Window]:
    """The window that holds a moment, and those before it down to the one that holds `anchor`."""
    window = window_at(moment, duration, anchor, zone)
    yield window
    while window.start is not None and window.start > anchor:
        end = window.start
        before = window_at(_just_before(end), duration, anchor, zone)
        window = Window(before.start, end)
        yield window


def counting(window: Window, resets: Sequence[Reset], openings: Sequence[Opening]) -> Counting:
    """What counts in a window, given all resets and openings of the account.

    A reset ends what was opened up to its very moment; a call that began just then counts.
    """
    opened = [opening for opening in openings if window.holds(opening.as_of)]
    within = [reset for reset in resets if window.holds(reset.at)]
    last = max(within, key=lambda reset: reset.at, default=None)
    if last is None:
        return Counting(_total(opened), window.start, window.end)
    later = [opening for opening in opened if opening.as_of > last.at]
    return Counting(last.amount + _total(later), last.at, window.end)


def _total(openings: Iterable[Opening]) -> Decimal:
    return sum((opening.amount for opening in openings), NOTHING)


def _just_before(moment: datetime) -> datetime:
    return moment - datetime.resolution
