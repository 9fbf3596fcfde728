"""The command that finds out which thresholds of budgets are reached, and tells of each once.

What was told stands in the stream of the window (decision 015). So it does not matter how often, in
which portions or by how many processes somebody looks: commands are decided one after the other.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from events.alert import alert_stream
from events.registry import DomainEvent
from events.spend import SpendKind
from services.access.principal import Principal
from services.command.application.budgeted import Spending, spending
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
from services.spend.spenders import Asked
from services.spend.windows import Window

MOST_FACTS = 500


class Stretch(NamedTuple):
    """Windows of an account that hold any moment from `first` to `last`, both inclusive."""

    account: Account
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class _Watched:
    """A window of something, and the thresholds that nobody was told of yet."""

    asked: Asked
    stream: str
    window: BudgetWindow
    wanted: Sequence[Threshold]


@dataclass(frozen=True, slots=True)
class TellCrossings:
    """Tell which thresholds are reached in these windows, judged by the budgets of now.

    `percents` are those of every budget. Answers whether there was more to tell than one command
    should: then it is to be sent again.
    """

    stretches: Sequence[Stretch]
    percents: Sequence[int]
    spent: Spent
    name: str = "TellCrossings"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        watched = self._watched(view)
        amounts = self.spent.of([one.asked for one in watched], view.now) if watched else []
        facts: list[tuple[str, DomainEvent]] = []
        for one, spend in zip(watched, amounts, strict=True):
            found = cross(_told(view, one.stream), one.window, one.wanted, spend)
            facts += [(one.stream, fact) for fact in found]
        more = len(facts) > MOST_FACTS
        return Decision(facts[:MOST_FACTS], lambda _: more)

    def _watched(self, view: View) -> list[_Watched]:
        found = [
            self._one(each, window) for each, windows in self._windows(view) for window in windows
        ]
        view.need(one.stream for one in found)
        news = ((one, left(_told(view, one.stream), one.wanted)) for one in found)
        return [one for one, wanted in news if wanted]

    def _windows(self, view: View) -> list[tuple[Spending, list[Window]]]:
        """Each window of each thing once, whatever hash of a key a call was booked under."""
        things = spending(view, [stretch.account for stretch in self.stretches])
        windows: defaultdict[Account, dict[Window, None]] = defaultdict(dict)
        by_account: dict[Account, Spending] = {}
        for account, first, last in self.stretches:
            if (each := things.get(account)) is None:
                continue
            identity = each.thing.accounts[0]
            by_account[identity] = each
            back = each.spender.cadences.windows_back(last, self.spent.zone, first)
            windows[identity] |= dict.fromkeys(back)
        return [(by_account[identity], list(those)) for identity, those in windows.items()]

    def _one(self, each: Spending, window: Window) -> _Watched:
        thing, since = each.thing, each.spender.counting(window).since
        kind, identity, incarnation, member = thing.accounts[0]
        named = cast("SpendKind", kind)
        present = thing.accounts[-1]
        return _Watched(
            Asked(each.spender, window),
            alert_stream(named, identity, incarnation, member, since),
            BudgetWindow(
                named, present.id, present.incarnation, since, window.start, window.end, thing.names
            ),
            thresholds(thing.max_budget, thing.soft_budget, self.percents),
        )


def _told(view: View, stream: str) -> Crossed:
    return cast("Crossed", view.state(stream))
