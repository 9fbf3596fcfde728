"""Traffic lights: what of a standing is well, what is to be watched, and what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.operation.standing import Lag, Log, Standing

WEBHOOKS_WAIT_SECONDS = 3_600.0
PART_OF_LIMIT = 3
"""Yellow comes at this part of the limit at which a light turns red."""


class Colour(StrEnum):
    """Green is well, yellow is to be watched, red needs somebody."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Light:
    """One thing that was looked at, and why it has its colour."""

    name: str
    colour: Colour
    reason: str


def lights(
    standing: Standing, stopped: Mapping[str, str | None], max_lag: float
) -> Sequence[Light]:
    """All lights. `stopped` are parts of this process with why they have stopped, or None.

    `max_lag` seconds is how old the oldest event may be that a follower lacks.
    """
    found = [_part(name, why) for name, why in stopped.items()]
    found.append(_database("event database", up=standing.log is not None))
    found.append(_database("read database", up=standing.groups is not None))
    if (log := standing.log) is not None:
        groups = (standing.groups or {}).items()
        found += [_follower(f"read models {name}", lag, log, max_lag) for name, lag in groups]
        found.append(_follower("seal", log.seal.events, log, max_lag))
        relays = ((f"topic {each.topic}", each.lag) for each in log.relays)
        found += [_follower(name, lag, log, max_lag) for name, lag in relays]
        found += _queues(log)
    return found


def worst(found: Sequence[Light]) -> Light:
    """The first of the worst colour: what to begin with."""
    order = (Colour.RED, Colour.YELLOW, Colour.GREEN)
    return min(found, key=lambda light: order.index(light.colour))


def _part(name: str, why: str | None) -> Light:
    if why is None:
        return Light(name, Colour.GREEN, "at work")
    return Light(name, Colour.RED, why)


def _database(name: str, *, up: bool) -> Light:
    if up:
        return Light(name, Colour.GREEN, "answers")
    return Light(name, Colour.RED, "does not answer")


def _follower(name: str, lag: Lag, log: Log, max_lag: float) -> Light:
    if not lag.events:
        return Light(name, Colour.GREEN, f"at the head, position {log.head}")
    reason = f"lacks {lag.events} events, the oldest of {lag.seconds:.1f} s ago"
    if lag.seconds > max_lag:
        return Light(name, Colour.RED, f"{reason}; the limit is {max_lag:g} s")
    late = lag.seconds > max_lag / PART_OF_LIMIT
    return Light(name, Colour.YELLOW if late else Colour.GREEN, reason)


def _queues(log: Log) -> Iterator[Light]:
    waiting, oldest = log.queues.messages, log.queues.oldest
    age = 0.0 if oldest is None else (log.at - oldest).total_seconds()
    colour = Colour.YELLOW if age > WEBHOOKS_WAIT_SECONDS else Colour.GREEN
    since = f", the oldest for {age:.0f} s" if waiting else ""
    yield Light("webhooks", colour, f"{waiting} messages wait{since}")
    held = log.queues.quarantined
    colour = Colour.YELLOW if held else Colour.GREEN
    yield Light("usage ledger", colour, f"{held} records wait in quarantine")
