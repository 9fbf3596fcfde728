"""Recorded LiteLLM requests, judged by our models as LiteLLM judged them (contract, 019 to 205).

The models are posted to as they are, through a FastAPI application that does nothing else.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel

from services.edge import requests

RECORDED = Path(__file__).parents[1] / "contract" / "recorded"

MODELS: dict[str, type[BaseModel]] = {
    "/team/new": requests.NewTeam,
    "/team/update": requests.UpdateTeam,
    "/team/delete": requests.DeleteTeams,
    "/team/block": requests.BlockTeam,
    "/team/unblock": requests.BlockTeam,
    "/team/member_add": requests.MemberAdd,
    "/team/member_update": requests.MemberUpdate,
    "/team/member_delete": requests.MemberDelete,
    "/user/new": requests.NewUser,
    "/key/generate": requests.GenerateKey,
    "/key/delete": requests.DeleteKeys,
    "/key/block": requests.KeyRef,
}


def recorded() -> list[tuple[str, dict[str, Any]]]:
    """The cases that went to our routes with a JSON object and have an answer."""
    cases = [(path.stem, json.loads(path.read_text())) for path in sorted(RECORDED.glob("*.json"))]
    return [
        (name, case)
        for name, case in cases
        if case["request"]["path"] in MODELS and "body" in case["request"] and "response" in case
    ]


REFUSED = [(name, case) for name, case in recorded() if case["response"]["status"] == 422]
LET_THROUGH = [(name, case) for name, case in recorded() if case["response"]["status"] != 422]


@pytest.fixture
async def edge() -> AsyncIterator[AsyncClient]:
    app = FastAPI()
    for path, model in MODELS.items():
        app.post(path)(accepting(model))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://edge") as client:
        yield client


def accepting(model: type[BaseModel]) -> Callable[..., Awaitable[dict[str, list[str]]]]:
    async def accept(body: BaseModel) -> dict[str, list[str]]:
        return {"sent": sorted(body.model_fields_set)}

    accept.__annotations__["body"] = model
    return accept


def test_the_recording_holds_cases_of_both_kinds() -> None:
    assert {name[:3] for name, _ in REFUSED} >= {"019", "021", "023", "029", "077", "079", "083"}
    assert {name[:3] for name, _ in REFUSED} >= {"143", "205"}
    assert len(LET_THROUGH) > 20


@pytest.mark.parametrize("case", [case for _, case in REFUSED], ids=[name for name, _ in REFUSED])
async def test_what_litellm_refused_is_refused_in_its_words(
    edge: AsyncClient, case: dict[str, Any]
) -> None:
    answer = await edge.post(case["request"]["path"], json=case["request"]["body"])
    assert (answer.status_code, answer.json()) == (422, case["response"]["body"])


@pytest.mark.parametrize(
    "case", [case for _, case in LET_THROUGH], ids=[name for name, _ in LET_THROUGH]
)
async def test_what_litellm_let_through_is_let_through(
    edge: AsyncClient, case: dict[str, Any]
) -> None:
    answer = await edge.post(case["request"]["path"], json=case["request"]["body"])
    assert answer.status_code == 200, answer.text
    model = MODELS[case["request"]["path"]]
    known = sorted(set(case["request"]["body"]) & set(model.model_fields))
    assert answer.json() == {"sent": known}


@pytest.mark.parametrize(
    ("path", "body", "kind", "location"),
    [
        ("/team/new", {"tpm_limit": ""}, "int_parsing", ["body", "tpm_limit"]),
        ("/team/new", {"max_budget": ""}, "float_parsing", ["body", "max_budget"]),
        ("/team/new", {"max_budget": []}, "float_type", ["body", "max_budget"]),
        ("/team/new", {"models": None}, "list_type", ["body", "models"]),
        ("/team/new", {"metadata": "text"}, "dict_type", ["body", "metadata"]),
        ("/team/new", {"team_id": 5}, "string_type", ["body", "team_id"]),
        (
            "/team/new",
            {"members_with_roles": [{"role": "king", "user_id": "k"}]},
            "literal_error",
            ["body", "members_with_roles", 0, "role"],
        ),
        (
            "/team/member_add",
            {"team_id": "a", "member": {"user_id": "u"}},
            "missing",
            ["body", "role"],
        ),
        (
            "/team/member_add",
            {"member": {"role": "user", "user_id": "u"}},
            "missing",
            ["body", "team_id"],
        ),
        (
            "/team/member_add",
            {"team_id": "a", "member": [{"role": "user", "user_id": "u"}, {"role": "user"}]},
            "value_error",
            ["body"],
        ),
        ("/team/member_add", {"team_id": "a", "member": None}, "model_type", ["body"]),
        ("/team/member_delete", {"team_id": "a"}, "value_error", ["body"]),
        ("/team/update", {"team_alias": "x"}, "missing", ["body", "team_id"]),
        ("/team/block", {}, "missing", ["body", "team_id"]),
        ("/user/new", {"user_role": "king"}, "literal_error", ["body", "user_role"]),
        ("/key/delete", {"keys": []}, "value_error", ["body"]),
        ("/team/new", [], "model_attributes_type", ["body"]),
        ("/team/member_add", "text", "model_attributes_type", ["body"]),
    ],
)
async def test_form_is_refused_at_the_field(
    edge: AsyncClient, path: str, body: object, kind: str, location: list[str | int]
) -> None:
    answer = await edge.post(path, json=body)
    assert answer.status_code == 422
    assert [(each["type"], each["loc"]) for each in answer.json()["detail"]] == [(kind, location)]
