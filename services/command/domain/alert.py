"""Thresholds of a budget in one window: each is told of once for each amount of the budget.

A budget that was raised is another amount: what of it is used up is news again. One that is set
back to what it was is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import NamedTuple

from events.alert import BudgetThresholdCrossed
from events.envelope import Envelope
from events.registry import DomainEvent
from events.spend import SpendKind

_EXACT = Context(prec=80)
_HUNDRED = Decimal(100)


class Threshold(NamedTuple):
    """`percent` of `budget` USD; None is all of a soft budget."""

    percent: int | None
    budget: Decimal

    @property
    def least(self) -> Decimal:
        """USD by which it is reached."""
        share = _HUNDRED if self.percent is None else Decimal(self.percent)
        return _EXACT.divide(_EXACT.multiply(self.budget, share), _HUNDRED)

    def reached(self, spend: Decimal) -> bool:
        """Whether `spend` USD are as much, or more. Nobody comes near to a budget of nothing."""
        return 0 < self.least <= spend


@dataclass(frozen=True, slots=True)
class Crossed:
    """Folded state of one window of a budget: what was told."""

    version: int = 0
    incarnation: int = 0
    told: frozenset[Threshold] = frozenset()


@dataclass(frozen=True, slots=True)
class Names:
    """What a thing was called, and in what it was; see BudgetThresholdCrossed."""

    user_id: str | None = None
    key_alias: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    organization_id: str | None = None
    organization_alias: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """A window of one life of a thing, in which spend counts from `since` on."""

    kind: SpendKind
    id: str
    incarnation: int
    since: datetime | None
    start: datetime | None
    end: datetime | None
    names: Names


def thresholds(
    max_budget: Decimal | None, soft_budget: Decimal | None, percents: Sequence[int]
) -> list[Threshold]:
    """All there are of a budget."""
    found = [] if soft_budget is None else [Threshold(None, soft_budget)]
    if max_budget is not None:
        found += [Threshold(percent, max_budget) for percent in percents]
    return found


def left(crossed: Crossed, wanted: Sequence[Threshold]) -> list[Threshold]:
    """Those that nobody was told of in this window."""
    return [threshold for threshold in wanted if threshold not in crossed.told]


def cross(
    crossed: Crossed, window: BudgetWindow, wanted: Sequence[Threshold], spend: Decimal
) -> list[DomainEvent]:
    """What there is to tell where `spend` USD count in the window; [] if all of it was told."""
    names = window.names
    return [
        BudgetThresholdCrossed(
            kind=window.kind,
            id=window.id,
            incarnation=window.incarnation,
            percent=threshold.percent,
            budget=threshold.budget,
            spend=spend,
            since=window.since,
            window_start=window.start,
            window_end=window.end,
            user_id=names.user_id,
            key_alias=names.key_alias,
            team_id=names.team_id,
            team_alias=names.team_alias,
            organization_id=names.organization_id,
            organization_alias=names.organization_alias,
        )
        for threshold in left(crossed, wanted)
        if threshold.reached(spend)
    ]


def evolve(crossed: Crossed, envelope: Envelope) -> Crossed:
    """The state after one more fact."""
    version, told = envelope.originator_version, crossed.told
    match envelope.event:
        case BudgetThresholdCrossed(percent=percent, budget=budget):
            told |= {Threshold(percent, budget)}
    return Crossed(version, envelope.incarnation, told)
