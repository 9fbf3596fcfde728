"""The entries of a 422 (shape C): echoed as recorded, and bounded whatever was sent."""

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest

from services.edge.invalid import MAX_ENTRIES, invalid


def entry_for(value: object) -> Any:  # noqa: ANN401
    """The entry as a client reads it, for an error about `value`."""
    error = {"type": "t", "loc": ("body", "x"), "msg": "m", "input": value}
    (entry,) = orjson.loads(orjson.dumps(invalid([error])))
    return entry


@pytest.mark.parametrize(
    "value",
    ["x" * 998, {"a": [1, 2.5, None, True]}, None, "", 0],
    ids=["just", "object", "null", "empty", "zero"],
)
def test_an_input_of_at_most_1000_characters_is_echoed(value: object) -> None:
    assert entry_for(value)["input"] == value


@pytest.mark.parametrize(
    "value",
    ["x" * 999, "ü" * 999, {"a": "b" * 1_000_000}, [1] * 600],
    ids=["text", "wide text", "object", "list"],
)
def test_a_longer_input_is_cut_to_a_preview(value: object) -> None:
    preview = entry_for(value)["input"]
    assert preview.endswith("...")
    assert json.dumps(value, ensure_ascii=False, separators=(",", ":")).startswith(preview[:-3])
    assert len(preview) == 203


def nested(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), None),
        (Decimal("0.10"), "0.10"),
        (b"a\xff", "a\N{REPLACEMENT CHARACTER}"),
        (2**70, str(2**70)),
        (10**5000, "(cannot be shown)"),
        ("\ud800", '"\\ud800"'),
        (nested(100_000), "(cannot be shown)"),
    ],
    ids=["nan", "decimal", "bytes", "long integer", "huge integer", "half a pair", "deep"],
)
def test_an_input_that_is_no_json_breaks_no_answer(value: object, shown: object) -> None:
    assert entry_for(value)["input"] == shown


def test_an_exception_in_the_context_becomes_an_empty_object() -> None:
    error = {"type": "t", "loc": (), "msg": "m", "input": 1}
    context = {"error": ValueError("secret"), "ge": 1, "le": float("inf")}
    (entry,) = orjson.loads(orjson.dumps(invalid([{**error, "ctx": context}])))
    assert entry["ctx"] == {"error": {}, "ge": 1, "le": None}


def test_a_location_is_cut_where_the_sender_named_it() -> None:
    error = {"type": "t", "loc": ("body", "k" * 100_000, 3), "msg": "m", "input": 1}
    (entry,) = invalid([error])
    assert entry["loc"] == ["body", "k" * 255, 3]


def test_many_errors_are_counted() -> None:
    error = {"type": "t", "loc": (), "msg": "m", "input": 1}
    entries = invalid([error] * (MAX_ENTRIES + 5))
    assert len(entries) == MAX_ENTRIES + 1
    assert entries[-1]["msg"] == "5 more errors are not shown"
