"""Deep comparison of a promised response with the answered one, as a list of differences."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.contract.normalise import Pairing, Run, Token
from tests.contract.patch import Matching, Tied

ADDITIONS: Mapping[tuple[str, str], str] = {
    ("/team/member_add", "$.body.already_member"): "D27: who was in the team before",  # check
}
"""Keys we answer beyond the recorded ones: (route, path without list indexes) to reason."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the answer is not the promised one."""

    path: str
    promised: object
    answered: object
    why: str = "differs"

    def __str__(self) -> str:
        return f"{self.path}: {self.why}: promised {self.promised!r}, answered {self.answered!r}"


class Missing:
    """Stands in a difference for a key or element that is not there."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


class Comparison:
    """Compares responses of one replay; what it learns about ids holds for all of them."""

    def __init__(
        self, pairing: Pairing, run: Run, additions: Mapping[tuple[str, str], str] = ADDITIONS
    ) -> None:
        self._pairing = pairing
        self._run = run
        self._additions = additions

    def differences(self, route: str, promised: object, answered: object) -> list[Difference]:
        """Every difference, in the order of the promised response; empty when they agree.

        Objects are compared as sets of keys, lists in order, 100 equals 100.0 but no boolean.
        """
        return list(self._nodes(route, "$", promised, answered))

    def _nodes(
        self, route: str, path: str, promised: object, answered: object
    ) -> Iterator[Difference]:
        match promised, answered:
            case Matching(), _:
                if not promised.holds(answered):
                    yield Difference(path, promised.says, answered)
            case dict(), dict():
                yield from self._objects(route, path, promised, answered)
            case list(), list():
                yield from self._lists(route, path, promised, answered)
            case Tied(), list():
                yield from self._ties(route, path, promised, answered)
            case str(), str():
                yield from self._texts(path, promised, answered)
            case _:
                yield from self._scalars(path, promised, answered)

    def _objects(
        self, route: str, path: str, promised: dict[str, object], answered: dict[str, object]
    ) -> Iterator[Difference]:
        for key, value in promised.items():
            if key in answered:
                yield from self._nodes(route, f"{path}.{key}", value, answered[key])
            else:
                yield Difference(f"{path}.{key}", value, MISSING, "missing key")
        for key in sorted(answered.keys() - promised.keys()):
            place = f"{path}.{key}"
            if (route, re.sub(r"\[\d+\]", "[]", place)) not in self._additions:
                yield Difference(place, MISSING, answered[key], "additional key")

    def _lists(
        self, route: str, path: str, promised: list[object], answered: list[object]
    ) -> Iterator[Difference]:
        for index in range(max(len(promised), len(answered))):
            place = f"{path}[{index}]"
            if index >= len(answered):
                yield Difference(place, promised[index], MISSING, "missing element")
            elif index >= len(promised):
                yield Difference(place, MISSING, answered[index], "additional element")
            else:
                yield from self._nodes(route, place, promised[index], answered[index])

    def _ties(
        self, route: str, path: str, promised: Tied, answered: list[object]
    ) -> Iterator[Difference]:
        key = promised.order.sorted_by
        texts = [self._as_answered(_field(one, key)) for one in promised.elements]
        wanted = sorted(texts, key=_null_first)
        given = [_field(element, key) for element in answered]
        if wanted != given:
            yield Difference(path, wanted, given, f"order by {key}")
        left = list(answered)
        counterparts = self._counterparts(promised, left)
        for index, (element, counterpart) in enumerate(
            zip(promised.elements, counterparts, strict=True)
        ):
            if counterpart is MISSING:
                yield Difference(f"{path}[{index}]", element, MISSING, "missing element")
            else:
                yield from self._nodes(route, f"{path}[{index}]", element, counterpart)
        for element in left:
            yield Difference(path, MISSING, element, "additional element")

    def _counterparts(self, promised: Tied, left: list[object]) -> list[object]:
        """Takes the counterpart of every promised element out of `left`.

        An element whose id has not been seen yet takes the first one that nobody else claims.
        """
        found = [
            self._take(element, promised.order.identity, left) for element in promised.elements
        ]
        return [left.pop(0) if one is MISSING and left else one for one in found]

    def _take(self, element: object, identity: str, left: list[object]) -> object:
        known = self._as_answered(_field(element, identity))
        for index, candidate in enumerate(left):
            if known is not None and _field(candidate, identity) == known:
                return left.pop(index)
        return MISSING

    def _as_answered(self, value: object) -> object:
        """None also for a text with an id that has not been answered yet."""
        return self._pairing.translate(value) if isinstance(value, str) else value

    def _texts(self, path: str, promised: str, answered: str) -> Iterator[Difference]:
        why = self._pairing.texts(promised, answered)
        if why is None and path.endswith(".created_at"):
            why = self._pairing.creation(promised, answered)
        if why is None and path.endswith(".budget_reset_at"):
            same = self._run.same_boundary(promised, answered)
            why = None if same else "another boundary of the calendar"
        if why is not None:
            yield Difference(path, promised, answered, why)

    def _scalars(self, path: str, promised: object, answered: object) -> Iterator[Difference]:
        if _is_number(promised) and _is_number(answered) and _is_row_id(path):
            why = self._pairing.pair(Token("row", str(promised)), Token("row", str(answered)))
            if why is not None:
                yield Difference(path, promised, answered, why)
        elif promised != answered or isinstance(promised, bool) != isinstance(answered, bool):
            yield Difference(path, promised, answered)


def _is_row_id(path: str) -> bool:
    """Model tables are numbered by the database; the number itself promises nothing."""
    return path.endswith((".model_id", ".litellm_model_table.id"))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _field(element: object, name: str) -> object:
    return element.get(name) if isinstance(element, dict) else None


def _null_first(value: object) -> tuple[bool, str]:
    return value is not None, str(value)
