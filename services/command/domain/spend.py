"""What bears on spend beside the calls: opening balances, and resets, which set it to an amount."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from events.envelope import Envelope
from events.registry import DomainEvent
from events.spend import SpendKind, SpendOpened, SpendReset, SpendResetEverywhere
from services.command.domain.errors import NotResettable


@dataclass(frozen=True, slots=True)
class Mark:
    """USD that a life of a thing has spent, whatever was booked before `at`."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Spend:
    """Folded state of one stream, as far as it is about one life, the latest that is named.

    `opened` is what another system said, `reset` the last amount that was set here, by a fact of
    its own or, in the stream of everything, for all of `kinds`.
    """

    version: int = 0
    incarnation: int = 0
    life: int = 0
    opened: Mark | None = None
    reset: Mark | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResetSpend:
    """Have the spend of one life of a thing go on from `wanted` USD.

    `spent` is what counts now, `max_budget` what may be spent.
    """

    kind: SpendKind
    id: str
    user_id: str | None
    incarnation: int
    spent: Decimal
    max_budget: Decimal | None
    wanted: Decimal
    reason: str | None


def reset(command: ResetSpend) -> list[DomainEvent]:
    """Refuses an amount below zero, or above what is or may be spent; [] when it is that already.

    See supporting-api.md 2.8.
    """
    wanted, spent, most = command.wanted, command.spent, command.max_budget
    if wanted < 0:
        raise NotResettable("reset_to must be >= 0")
    if wanted > spent:
        raise NotResettable(f"reset_to ({float(wanted)}) must be <= current spend ({float(spent)})")
    if most is not None and wanted > most:
        raise NotResettable(f"reset_to ({float(wanted)}) must be <= budget ({float(most)})")
    if wanted == spent:
        return []
    return [
        SpendReset(
            kind=command.kind,
            id=command.id,
            user_id=command.user_id,
            incarnation=command.incarnation,
            before=spent,
            amount=wanted,
            reason=command.reason,
        )
    ]


def evolve(spend: Spend, envelope: Envelope) -> Spend:
    """The state after one more fact."""
    event, at = envelope.event, envelope.recorded_at
    spend = replace(spend, version=envelope.originator_version, incarnation=envelope.incarnation)
    match event:
        case SpendOpened(incarnation=life, amount=amount, as_of=as_of) if life >= spend.life:
            return replace(_of(spend, life), opened=Mark(as_of, amount))
        case SpendReset(incarnation=life, amount=amount) if life >= spend.life:
            return replace(_of(spend, life), reset=Mark(at, amount))
        case SpendResetEverywhere(kinds=kinds):
            return replace(spend, reset=Mark(at, Decimal(0)), kinds=tuple(kinds))
    return spend


def _of(spend: Spend, life: int) -> Spend:
    """What an earlier life had counts in a later one no more."""
    return spend if life == spend.life else replace(spend, life=life, opened=None, reset=None)
