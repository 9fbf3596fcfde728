"""The register of facts: every event type has a name and a version that we chose.

Names and versions are what is stored, published and exported; Python paths are free to change.
Decoding always yields the newest version of a fact, by way of pure upcasts; a name that this
build does not know decodes to `UnknownFact`, which is carried along and never dropped.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]
Upcast = Callable[[Json], Json]


class DomainEvent(BaseModel):
    """A fact: something that happened, in the past tense. Frozen, and nothing but business data.

    A fact that `begins_life` opens a new incarnation of the thing its stream is about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    type_name: ClassVar[str] = ""
    schema_version: ClassVar[int] = 0
    begins_life: ClassVar[bool] = False


class UnknownFact(DomainEvent):
    """A fact written by a newer release: kept as it was read, so that it can be passed on."""

    name: str
    version: int
    data: Json


E = TypeVar("E", bound=DomainEvent)


class RegistryError(Exception):
    """The register itself is wrong (a name taken twice, a gap in a chain of upcasts)."""


_types: dict[str, type[DomainEvent]] = {}
_upcasts: dict[tuple[str, int], Upcast] = {}


def fact(name: str, version: int = 1) -> Callable[[type[E]], type[E]]:
    """Register a class as the newest shape of the fact `name`; refuses a name already taken."""

    def register(cls: type[E]) -> type[E]:
        if name in _types:
            raise RegistryError(f"two facts are called {name!r}")
        cls.type_name, cls.schema_version = name, version
        _types[name] = cls
        return cls

    return register


def upcast(name: str, since: int) -> Callable[[Upcast], Upcast]:
    """Register the pure function that turns the data of version `since` into `since + 1`."""

    def register(function: Upcast) -> Upcast:
        if (name, since) in _upcasts:
            raise RegistryError(f"two upcasts lead from {name!r} version {since}")
        _upcasts[name, since] = function
        return function

    return register


def known_facts() -> Iterator[type[DomainEvent]]:
    """Every registered fact, by name."""
    return (cls for _, cls in sorted(_types.items()))


def check_upcasts() -> None:
    """Raise RegistryError unless every older version of every fact leads to the newest one."""
    for name, cls in _types.items():
        for version in range(1, cls.schema_version):
            if (name, version) not in _upcasts:
                raise RegistryError(f"no upcast leads from {name!r} version {version}")


def dump(event: DomainEvent) -> tuple[str, int, Json]:
    """The stored name, version and JSON data of a fact."""
    if isinstance(event, UnknownFact):
        return event.name, event.version, event.data
    return event.type_name, event.schema_version, event.model_dump(mode="json")


def load(name: str, version: int, data: Json) -> DomainEvent:
    """The fact as this build understands it; the inverse of `dump`.

    Raises pydantic.ValidationError when the data of a known fact does not fit, and RegistryError
    when an upcast is missing: a fact of our own that cannot be read must stop its reader.
    """
    cls = _types.get(name)
    if cls is None or version > cls.schema_version:
        return UnknownFact(name=name, version=version, data=data)
    for step in range(version, cls.schema_version):
        if (name, step) not in _upcasts:
            raise RegistryError(f"no upcast leads from {name!r} version {step}")
        data = _upcasts[name, step](data)
    return cls.model_validate(data)
