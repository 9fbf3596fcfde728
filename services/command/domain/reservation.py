"""A name that only one thing may bear: an e-mail address, a key alias."""

from dataclasses import dataclass, replace

from events.envelope import Envelope
from events.registry import DomainEvent
from events.reservation import NameReleased, NameReserved
from services.command.domain.errors import AlreadyExists


@dataclass(frozen=True, slots=True)
class Reservation:
    holder: str | None = None
    version: int = 0
    incarnation: int = 0


def reserve(name: Reservation, kind: str, shown: str, holder: str) -> list[DomainEvent]:
    """Refuses a name that somebody else bears; `shown` is how the refusal calls it."""
    if name.holder == holder:
        return []
    if name.holder is not None:
        raise AlreadyExists(kind, shown)
    return [NameReserved(holder=holder)]


def release(name: Reservation, holder: str) -> list[DomainEvent]:
    """[] for a name that somebody else bears by now."""
    return [NameReleased(holder=holder)] if name.holder == holder else []


def hand_over(name: Reservation, before: str, after: str) -> list[DomainEvent]:
    """The name passes from one holder to another, with nobody in between."""
    return [*release(name, before), NameReserved(holder=after)]


def evolve(name: Reservation, envelope: Envelope) -> Reservation:
    """The state after one more fact."""
    version = envelope.originator_version
    match envelope.event:
        case NameReserved(holder=holder):
            return Reservation(holder, version, incarnation=version)
        case NameReleased():
            return Reservation(None, version, name.incarnation)
    return replace(name, version=version)
