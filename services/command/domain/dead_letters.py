"""Dead letters of a topic: that some were replayed is recorded, and nothing follows from it."""

from dataclasses import dataclass

from events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Folded state of the stream: how long it is."""

    version: int = 0
    incarnation: int = 0


def evolve(_: DeadLetters, envelope: Envelope) -> DeadLetters:
    """The state after one more fact."""
    return DeadLetters(envelope.originator_version, envelope.incarnation)
