"""Shape C, the entries of a 422 (team-api.md 1.2), whatever was sent to cause it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from events.values import JsonObject

MAX_INPUT = 1_000
"""Characters of JSON up to which an input is echoed as it was sent."""

MAX_ENTRIES = 100
MAX_LOCATION = 255
_PREVIEW = 200


def invalid(errors: Sequence[Mapping[str, Any]]) -> list[JsonObject]:
    """One entry for each of the first 100 errors of pydantic, and one that counts the others.

    Inputs of more than 1,000 characters are cut to the first 200. An exception in `ctx` becomes
    `{}`, as recorded; numbers that JSON does not have become null.
    """
    entries = [_entry(error) for error in errors[:MAX_ENTRIES]]
    if (others := len(errors) - len(entries)) > 0:
        text = f"{others} more errors are not shown"
        entries.append({"type": "too_many_errors", "loc": [], "msg": text, "input": None})
    return entries


def _entry(error: Mapping[str, Any]) -> JsonObject:
    entry: JsonObject = {
        "type": error["type"],
        "loc": _location(error["loc"]),
        "msg": error["msg"],
        "input": _bounded(error.get("input")),
    }
    if context := error.get("ctx"):
        entry["ctx"] = {name: _context(value) for name, value in context.items()}
    return entry


def _location(steps: Iterable[int | str]) -> list[int | str]:
    return [step[:MAX_LOCATION] if isinstance(step, str) else step for step in steps]


def _context(value: object) -> object:
    return {} if isinstance(value, BaseException) else _bounded(value)


def _bounded(value: object) -> object:
    try:
        text = orjson.dumps(value, default=_shown).decode()
    except TypeError:
        return _escaped(value)[:_PREVIEW]
    if len(text) > MAX_INPUT:
        return text[:_PREVIEW] + "..."
    return orjson.Fragment(text)


def _shown(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _escaped(value: object) -> str:
    """For what orjson refuses: integers beyond 64 bits, half a surrogate pair."""
    try:
        return json.dumps(value, default=_shown)
    except (TypeError, ValueError, RecursionError):
        return "(cannot be shown)"
