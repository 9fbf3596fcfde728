"""Our description against LiteLLM's own, path by path, method by method, field by field.

Routes, parameters and fields may be added. What is left out or narrowed is an entry of
`openapi_differences`, with the register id or the reason: nothing else is incompatible, and no
entry is there in vain.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.contract.openapi_differences import LEFT_OUT, NARROWED
from tests.contract.schemas import Gap, Schema, gaps
from tests.support.described import Described, document, operations

PROMISED: Mapping[str, Any] = json.loads(
    (Path(__file__).parent / "litellm_openapi.json").read_text(encoding="utf-8")
)
"""The contract's openapi.json (LiteLLM 1.82.2): every path, what is sent and answered, and the
schemas of that; without titles, and without answers other than those of success."""

PATHS, OPERATIONS = 60, 62


def _gaps() -> Iterator[Gap]:
    for path, methods in PROMISED["paths"].items():
        for method, promised in methods.items():
            place = f"{method.upper()} {path}"
            ours = operations().get((method.upper(), path))
            if ours is None:
                yield Gap(place, "left out")
                continue
            yield from _parameters(ours, promised, place)
            yield from _body(ours, promised, place)
            yield from _answer(ours, promised, place)


def _parameters(ours: Described, promised: Mapping[str, Any], place: str) -> Iterator[Gap]:
    resolved = [ours.resolved(each) for each in ours.operation["parameters"]]
    known = {(each["in"], each["name"]): each for each in resolved}
    for parameter in promised.get("parameters", ()):
        inner = f"{place} {parameter['in']} {parameter['name']}"
        own = known.pop((parameter["in"], parameter["name"]), None)
        if own is None:
            yield Gap(inner, "left out")
            continue
        if own["required"] and not parameter["required"]:
            yield Gap(inner, "has to be there")
        wide, narrow = _ours(own["schema"]), _theirs(parameter["schema"])
        yield from gaps(wide, narrow, inner, complete=False)
    for (where, name), added in known.items():
        if added["required"]:
            yield Gap(f"{place} {where} {name}", "has to be there")


def _body(ours: Described, promised: Mapping[str, Any], place: str) -> Iterator[Gap]:
    if "requestBody" not in promised:
        if "requestBody" in ours.operation:
            yield Gap(f"{place} body", "has to be there")
        return
    sent, taken = (
        side["requestBody"]["content"]["application/json"]["schema"]
        for side in (promised, ours.operation)
    )
    yield from gaps(_ours(taken), _theirs(sent), f"{place} body", complete=False)


def _answer(ours: Described, promised: Mapping[str, Any], place: str) -> Iterator[Gap]:
    """Nothing is promised of an answer that LiteLLM does not describe."""
    schema = promised["responses"]["200"]["content"]["application/json"]["schema"]
    answered = _ours(ours.answer_schema)
    yield from gaps(_theirs(schema), answered, f"{place} answer", complete=True)


def _ours(schema: Mapping[str, Any]) -> Schema:
    return Schema(schema, document())


def _theirs(schema: Mapping[str, Any]) -> Schema:
    return Schema(schema, PROMISED)


def test_the_contract_is_compared_as_a_whole() -> None:
    methods = [method for by_method in PROMISED["paths"].values() for method in by_method]
    assert (len(PROMISED["paths"]), len(methods)) == (PATHS, OPERATIONS)


def test_every_difference_is_registered_and_no_other_is() -> None:
    found = sorted(set(map(str, _gaps())))
    assert [gap for gap in found if gap.endswith(": left out")] == sorted(LEFT_OUT)
    assert [gap for gap in found if not gap.endswith(": left out")] == sorted(NARROWED)
