"""The command that finds out which thresholds of budgets are reached, and tells of each once.

What was told stands in the stream of the window (decision 015). So it does not matter how often, in
which portions or by how many processes somebody looks: commands are decided one after the other.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, cast

from events.alert import alert_stream
from events.registry import DomainEvent
from events.spend import SpendKind
from services.access.principal import Principal
from services.command.application.budget_rooms import UNBOUNDED, Room
from services.command.application.budgeted import Spending, is_one, spending
from services.command.application.requests import Decision
from services.command.application.spent import Spent
from services.command.application.view import View
from services.command.domain.alert import (
    BudgetWindow,
    Crossed,
    Threshold,
    cross,
    left,
    thresholds,
)
from services.spend.budgets import Account
from services.spend.holds import EXACT
from services.spend.spenders import Asked
from services.spend.windows import Window

MOST_FACTS = 500


class Looked(NamedTuple):
    """There is `more` to tell than one command should: it is to be sent again.

    If not, `rooms` are those of present windows.
    """

    more: bool
    rooms: Mapping[Account, Room]


class Stretch(NamedTuple):
    """Windows of an account that hold any moment from `first` to `last`, both inclusive."""

    account: Account
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class _Watched:
    """A window of something, and the thresholds that nobody was told of yet."""

    account: Account
    asked: Asked
    stream: str
    window: BudgetWindow
    wanted: Sequence[Threshold]
    roomy: bool

    @property
    def all_told(self) -> Room:
        return Room(self.asked.window, None)

    def room(self, spend: Decimal) -> Room:
        """What is left until the next threshold, if there is any."""
        ahead = [one.least for one in self.wanted if one.least > spend]
        left_over = EXACT.subtract(min(ahead), spend) if ahead else None
        return Room(self.asked.window, left_over)


@dataclass(frozen=True, slots=True)
class TellCrossings:
    """Tell which thresholds are reached in these windows, judged by the budgets of now.

    `percents` are those of every budget. Answers with Looked.
    """

    stretches: Sequence[Stretch]
    percents: Sequence[int]
    spent: Spent
    name: str = "TellCrossings"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        things = spending(view, [stretch.account for stretch in self.stretches])
        windows = self._watched(view, things)
        watched = [one for one in windows if one.wanted]
        amounts = self.spent.of([one.asked for one in watched], view.now) if watched else []
        facts: list[tuple[str, DomainEvent]] = []
        rooms = self._unbounded(view, things)
        rooms |= {one.account: one.all_told for one in windows if one.roomy and not one.wanted}
        for one, spend in zip(watched, amounts, strict=True):
            found = cross(_told(view, one.stream), one.window, one.wanted, spend)
            facts += [(one.stream, fact) for fact in found]
            if one.roomy:
                rooms[one.account] = one.room(spend)
        if len(facts) > MOST_FACTS:
            return Decision(facts[:MOST_FACTS], lambda _: Looked(more=True, rooms={}))
        return Decision(facts, lambda _: Looked(more=False, rooms=rooms))

    def _unbounded(self, view: View, things: Mapping[Account, Spending]) -> dict[Account, Room]:
        """Of what has no budget, whatever may be spent."""
        accounts = {stretch.account for stretch in self.stretches} - things.keys()
        return {account: UNBOUNDED for account in accounts if is_one(view, account)}

    def _watched(self, view: View, things: Mapping[Account, Spending]) -> list[_Watched]:
        """Each with what nobody was told of yet; the ledger is not asked about the others."""
        found = [self._one(view, each, window) for each, window in self._windows(things)]
        view.need(one.stream for one in found)
        return [replace(one, wanted=left(_told(view, one.stream), one.wanted)) for one in found]

    def _windows(self, things: Mapping[Account, Spending]) -> Iterator[tuple[Spending, Window]]:
        """Each window of each thing once, whatever hash of a key a call was booked under."""
        windows: defaultdict[Account, dict[Window, Spending]] = defaultdict(dict)
        for account, first, last in self.stretches:
            if (each := things.get(account)) is not None:
                back = each.spender.cadences.windows_back(last, self.spent.zone, first)
                windows[each.thing.accounts[0]] |= dict.fromkeys(back, each)
        for those in windows.values():
            for window, each in those.items():
                yield each, window

    def _one(self, view: View, each: Spending, window: Window) -> _Watched:
        thing, since = each.thing, each.spender.counting(window).since
        kind, identity, incarnation, member = thing.accounts[0]
        named = cast("SpendKind", kind)
        present = thing.accounts[-1]
        return _Watched(
            thing.accounts[0],
            Asked(each.spender, window),
            alert_stream(named, identity, incarnation, member, since),
            BudgetWindow(
                named, present.id, present.incarnation, since, window.start, window.end, thing.names
            ),
            thresholds(thing.max_budget, thing.soft_budget, self.percents),
            roomy=len(thing.accounts) == 1 and not thing.raised and window.holds(view.now),
        )


def _told(view: View, stream: str) -> Crossed:
    return cast("Crossed", view.state(stream))
