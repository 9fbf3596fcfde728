"""How much may be spent before a threshold can be reached: what need not be judged until then.

It is known of things that were judged, by whoever has looked at everything since. Where anything is
said of a budget, or of what was spent, it is to be forgotten.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from services.spend.budgets import Account
from services.spend.holds import EXACT
from services.spend.windows import FOR_EVER, Window

KEPT = 200_000


class Spent(NamedTuple):
    """USD of calls that were booked on an account, and began from `first` to `last`."""

    account: Account
    first: datetime
    last: datetime
    usd: Decimal


class Room(NamedTuple):
    """Less than `left` USD more in a window reach no threshold; None: nothing does."""

    window: Window
    left: Decimal | None


UNBOUNDED = Room(FOR_EVER, None)
"""That of a thing without thresholds."""


class Rooms:
    """Those of at most so many accounts; with one more all are forgotten."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: dict[Account, Room] = {}
        self._looked = (0, 0)

    def begin(self, looked: tuple[int, int]) -> None:
        """Forget all unless everything was looked at here up to where it goes on."""
        if looked != self._looked:
            self._known.clear()

    def end(self, looked: tuple[int, int]) -> None:
        """Everything was looked at up to there."""
        self._looked = looked

    def holds(self, spent: Spent) -> bool:
        """Whether it reaches nothing; takes it off the room if so."""
        room = self._known.get(spent.account)
        if room is None or not (room.window.holds(spent.first) and room.window.holds(spent.last)):
            return False
        if room.left is None:
            return True
        if spent.usd >= room.left:
            return False
        self._known[spent.account] = room._replace(left=EXACT.subtract(room.left, spent.usd))
        return True

    def keep(self, rooms: Mapping[Account, Room]) -> None:
        """What was found when these were judged."""
        if len(self._known) + len(rooms) > self._kept:
            self._known.clear()
        self._known |= rooms

    def forget(self, accounts: Iterable[Account]) -> None:
        """They are to be judged, whatever is spent."""
        for account in accounts:
            self._known.pop(account, None)

    def forget_all(self) -> None:
        self._known.clear()
