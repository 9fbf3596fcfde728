"""A projector: one versioned table, and one mapping from type of fact to a small pure fold."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from events.envelope import Envelope
from events.registry import DomainEvent
from events.values import Sealed
from services.projection.rows import Rows, Table

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


def fold_all(table: Table, folds: Folds, facts: Sequence[Envelope]) -> Rows:
    """Fold the facts that are listed in `folds`, in order; raises FactFailed."""
    rows = Rows(table)
    for at in facts:
        fold = folds.get(type(at.event))
        if fold is None:
            continue
        try:
            fold(rows, at, at.event)
        except Exception as error:
            raise FactFailed(table.name, at.event.type_name, at.position, error) from error
    return rows


@dataclass(frozen=True, slots=True)
class TableProjector:
    """A projector that needs nothing but the facts."""

    table: Table
    folds: Folds

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        return fold_all(self.table, self.folds, facts)
