"""Whether all that one JSON schema allows is allowed by another one too, place by place.

Types, enumerations, fields, items and bounds of numbers are compared; lengths, formats and
patterns are not, as LiteLLM's schemas have none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_BOUNDS = ("minimum", "maximum")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema within the document that its references lead into."""

    node: Json
    document: Json

    def alternatives(self) -> list["Schema"]:
        """The schema without references and unions: one for each type that is possible."""
        node = self.node
        if (reference := node.get("$ref")) is not None:
            name = reference.rpartition("/")[2]
            return self.at(self.document["components"]["schemas"][name]).alternatives()
        for union in ("anyOf", "oneOf"):
            if union in node:
                return [inner for part in node[union] for inner in self.at(part).alternatives()]
        return [self]

    def at(self, node: Json) -> "Schema":
        return Schema(node, self.document)

    @property
    def type(self) -> str | None:
        """None stands for any type."""
        named: str | None = self.node.get("type")
        return "boolean" if "const" in self.node else named

    @property
    def fields(self) -> Mapping[str, "Schema"]:
        return {name: self.at(node) for name, node in self.node.get("properties", {}).items()}

    @property
    def items(self) -> "Schema":
        return self.at(self.node.get("items", {}))

    @property
    def others(self) -> "Schema":
        """What fields may hold that are not named."""
        allowed = self.node.get("additionalProperties", {})
        return self.at(allowed if isinstance(allowed, Mapping) else {})


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is promised at a place and not kept there."""

    place: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.why}"


def gaps(wide: Schema, narrow: Schema, place: str, *, complete: bool) -> Iterator[Gap]:
    """Where `wide` does not allow what `narrow` does.

    `complete` tells whether fields of `wide` have to be there in `narrow`: those of an answer do,
    those of a request need not be sent.
    """
    choices = wide.alternatives()
    for part in narrow.alternatives():
        fitting = [each for each in choices if _same_type(each, part)]
        if not fitting:
            yield Gap(place, f"no {part.type or 'value of any type'}")
        else:
            found = [list(_within(each, part, place, complete=complete)) for each in fitting]
            yield from min(found, key=len)


def _same_type(wide: Schema, narrow: Schema) -> bool:
    return wide.type in {None, narrow.type} or (wide.type, narrow.type) == ("number", "integer")


def _within(wide: Schema, narrow: Schema, place: str, *, complete: bool) -> Iterator[Gap]:
    if wide.type is None:
        return
    yield from _values(wide.node, narrow.node, place)
    if wide.type == "array":
        yield from gaps(wide.items, narrow.items, f"{place}[]", complete=complete)
    elif wide.type == "object":
        yield from _objects(wide, narrow, place, complete=complete)


def _values(wide: Json, narrow: Json, place: str) -> Iterator[Gap]:
    if (listed := wide.get("enum")) is not None:
        if "enum" not in narrow:
            yield Gap(place, f"only {_listed(listed)}")
        elif missing := [value for value in narrow["enum"] if value not in listed]:
            yield Gap(place, f"not {_listed(missing)}")
    for bound in _BOUNDS:
        if bound in wide and narrow.get(bound) != wide[bound]:
            yield Gap(place, f"{bound} {wide[bound]}")


def _listed(values: Sequence[object]) -> str:
    return ", ".join([*map(str, values[:_SHOWN]), *(["…"] if len(values) > _SHOWN else [])])


def _objects(wide: Schema, narrow: Schema, place: str, *, complete: bool) -> Iterator[Gap]:
    given, known = (wide, narrow) if complete else (narrow, wide)
    if not given.fields:
        yield from gaps(wide.others, narrow.others, f"{place}{{}}", complete=complete)
    for name in given.fields:
        inner = f"{place}.{name}"
        if name not in known.fields:
            if known.fields or known.node.get("additionalProperties") is False:
                yield Gap(inner, "left out")
            continue
        yield from gaps(wide.fields[name], narrow.fields[name], inner, complete=complete)
    must, may = set(wide.node.get("required", ())), set(narrow.node.get("required", ()))
    for name in sorted((must - may) & set(narrow.fields)):
        yield Gap(f"{place}.{name}", "has to be there" if not complete else "may be left out")
