"""The comparison of schemas notices whatever is left out or narrowed, and nothing else."""

from typing import Any

import pytest

from tests.contract.schemas import Json, Schema, gaps

TEXT, NUMBER, NULL = {"type": "string"}, {"type": "number"}, {"type": "null"}
DOCUMENT = {"components": {"schemas": {"Name": TEXT}}}
REFERENCE = {"$ref": "#/components/schemas/Name"}


def fields(*required: str, **properties: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "object", "properties": properties, "required": [*required]}


def found(wide: Json, narrow: Json, *, complete: bool = False) -> list[str]:
    allowed, needed = Schema(wide, DOCUMENT), Schema(narrow, DOCUMENT)
    return [str(gap) for gap in gaps(allowed, needed, "$", complete=complete)]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({}, NULL),
        (NUMBER, {"type": "integer"}),
        (REFERENCE, TEXT),
        ({"anyOf": [NULL, TEXT]}, TEXT),
        ({"anyOf": [TEXT, NULL]}, {"anyOf": [NULL, REFERENCE]}),
        (TEXT, {**TEXT, "enum": ["a"]}),
        ({**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a"]}),
        ({"type": "array", "items": {}}, {"type": "array", "items": TEXT}),
        ({"type": "array"}, {"type": "array", "items": TEXT}),
        (fields(a=TEXT, more=TEXT), fields("a", a=TEXT)),
        ({"type": "object", "additionalProperties": True}, fields(a=TEXT)),
        ({"anyOf": [fields(a=NUMBER), fields(a=TEXT)]}, fields(a=TEXT)),
    ],
)
def test_what_is_wider_has_no_gaps(wide: Json, narrow: Json) -> None:
    assert found(wide, narrow) == []


@pytest.mark.parametrize(
    ("wide", "narrow", "gap"),
    [
        (TEXT, NULL, "$: no null"),
        (TEXT, {}, "$: no value of any type"),
        ({"type": "integer"}, NUMBER, "$: no number"),
        ({**TEXT, "enum": ["a"]}, TEXT, "$: only a"),
        ({**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}, "$: not b"),
        ({**NUMBER, "minimum": 1}, NUMBER, "$: minimum 1"),
        ({"type": "array", "items": TEXT}, {"type": "array", "items": NUMBER}, "$[]: no number"),
        (fields(a=TEXT), fields(a=TEXT, b=TEXT), "$.b: left out"),
        (fields("a", a=TEXT), fields(a=TEXT), "$.a: has to be there"),
        (fields(a=TEXT), fields(a={"anyOf": [TEXT, NULL]}), "$.a: no null"),
        (
            {"type": "object", "additionalProperties": TEXT},
            {"type": "object", "additionalProperties": NUMBER},
            "${}: no number",
        ),
    ],
)
def test_what_is_narrower_has(wide: Json, narrow: Json, gap: str) -> None:
    assert found(wide, narrow) == [gap]


def test_an_answer_has_all_fields_and_may_have_more() -> None:
    promised = fields("a", a=TEXT, b=TEXT)
    assert found(promised, fields("a", a=TEXT, b=TEXT, c=TEXT), complete=True) == []
    assert found(promised, fields("a", a=TEXT), complete=True) == ["$.b: left out"]
    assert found(promised, fields(a=TEXT, b=TEXT), complete=True) == ["$.a: may be left out"]
