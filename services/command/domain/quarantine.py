"""Usage in quarantine: somebody decides, once, whether a record is booked or discarded.

A record that was discarded may be sent again, and then waits again. So a decision is about what
waits since one moment, and a later one about what waits since another.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from events.envelope import Envelope
from events.quarantine import QuarantineBooked, QuarantineDiscarded, Waited
from events.registry import DomainEvent
from events.usage import UsageRecorded
from services.command.domain.errors import AlreadySettled, NotFound

Settlement = QuarantineBooked | QuarantineDiscarded


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Folded state of one record: what was decided last, and since when waited what was before."""

    version: int = 0
    incarnation: int = 0
    settled: Settlement | None = None
    earlier: frozenset[datetime] = frozenset()


def book(
    state: Quarantined, identity: str, waiting: Waited | None, started_at: datetime | None
) -> list[DomainEvent]:
    """[] if that was decided already. `waiting` is None when nothing waits (any more).

    `started_at` None is as it was reported.
    """
    settled = _standing(state, identity, waiting)
    if settled is None and waiting is not None:
        reported = UsageRecorded.model_validate(waiting.usage).started_at
        return [QuarantineBooked(waited=waiting, started_at=started_at or reported)]
    if isinstance(settled, QuarantineBooked) and started_at in {None, settled.started_at}:
        return []
    raise AlreadySettled(identity)


def discard(state: Quarantined, identity: str, waiting: Waited | None) -> list[DomainEvent]:
    """[] if that was decided already."""
    settled = _standing(state, identity, waiting)
    if settled is None and waiting is not None:
        return [QuarantineDiscarded(waited=waiting)]
    if isinstance(settled, QuarantineDiscarded):
        return []
    raise AlreadySettled(identity)


def _standing(state: Quarantined, identity: str, waiting: Waited | None) -> Settlement | None:
    """The decision about what waits now, or about what waited last."""
    settled = state.settled
    if waiting is None and settled is None:
        raise NotFound("quarantined_usage", identity)
    if waiting is None or settled is None:
        return settled
    if waiting.received_at in state.earlier:
        raise AlreadySettled(identity)
    return settled if settled.waited.received_at == waiting.received_at else None


def evolve(state: Quarantined, envelope: Envelope) -> Quarantined:
    """The state after one more fact."""
    version = envelope.originator_version
    match envelope.event:
        case QuarantineBooked() | QuarantineDiscarded() as settled:
            before = set() if state.settled is None else {state.settled.waited.received_at}
            return Quarantined(version, version, settled, state.earlier | before)
    return replace(state, version=version)
