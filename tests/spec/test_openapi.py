"""The description of the API: complete, sound, and the one that is kept in docs/."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from httpx import ASGITransport, AsyncClient
from jsonschema import Draft202012Validator
from starlette.responses import Response
from typer.testing import CliRunner

from services.cli.main import app as cli
from services.edge.openapi.document import Undescribed
from services.edge.openapi.document import document as make_document
from services.edge.openapi.operation import Operation
from services.edge.openapi.serving import serve_description
from tests.support.described import Described, document, operations

KEPT = Path(__file__).parents[2] / "docs" / "openapi.json"

every_operation = pytest.mark.parametrize("operation", operations().values(), ids=str)


def test_the_kept_document_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(cli, ["openapi"])
    assert printed.exit_code == 0
    assert printed.stdout == KEPT.read_text(encoding="utf-8"), "run `make openapi`"


def test_a_route_without_description_is_an_error() -> None:
    router = APIRouter()

    @router.get("/new")
    async def new() -> Response:
        """Answers nothing."""
        return Response()

    with pytest.raises(Undescribed, match="GET /new"):
        make_document([router], {}, {}, "0")


def test_a_description_without_route_is_an_error() -> None:
    with pytest.raises(Undescribed, match="GET /gone"):
        make_document([], {("GET", "/gone"): Operation("get_gone", str, "")}, {}, "0")


def test_names_of_operations_are_unique_and_readable() -> None:
    names = Counter(each.operation["operationId"] for each in operations().values())
    assert set(names.values()) == {1}
    assert all(name.islower() and name.isidentifier() for name in names)


def _parts(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from _parts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _parts(inner)


def test_every_reference_leads_somewhere() -> None:
    anyone = next(iter(operations().values()))
    for part in _parts(document()):
        if isinstance(part.get("$ref"), str):
            assert anyone.resolved(part) is not None


def test_every_component_is_referred_to() -> None:
    text = json.dumps({**document(), "components": document()["components"]})
    unused = [
        f"{kind}/{name}"
        for kind, named in document()["components"].items()
        for name in named
        if kind != "securitySchemes" and f'"#/components/{kind}/{name}"' not in text
    ]
    assert unused == []


@pytest.mark.parametrize("name", document()["components"]["schemas"])
def test_a_schema_is_sound_and_says_what_its_fields_mean(name: str) -> None:
    schema = document()["components"]["schemas"][name]
    Draft202012Validator.check_schema(schema)
    assert schema["description"]
    silent = [
        field
        for field, described in schema["properties"].items()
        if "description" not in described and "$ref" not in described
    ]
    assert silent == []


@every_operation
def test_an_operation_says_what_it_does(operation: Described) -> None:
    described = operation.operation
    assert described["summary"].endswith(".")
    assert described["tags"]
    for part in described["parameters"]:
        assert operation.resolved(part)["description"]


@every_operation
def test_its_example_is_as_it_describes(operation: Described) -> None:
    operation.check(200, operation.content(200)["example"])
    body = operation.operation.get("requestBody")
    if body is not None:
        content = body["content"]["application/json"]
        assert operation.problems(content["schema"], content["example"]) == []


@every_operation
def test_its_refusals_are_as_it_describes(operation: Described) -> None:
    for status, body in operation.refusals.values():
        operation.check(status, body)


async def test_the_document_is_made_once_and_public() -> None:
    made: list[int] = []

    def make() -> dict[str, Any]:
        made.append(1)
        return {"made": len(made)}

    app = FastAPI(openapi_url=None)
    serve_description(app, make)
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        answers = [(await client.get("/openapi.json")).json() for _ in range(3)]
    assert answers == [{"made": 1}] * 3
