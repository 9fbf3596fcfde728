"""A projector: one versioned table, and one mapping from type of fact to a small pure fold."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any, Protocol, TypeVar

from events.envelope import Envelope
from events.registry import DomainEvent
from events.streams import Stream, kind_and_id
from events.values import Sealed
from services.projection.rows import Rows, Table

SLICE = 50
TURN_SECONDS = 0.002

E = TypeVar("E", bound=DomainEvent)
T = TypeVar("T")
Fold = Callable[[Rows, Envelope, E], None]
Folds = Mapping[type[DomainEvent], Callable[[Rows, Envelope, Any], None]]
OpenSealed = Callable[[Sequence[Sealed]], Awaitable[Mapping[Sealed, str | None]]]
"""Opens personal data, all of a batch at once; a person that was forgotten gives None."""


@lru_cache(maxsize=4_096)
def identity(stream: str) -> str:
    """The id in the name of a stream; every projector asks for it again."""
    return kind_and_id(stream)[1]


class FactFailed(Exception):
    """A fact of our own that cannot be read or folded: to skip it would make a wrong read model.

    The text names the fact and the kind of error, nothing of the fact's content.
    """

    def __init__(self, place: str, topic: str, position: int, error: Exception) -> None:
        super().__init__(f"{place}: {topic} at position {position}: {type(error).__name__}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Reach:
    """A fact of one stream that changes rows of others: those whose own facts mention its stream.

    `mentions` tells of each type of fact which stream it mentions, if any. All other rows come
    from the facts of one stream alone, so that streams can be folded apart (decision 018).
    """

    fact: type[DomainEvent]
    mentions: Mapping[type[DomainEvent], Callable[[Any], Stream | None]]


class Projector(Protocol):
    """What a group needs to know of its projectors."""

    @property
    def table(self) -> Table: ...

    @property
    def facts(self) -> Collection[type[DomainEvent]]:
        """The types of facts that do anything to the table."""
        ...

    @property
    def reach(self) -> Sequence[Reach]:
        """Every fact that changes rows of other streams than its own."""
        ...

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        """What the facts do to the table; raises FactFailed. Facts not listed do nothing."""
        ...


def on(fact: type[E], fold: Fold[E]) -> Folds:
    """One entry of a projector's mapping."""
    return {fact: fold}


async def slices(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """The items in portions; others are served first, and again whenever these took a while.

    By time and not by number: where many requests wait, each turn costs as long as all of them.
    """
    await asyncio.sleep(0)
    began = perf_counter()
    for start in range(0, len(items), SLICE):
        yield items[start : start + SLICE]
        if perf_counter() - began >= TURN_SECONDS:
            await asyncio.sleep(0)
            began = perf_counter()


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
    reach: Sequence[Reach] = ()

    @property
    def facts(self) -> Collection[type[DomainEvent]]:
        return self.folds.keys()

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        return await fold_all(self.table, self.folds, facts)
