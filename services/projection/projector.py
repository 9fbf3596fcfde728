"""A projector: one versioned table, and one mapping from type of fact to a small pure fold."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from events.envelope import Envelope
from events.registry import DomainEvent
from events.values import Sealed
from services.projection.rows import Rows, Table

SLICE = 100

E = TypeVar("E", bound=DomainEvent)
Fold = Callable[[Rows, Envelope, E], None]
Folds = Mapping[type[DomainEvent], Callable[[Rows, Envelope, Any], None]]
OpenSealed = Callable[[Sequence[Sealed]], Awaitable[Mapping[Sealed, str | None]]]
"""Opens personal data, all of a batch at once; a person that was forgotten gives None."""


class FactFailed(Exception):
    """A fact of our own that cannot be read or folded: to skip it would make a wrong read model.

    The text names the fact and the kind of error, nothing of the fact's content.
    """

    def __init__(self, place: str, topic: str, position: int, error: Exception) -> None:
        super().__init__(f"{place}: {topic} at position {position}: {type(error).__name__}")
        self.position = position


class Projector(Protocol):
    """What a group needs to know of its projectors."""

    @property
    def table(self) -> Table: ...

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        """What the facts do to the table; raises FactFailed. Facts not listed do nothing."""
        ...


def on(fact: type[E], fold: Fold[E]) -> Folds:
    """One entry of a projector's mapping."""
    return {fact: fold}


async def slices(facts: Sequence[Envelope]) -> AsyncIterator[Sequence[Envelope]]:
    """The facts in portions of about a millisecond: others get their turn in between."""
    for start in range(0, len(facts), SLICE):
        yield facts[start : start + SLICE]
        await asyncio.sleep(0)


async def fold_all(table: Table, folds: Folds, facts: Sequence[Envelope]) -> Rows:
    """Fold the facts that are listed in `folds`, in order; raises FactFailed."""
    rows = Rows(table)
    async for portion in slices(facts):
        for at in portion:
            if fold := folds.get(type(at.event)):
                try:
                    fold(rows, at, at.event)
                except Exception as error:
                    topic = at.event.type_name
                    raise FactFailed(table.name, topic, at.position, error) from error
    return rows


@dataclass(frozen=True, slots=True)
class TableProjector:
    """A projector that needs nothing but the facts."""

    table: Table
    folds: Folds

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        return await fold_all(self.table, self.folds, facts)
