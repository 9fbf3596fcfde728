"""Our description of the team routes against LiteLLM's own, field by field.

Routes, parameters and fields may be added. What is left out or narrowed is an entry here, with the
register id or the reason: nothing else is incompatible, and no entry is there in vain.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.contract.schemas import Gap, Schema, gaps
from tests.support.described import Described, document, operations

PROMISED: Mapping[str, Any] = json.loads(
    (Path(__file__).parent / "litellm_openapi.json").read_text(encoding="utf-8")
)
"""The team routes of LiteLLM 1.82.2's openapi.json, and the schemas they refer to."""

_BIGINT = "team-api.md 1.10: limits are bigints"
_NO_TEXT = "a header is a text or absent"
_NAMES = "team-api.md 3.1, 3.2: models are names"
_LEAST = "minimum -9223372036854775808"
_SOME = "only /key/generate, /key/update, /key/delete, …"

DIFFERENCES: Mapping[str, str] = {
    "GET /team/available query response_model: left out": "D64",
    "GET /team/daily/activity query page: minimum 1": "D39",
    "GET /team/daily/activity query page: maximum 1000000000": "D39",
    "GET /team/daily/activity query page_size: minimum 1": "D39",
    "GET /team/daily/activity query page_size: maximum 1000": "D39",
    "GET /v2/team/list query page: maximum 1000000000": "D51: no offset beyond 64 bits",
    "POST /team/new header litellm-changed-by: no null": _NO_TEXT,
    "POST /team/new body.models[]: no value of any type": _NAMES,
    "POST /team/new body.model_rpm_limit{}: minimum 0": "D33",
    "POST /team/new body.model_tpm_limit{}: minimum 0": "D33",
    f"POST /team/new body.rpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/new body.tpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/new body.team_member_rpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/new body.team_member_tpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/new body.team_member_permissions[]: {_SOME}": "D17",
    "POST /team/update header litellm-changed-by: no null": _NO_TEXT,
    "POST /team/update body.models[]: no value of any type": _NAMES,
    "POST /team/update body.model_rpm_limit{}: minimum 0": "D33",
    "POST /team/update body.model_tpm_limit{}: minimum 0": "D33",
    f"POST /team/update body.rpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/update body.tpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/update body.team_member_rpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/update body.team_member_tpm_limit: {_LEAST}": _BIGINT,
    "POST /team/delete header litellm-changed-by: no null": _NO_TEXT,
    f"POST /team/member_update body.rpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/member_update body.tpm_limit: {_LEAST}": _BIGINT,
    f"POST /team/permissions_update body.team_member_permissions[]: {_SOME}": "D17",
    "POST /team/{team_id}/callback header litellm-changed-by: no null": _NO_TEXT,
}
"""Place and kind of each difference, and why it is there."""


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


def test_every_difference_is_registered_and_no_other_is() -> None:
    assert sorted(set(map(str, _gaps()))) == sorted(DIFFERENCES)
