"""Deviations as patches: the recorded response is changed into the one that we promise.

What a deviation says is written in the words of the recording: an id in it is a recorded id, and
stands for whatever our service answers in its place.
"""

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class Absent(Enum):
    """The type of ABSENT, which takes a key or a list element away."""

    ABSENT = auto()


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Matching:
    """A value of which only a property is promised; `says` is printed when it fails."""

    says: str
    holds: Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Ties:
    """Ascending by the text `sorted_by`, null first; elements that are equal there in any order.

    `identity` names the key by which a recorded element finds its answered counterpart.
    """

    sorted_by: str
    identity: str


@dataclass(frozen=True, slots=True)
class Tied:
    """A list in an expected response whose equal neighbours may change places."""

    elements: list[object]
    order: Ties


@dataclass(frozen=True, slots=True)
class Deviation:
    """One place where we answer something other than what was recorded.

    `path` leads into the recorded response (`$.status`, `$.body.error.message`) and counts list
    elements as recorded. `register` is the id of the rule: D.. in team-api.md chapter 5, A.. in
    auth.md chapter 9, S.. in supporting-api.md chapter 8, `licence` for team-api.md 1.5.
    """

    case: str
    path: str
    register: str
    instead: object


class BadDeviation(Exception):
    """An entry that does not fit the recorded response or changes nothing."""

    def __init__(self, entry: Deviation, why: str) -> None:
        super().__init__(f"{entry.case} {entry.path} ({entry.register}): {why}")


def promised(response: Mapping[str, object], deviations: Iterable[Deviation]) -> object:
    """The recorded response with every deviation applied. Raises BadDeviation."""
    document: object = copy.deepcopy(dict(response))
    entries = list(deviations)
    for entry in (e for e in entries if not isinstance(e.instead, Absent | Ties)):
        _set(document, entry)
    for entry in (e for e in entries if isinstance(e.instead, Ties)):
        _tie(document, entry)
    for entry in sorted((e for e in entries if e.instead is ABSENT), key=_last_first):
        _remove(document, entry)
    return document


def _steps(entry: Deviation) -> list[str | int]:
    """The keys and list indexes that the JSON path of an entry names."""
    if _STEP.sub("", entry.path) != "$":
        raise BadDeviation(entry, "not a path")
    return [key or int(index) for key, index in _STEP.findall(entry.path)]


def _set(document: object, entry: Deviation) -> None:
    place, step = _place(document, entry)
    instead = copy.deepcopy(entry.instead)
    match place, step:
        case dict(), str():
            if step in place and place[step] == instead and type(place[step]) is type(instead):
                raise BadDeviation(entry, "is what was recorded")
            place[step] = instead
        case list(), int() if step < len(place):
            place[step] = instead
        case list(), int() if step == len(place):
            place.append(instead)
        case _:
            raise BadDeviation(entry, "nothing there")


def _tie(document: object, entry: Deviation) -> None:
    match _place(document, entry), entry.instead:
        case (dict() as place, str() as step), Ties() as order if isinstance(place.get(step), list):
            place[step] = Tied(place[step], order)
        case _:
            raise BadDeviation(entry, "not a list under a key")


def _remove(document: object, entry: Deviation) -> None:
    place, step = _place(document, entry)
    match place, step:
        case dict(), str() if step in place:
            del place[step]
        case list(), int() if step < len(place):
            del place[step]
        case _:
            raise BadDeviation(entry, "nothing there")


def _place(document: object, entry: Deviation) -> tuple[object, str | int]:
    *parents, last = _steps(entry)
    place = document
    for step in parents:
        if isinstance(place, Tied):
            place = place.elements
        match place, step:
            case dict(), str() if step in place:
                place = place[step]
            case list(), int() if step < len(place):
                place = place[step]
            case _:
                raise BadDeviation(entry, f"no {step!r} there")
    return (place.elements if isinstance(place, Tied) else place), last


def _last_first(entry: Deviation) -> tuple[int, ...]:
    return tuple(-step for step in _steps(entry) if isinstance(step, int))
