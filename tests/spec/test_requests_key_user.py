"""Bodies of the key and user routes (supporting-api.md 2.2, 2.5, 2.7, 3.1)."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from services.edge.requests import DeleteKeys, GenerateKey, KeyRef, NewUser, TeamOfUser
from services.edge.requests.common import RequestModel


def refusals(model: type[BaseModel], body: object) -> list[tuple[Any, ...]]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    return [(each["type"], *each["loc"]) for each in refused.value.errors()]


def test_an_empty_request_makes_a_key_with_litellms_defaults() -> None:
    sent = GenerateKey.model_validate({})
    assert (sent.models, sent.metadata, sent.config, sent.aliases) == ([], {}, {}, {})
    assert (sent.key_type, sent.allowed_routes, sent.auto_rotate) == ("default", [], False)
    assert sent.model_fields_set == set()


def test_a_blank_budget_is_null_for_keys_only() -> None:
    assert GenerateKey.model_validate({"max_budget": ""}).max_budget is None
    assert GenerateKey.model_validate({"max_budget": "2.50"}).max_budget == Decimal("2.5")
    assert refusals(NewUser, {"max_budget": ""}) == [("float_parsing", "max_budget")]
    assert refusals(GenerateKey, {"soft_budget": ""}) == [("float_parsing", "soft_budget")]


@pytest.mark.parametrize("model", [GenerateKey, NewUser])
@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("duration", "soon", "duration"),
        ("budget_duration", "0d", "duration"),
        ("max_budget", float("nan"), "finite_number"),
        ("tpm_limit", 2**63, "less_than"),
        ("user_id", "x" * 256, "string_too_long"),
        ("team_id", "x" * 256, "string_too_long"),
        ("team_id", "a\n", "control_character"),
        ("key_alias", "a\0", "unsafe_text"),
        ("metadata", {"a": ["\0"]}, "unsafe_json"),
        ("models", ["m"] * 501, "too_long"),
        ("model_max_budget", {"m": "x" * 70_000}, "json_too_large"),
    ],
)
def test_keys_and_users_share_their_refusals(
    model: type[BaseModel], field: str, value: object, kind: str
) -> None:
    assert refusals(model, {field: value}) == [(kind, field)]


def test_deleting_names_keys_or_aliases() -> None:
    assert DeleteKeys.model_validate({"keys": ["sk-1"]}).keys == ["sk-1"]
    assert DeleteKeys.model_validate({"key_aliases": ["mine"], "keys": None}).keys is None
    nothing: list[dict[str, object]] = [{}, {"keys": []}, {"keys": None, "key_aliases": []}]
    for body in nothing:
        assert refusals(DeleteKeys, body) == [("value_error",)]


def test_blocking_names_a_key() -> None:
    assert KeyRef.model_validate({"key": "sk-1"}).key == "sk-1"
    assert refusals(KeyRef, {}) == [("missing", "key")]
    assert refusals(KeyRef, {"key": "x" * 256}) == [("string_too_long", "key")]


def test_the_teams_of_a_new_user_are_ids_or_objects() -> None:
    teams = ["a", {"team_id": "b", "max_budget_in_team": 0.1, "user_role": "admin"}]
    assert NewUser.model_validate({"teams": teams}).teams == [
        TeamOfUser(team_id="a", max_budget_in_team=None, user_role="user"),
        TeamOfUser(team_id="b", max_budget_in_team=Decimal("0.1"), user_role="admin"),
    ]
    assert NewUser.model_validate({"teams": None}).teams is None
    assert refusals(NewUser, {"teams": ["a", ""]}) == [("string_too_short", "teams", 1, "team_id")]


def test_roles_of_users_are_the_four() -> None:
    assert NewUser.model_validate({"user_role": "proxy_admin_viewer"}).auto_create_key is True
    assert refusals(NewUser, {"user_role": "org_admin"}) == [("literal_error", "user_role")]


def test_a_blank_address_of_a_user_is_none() -> None:
    assert NewUser.model_validate({"user_email": ""}).user_email is None
    assert refusals(NewUser, {"user_email": "nobody"}) == [("email", "user_email")]


@pytest.mark.parametrize("model", [GenerateKey, NewUser])
def test_a_blank_is_a_field_that_is_not_set(model: type[RequestModel]) -> None:
    blank = {"team_id": "", "user_id": "", "key_alias": "", "duration": "", "budget_duration": ""}
    assert model.model_validate(blank) == model.model_validate({})
    assert model.model_validate(blank).model_fields_set == set()
