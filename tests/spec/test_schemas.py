"""The published JSON Schemas say what is stored: made from the code, tried on golden files."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from events.registry import Json
from events.schemas import FOLDER, files, write
from tests.golden import GOLDEN

PUBLISHED = sorted(FOLDER.glob("*.json"))
EXAMPLES = sorted(GOLDEN.glob("*/v*.json"))


def read(path: Path) -> Json:
    content: Json = json.loads(path.read_text(encoding="utf-8"))
    return content


def validator(name: str) -> Any:  # noqa: ANN401
    return Draft202012Validator(read(FOLDER / f"{name}.json"))


def schema_of(example: Path) -> str:
    return f"{example.parent.name}.{example.stem}"


@pytest.mark.parametrize(("name", "content"), [pytest.param(*file, id=file[0]) for file in files()])
def test_the_schema_of_the_newest_version_is_up_to_date(name: str, content: bytes) -> None:
    assert (FOLDER / name).read_bytes() == content, "run: python -m events.schemas"


def test_every_version_that_was_stored_has_a_schema_and_nothing_else_has() -> None:
    expected = {f"{schema_of(example)}.json" for example in EXAMPLES} | {"envelope.v1.json"}
    assert {path.name for path in PUBLISHED} == expected


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_a_schema_is_one_and_bears_its_name(path: Path) -> None:
    schema = read(path)
    Draft202012Validator.check_schema(schema)
    assert (schema["title"], schema["$id"]) == (path.stem, f"urn:teamledger:event:{path.stem}")


@pytest.mark.parametrize("example", EXAMPLES, ids=schema_of)
def test_what_was_stored_is_valid(example: Path) -> None:
    state = read(example)["state"]
    validator("envelope.v1").validate(state)
    validator(schema_of(example)).validate(state["data"])


@pytest.mark.parametrize("example", EXAMPLES, ids=schema_of)
def test_every_field_of_a_fact_is_required_and_no_other_is_allowed(example: Path) -> None:
    data, fits = read(example)["state"]["data"], validator(schema_of(example))
    assert not fits.is_valid({**data, "of_a_newer_release": None})
    for field in data:
        assert not fits.is_valid({name: value for name, value in data.items() if name != field})


@pytest.mark.parametrize(
    "amount", [100, "1E+2", "NaN", "Infinity", "", "1.", ".5", "1,50", "\u0661", "-"]
)
def test_money_is_plain_text(amount: object) -> None:
    fits = validator("team.budget_changed.v1")
    budget = {"max_budget": "100.50", "soft_budget": "-0.000001", "budget_duration": None}
    assert fits.is_valid({"before": budget, "after": budget})
    assert not fits.is_valid({"before": budget, "after": {**budget, "max_budget": amount}})


STATE = read(GOLDEN / "team.blocked/v1.json")["state"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "2026-03-11T13:27:45Z"},
        {"at": "2026-03-11T13:27:45.000000+00:00"},
        {"n": [0]},
        {"n": [0, 1, 2]},
        {"n": [0, 0]},
        {"inc": 0},
        {"v": "1"},
        {"data": []},
        {"meta": {"command": "AddMember"}},
        {"meta": {**STATE["meta"], "client": "127.0.0.1"}},
        {"meta": {**STATE["meta"], "email": "ann@example.com"}},
        {"more": 1},
    ],
)
def test_an_envelope_of_another_form_is_invalid(wrong: Json) -> None:
    fits = validator("envelope.v1")
    assert fits.is_valid(STATE)
    assert not fits.is_valid({**STATE, **wrong})


def test_claims_may_be_missing_from_an_envelope() -> None:
    plain = {"command_id": "c", "command": "AddMember"}
    assert validator("envelope.v1").is_valid({**STATE, "meta": plain})


def test_schemas_of_older_versions_stay(tmp_path: Path) -> None:
    older = tmp_path / "team.renamed.v0.json"
    older.write_text("{}")
    write(tmp_path)
    assert older.read_text() == "{}"
    assert {path.name for path in tmp_path.glob("*.json")} == {
        older.name,
        *(name for name, _ in files()),
    }
