"""What was spent before there was a ledger: opening balances, which no command decides on."""

from dataclasses import dataclass

from events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Spend:
    """Folded state of one stream of opening balances."""

    version: int = 0
    incarnation: int = 0


def evolve(_: Spend, envelope: Envelope) -> Spend:
    """The state after one more fact."""
    return Spend(envelope.originator_version, envelope.incarnation)
