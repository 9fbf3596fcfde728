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
class Inserted:
    """Elements that come before the recorded one at the path."""

    elements: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Ties:
    """Ascending by the text `sorted_by`, null first; elements that are equal there in any order.

    Where that text is an id made up by the run, it is the answered one that counts. `identity`
    names the key by which a recorded element finds its answered counterpart.
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
    auth.md chapter 9, S.. in supporting-api.md chapter 8, `licence` for team-api.md 1.5. The word
    `run` marks what is no deviation: an order by ids that every run makes up.
    """

    case: str
    path: str
    register: str
    instead: object


class BadDeviation(Exception):
    """An entry that does not fit the recorded response or changes nothing."""

    def __init__(self, entry: Deviation, why: str) -> None:
        super().__init__(f"{entry.case} {entry.path} ({entry.register}): {why}")


def replaced(case: str, register: str, status: int, body: object) -> list[Deviation]:
    """Another status and another body."""
    return [
        Deviation(case, "$.status", register, status),
        Deviation(case, "$.body", register, body),
    ]


def promised(response: Mapping[str, object], deviations: Iterable[Deviation]) -> object:
    """The recorded response with every deviation applied. Raises BadDeviation."""
    document: object = copy.deepcopy(dict(response))
    entries = list(deviations)
    for entry in (e for e in entries if not isinstance(e.instead, Absent | Inserted | Ties)):
        _set(document, entry)
    for entry in (e for e in entries if isinstance(e.instead, Ties)):
        _tie(document, entry)
    for entry in sorted(entries, key=_last_and_innermost_first):
        if isinstance(entry.instead, Inserted):
            _insert(document, entry, entry.instead)
        elif entry.instead is ABSENT:
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
            if step in place and _allows(instead, place[step]):
                raise BadDeviation(entry, "is what was recorded")
            place[step] = instead
        case list(), int() if step < len(place):
            if _allows(instead, place[step]):
                raise BadDeviation(entry, "is what was recorded")
            place[step] = instead
        case list(), int() if step == len(place):
            place.append(instead)
        case _:
            raise BadDeviation(entry, "nothing there")


def _allows(instead: object, recorded: object) -> bool:
    if isinstance(instead, Matching):
        return instead.holds(recorded)
    return instead == recorded and type(instead) is type(recorded)


def _tie(document: object, entry: Deviation) -> None:
    match _place(document, entry), entry.instead:
        case (dict() as place, str() as step), Ties() as order if isinstance(place.get(step), list):
            place[step] = Tied(place[step], order)
        case _:
            raise BadDeviation(entry, "not a list under a key")


def _insert(document: object, entry: Deviation, inserted: Inserted) -> None:
    place, step = _place(document, entry)
    if not isinstance(place, list) or not isinstance(step, int) or step >= len(place):
        raise BadDeviation(entry, "no element there")
    place[step:step] = copy.deepcopy(list(inserted.elements))


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


def _last_and_innermost_first(entry: Deviation) -> tuple[int, ...]:
    places = (-step if isinstance(step, int) else 0 for step in _steps(entry))
    return (*places, 1)
