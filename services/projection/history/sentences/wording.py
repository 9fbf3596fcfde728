"""Turns of phrase that sentences about different things share: amounts, limits, lists, names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from events.registry import DomainEvent
from events.values import JsonObject, MemberLimits, Sealed, plain, timestamp

_SHOWN = 5
_LONGEST = 80


class Teller(Protocol):
    """Who is who: sentences name people by what their reader may know of them."""

    def person(self, user_id: str) -> str:
        """A user, by address or id."""
        ...

    def opened(self, box: Sealed | None) -> str | None:
        """What is sealed; None for nothing, and for who was forgotten."""
        ...


class Limited(Protocol):
    """Whatever has limits of throughput."""

    @property
    def tpm_limit(self) -> int | None: ...

    @property
    def rpm_limit(self) -> int | None: ...


class Budgeted(Protocol):
    """Whatever has a budget."""

    @property
    def max_budget(self) -> Decimal | None: ...

    @property
    def budget_duration(self) -> str | None: ...


B = TypeVar("B", bound=Budgeted)
L = TypeVar("L", bound=Limited)
V = TypeVar("V")
N = TypeVar("N", int, Decimal)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact to tell, what the thing is called, and who is who."""

    identity: str
    teller: Teller


Phrase = Callable[[Any, Told], str]
Phrases = Mapping[type[DomainEvent], Phrase]


def says(phrase: str) -> Phrase:
    """For facts that are told in always the same words."""
    return lambda _fact, _told: phrase


def usd(amount: Decimal) -> str:
    """An amount of money as people write it."""
    text = plain(amount)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} USD"


def quoted(name: object) -> str:
    """A name somebody gave, cut where it is long."""
    text = str(name)
    return f'"{text if len(text) <= _LONGEST else text[:_LONGEST] + "…"}"'


def listed(names: Sequence[object]) -> str:
    """Some names and how many there are besides."""
    shown = ", ".join(quoted(name) for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def joined(parts: Sequence[str], otherwise: str) -> str:
    """Phrases one after the other; `otherwise` if there are none."""
    if len(parts) > 1:
        return f"{', '.join(parts[:-1])} and {parts[-1]}"
    return parts[0] if parts else otherwise


def amount(
    name: str,
    before: N | None,
    after: N | None,
    show: Callable[[N], str] = str,
    per: str | None = None,
) -> Iterator[str]:
    """How a number changed; nothing if it did not. `per` is the window that it counts in."""
    window = f" per {per}" if per else ""
    if before is None:
        if after is not None:
            yield f"set the {name} to {show(after)}{window}"
    elif after is None:
        yield f"removed the {name} of {show(before)}"
    elif before != after:
        how = "raised" if after > before else "lowered"
        yield f"{how} the {name} from {show(before)} to {show(after)}{window}"


def spending(before: B, after: B) -> list[str]:
    """How a budget changed: `max_budget`, `soft_budget` where there is one, and its window."""
    was, now = before.budget_duration, after.budget_duration
    found = list(amount("budget", before.max_budget, after.max_budget, usd, now))
    soft_before, soft_after = (getattr(side, "soft_budget", None) for side in (before, after))
    found += amount("soft budget", soft_before, soft_after, usd)
    if was != now and not (found and before.max_budget is None):
        found += replaced("budget period", was, now, str)
    return found


def pace(before: L, after: L) -> list[str]:
    """How limits of throughput changed."""
    found = [
        *amount("limit of tokens per minute", before.tpm_limit, after.tpm_limit),
        *amount("limit of requests per minute", before.rpm_limit, after.rpm_limit),
    ]
    was, now = (getattr(side, "max_parallel_requests", None) for side in (before, after))
    return [*found, *amount("limit of parallel requests", was, now)]


def own_limits(whom: str, before: MemberLimits | None, after: MemberLimits | None) -> str:
    """How the limits for somebody changed; None where he has none of his own."""
    if after is None:
        return f"removed the limits for {whom}"
    was = before or MemberLimits(budget_id="")
    return joined([*spending(was, after), *pace(was, after)], "set limits") + f" for {whom}"


def replaced(
    what: str, before: V | None, after: V | None, show: Callable[[V], str] = quoted
) -> Iterator[str]:
    """How a value was set, changed or removed."""
    if before is None:
        if after is not None:
            yield f"set the {what} to {show(after)}"
    elif after is None:
        yield f"removed the {what} {show(before)}"
    elif before != after:
        yield f"changed the {what} from {show(before)} to {show(after)}"


def of_list(what: str, before: Sequence[str], after: Sequence[str], empty: str) -> str:
    """What came to a list and what went; `empty` is what the list means without entries."""
    came = [name for name in after if name not in before]
    went = [name for name in before if name not in after]
    if not after:
        return f"removed all {what} ({empty}): {listed(before)}"
    parts = [f"added {listed(came)} to the {what}"] if came else []
    parts += [f"removed {listed(went)} from the {what}"] if went else []
    return joined(parts, f"changed the order of the {what}")


def of_object(what: str, before: JsonObject | None, after: JsonObject | None) -> str:
    """Which entries of an object were set and which removed."""
    was, now = before or {}, after or {}
    new = [name for name in now if name not in was or was[name] != now[name]]
    gone = [name for name in was if name not in now]
    parts = [f"set {listed(new)} in the {what}"] if new else []
    parts += [f"removed {listed(gone)} from the {what}"] if gone else []
    return joined(parts, f"changed the {what}")


def moment(at: datetime) -> str:
    """A moment to the second, in UTC."""
    return timestamp(at)[:19].replace("T", " ") + " UTC"
