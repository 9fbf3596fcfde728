"""Bodies of the team routes: what our models refuse beyond LiteLLM, and what they hand on."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from services.edge.requests import BlockTeam, DeleteTeams, NewTeam, UpdateTeam

INFINITY, NAN = float("inf"), float("nan")


def refusals(model: type[BaseModel], body: object) -> list[tuple[Any, ...]]:
    """What is wrong, as (type, *loc) of every entry."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    return [(each["type"], *each["loc"]) for each in refused.value.errors()]


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (0.1, "0.1"),
        (100, "100"),
        ("12.5", "12.5"),
        (" 5 ", "5"),
        (-0.5, "-0.5"),
        (-0.0, "0"),
        ("0e999999", "0"),
        (True, "1"),
        (1e12, "1000000000000"),
        (-(10**12), "-1000000000000"),
        ("999999999999.999999999999999999", "999999999999.999999999999999999"),
        (1e-18, "0.000000000000000001"),
    ],
)
def test_money_is_kept_to_the_last_digit(sent: object, kept: str) -> None:
    amount = NewTeam.model_validate({"max_budget": sent}).max_budget
    assert amount is not None
    assert format(amount, "f") in {kept, f"{kept}.0"}
    assert amount == Decimal(kept)


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (NAN, "finite_number"),
        (INFINITY, "finite_number"),
        (-INFINITY, "finite_number"),
        ("NaN", "finite_number"),
        ("-Infinity", "finite_number"),
        ("1e400", "finite_number"),
        (10**400, "float_type"),
        (10**12 + 1, "money_range"),
        (-1.1e12, "money_range"),
        ("1000000000000.000000000000000001", "money_range"),
        (1e-19, "money_decimals"),
        ("0.1234567890123456789", "money_decimals"),
        ("1e-99999999999999999999", "money_decimals"),
        ("abc", "float_parsing"),
        ("", "float_parsing"),
        ({}, "float_type"),
    ],
)
@pytest.mark.parametrize("field", ["max_budget", "soft_budget", "team_member_budget"])
def test_money_that_cannot_be_kept_is_refused(field: str, sent: object, kind: str) -> None:
    assert refusals(NewTeam, {field: sent}) == [(kind, field)]


def test_what_is_below_zero_is_left_to_the_domain() -> None:
    money = ("max_budget", "soft_budget", "team_member_budget")
    limits = ("tpm_limit", "rpm_limit", "team_member_tpm_limit", "team_member_rpm_limit")
    body = dict.fromkeys((*money, *limits), -1)
    team = NewTeam.model_validate(body)
    assert [getattr(team, field) for field in body] == [Decimal(-1)] * 3 + [-1] * 4


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (2**63, "less_than"),
        (-(2**63) - 1, "greater_than_equal"),
        (1e30, "int_parsing_size"),
        (1.5, "int_from_float"),
        (NAN, "finite_number"),
        ("five", "int_parsing"),
    ],
)
def test_limits_are_bigints(sent: object, kind: str) -> None:
    assert refusals(NewTeam, {"tpm_limit": sent}) == [(kind, "tpm_limit")]


def test_limits_by_model_are_bigints_too() -> None:
    wrong = {"small": 1, "half": 1.5, "large": 2**63}
    assert refusals(NewTeam, {"model_rpm_limit": wrong}) == [
        ("int_from_float", "model_rpm_limit", "half"),
        ("less_than", "model_rpm_limit", "large"),
    ]
    many = {f"model-{n}": n for n in range(10_000)}
    assert refusals(NewTeam, {"model_tpm_limit": many}) == [("json_too_large", "model_tpm_limit")]


def test_the_widest_limits_fit() -> None:
    team = NewTeam.model_validate({"tpm_limit": 2**63 - 1, "rpm_limit": str(-(2**63))})
    assert (team.tpm_limit, team.rpm_limit) == (2**63 - 1, -(2**63))


@pytest.mark.parametrize("team_id", ["a", "a/b c", "команда", "🦊", "x" * 255, " "])
def test_team_ids_may_hold_slashes_spaces_and_any_script(team_id: str) -> None:
    assert NewTeam.model_validate({"team_id": team_id}).team_id == team_id


@pytest.mark.parametrize(
    ("team_id", "kind"),
    [
        ("", "string_too_short"),
        ("x" * 256, "string_too_long"),
        ("a\nb", "control_character"),
        ("a\0", "control_character"),
        ("a\x7f", "control_character"),
        ("a\x85", "control_character"),
    ],
)
def test_other_team_ids_are_refused_wherever_one_is_named(team_id: str, kind: str) -> None:
    for model in (NewTeam, UpdateTeam, BlockTeam):
        assert refusals(model, {"team_id": team_id}) == [(kind, "team_id")]
    assert refusals(DeleteTeams, {"team_ids": ["a", team_id]}) == [(kind, "team_ids", 1)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("x" * 256, "string_too_long"), ("a\0b", "unsafe_text")],
)
def test_texts_are_short_and_can_be_stored(text: str, kind: str) -> None:
    assert refusals(NewTeam, {"team_alias": text}) == [(kind, "team_alias")]
    assert refusals(NewTeam, {"models": ["m", text]}) == [(kind, "models", 1)]
    assert refusals(NewTeam, {"guardrails": [text]}) == [(kind, "guardrails", 0)]


def test_half_a_surrogate_pair_is_refused() -> None:
    body = {"team_id": "a\ud800", "team_alias": "\udfff", "model_rpm_limit": {"\ud800": 1}}
    places = {location for _, location, *_ in refusals(NewTeam, body)}
    assert places == {"team_id", "team_alias", "model_rpm_limit"}


@pytest.mark.parametrize("field", ["metadata", "router_settings", "model_aliases"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": ["b", {"c": "\0"}]}, "unsafe_json"),
        ({"\0": 1}, "unsafe_json"),
        ({"a": "\ud800"}, "unsafe_json"),
        ({"a": [NAN]}, "unsafe_json"),
        ({"a": 10**30}, "unsafe_json"),
        ({"a": "x" * 65_529}, "json_too_large"),
        (nested(201), "unsafe_json"),
        ([], "dict_type"),
    ],
)
def test_objects_are_small_and_can_be_stored(field: str, value: object, kind: str) -> None:
    assert refusals(NewTeam, {field: value}) == [(kind, field)]


def test_an_object_may_take_64_kib_and_as_many_levels_as_may_be_allowed() -> None:
    large, deep = {"a": "x" * 65_528}, nested(200)
    team = NewTeam.model_validate({"metadata": large, "router_settings": deep})
    assert (team.metadata, team.router_settings) == (large, deep)


@pytest.mark.parametrize(
    "field", ["budget_duration", "team_member_budget_duration", "team_member_key_duration"]
)
@pytest.mark.parametrize("model", [NewTeam, UpdateTeam])
def test_durations_are_parsed(model: type[BaseModel], field: str) -> None:
    for text in ("soon", "", "0d", "1d12h", "101y"):
        assert refusals(model, {"team_id": "a", field: text}) == [("duration", field)]
    accepted = model.model_validate({"team_id": "a", field: "2mo"})
    assert getattr(accepted, field) == "2mo"


def test_the_refusal_of_a_duration_names_what_is_accepted() -> None:
    with pytest.raises(ValidationError, match="'soon' is no duration: expected a whole number of"):
        NewTeam.model_validate({"budget_duration": "soon"})


@pytest.mark.parametrize("model", [NewTeam, UpdateTeam])
def test_member_permissions_are_the_known_ones(model: type[BaseModel]) -> None:
    known = ["/key/generate", "/key/health", "/key/{key_id}/reset_spend", "/team/daily/activity"]
    team = model.model_validate({"team_id": "a", "team_member_permissions": known})
    assert team.model_dump()["team_member_permissions"] == known
    body = {"team_id": "a", "team_member_permissions": ["/key/info", "/key/everything"]}
    assert refusals(model, body) == [("literal_error", "team_member_permissions", 1)]


def lists_of(count: int) -> Iterator[tuple[type[BaseModel], dict[str, Any], str]]:
    yield NewTeam, {"models": ["m"] * count}, "models"
    yield NewTeam, {"admins": [1] * count}, "admins"
    yield NewTeam, {"tags": ["t"] * count}, "tags"
    members = [{"role": "user", "user_id": f"u{n}"} for n in range(count)]
    yield NewTeam, {"members_with_roles": members}, "members_with_roles"
    yield UpdateTeam, {"team_id": "a", "access_group_ids": ["g"] * count}, "access_group_ids"
    yield DeleteTeams, {"team_ids": ["a"] * count}, "team_ids"


def test_lists_have_at_most_500_items() -> None:
    for model, body, field in lists_of(501):
        assert refusals(model, body) == [("too_long", field)]
    for model, body, _ in lists_of(500):
        assert model.model_validate(body).model_fields_set


def test_a_list_too_long_is_refused_before_its_items_are_looked_at() -> None:
    assert refusals(NewTeam, {"models": [5] * 501}) == [("too_long", "models")]


def test_a_new_team_keeps_in_metadata_what_was_sent_with_a_value() -> None:
    team = NewTeam.model_validate(
        {
            "tags": ["t", {"k": None}],
            "model_rpm_limit": {"m": "5"},
            "rpm_limit_type": "guaranteed_throughput",
            "allowed_vector_store_indexes": [{"index_name": "i", "index_permissions": ["read"]}],
            "secret_manager_settings": {"vault": None},
            "disable_global_guardrails": False,
            "guardrails": None,
            "max_budget": 1,
            "metadata": {"mine": 1},
        }
    )
    assert team.metadata_fields() == {
        "tags": ["t", {"k": None}],
        "model_rpm_limit": {"m": 5},
        "rpm_limit_type": "guaranteed_throughput",
        "allowed_vector_store_indexes": [{"index_name": "i", "index_permissions": ["read"]}],
        "secret_manager_settings": {"vault": None},
        "disable_global_guardrails": False,
    }


def test_an_update_hands_on_nulls_as_well() -> None:
    body = {"team_id": "a", "tags": None, "tpm_limit_type": "best_effort_throughput"}
    assert UpdateTeam.model_validate(body).metadata_fields() == {
        "tags": None,
        "tpm_limit_type": "best_effort_throughput",
    }


def test_absent_and_null_differ_and_unknown_fields_are_dropped() -> None:
    body = {"team_id": "a", "max_budget": None, "models": None, "surprise": 1, "spend": 5}
    update = UpdateTeam.model_validate(body)
    assert update.model_fields_set == {"team_id", "max_budget", "models"}
    assert update.model_dump(exclude_unset=True) == {
        "team_id": "a",
        "max_budget": None,
        "models": None,
    }


def test_leaving_the_organization_is_an_empty_id() -> None:
    update = UpdateTeam.model_validate({"team_id": "a", "organization_id": ""})
    assert update.organization_id == ""


def test_object_permissions_are_lists_of_names() -> None:
    sent = {"mcp_servers": ["s"], "mcp_tool_permissions": {"s": ["t"]}, "agents": None}
    permission = NewTeam.model_validate({"object_permission": sent}).object_permission
    assert permission is not None
    assert permission.model_dump(exclude_unset=True) == sent
    wrong = {"object_permission": {"mcp_tool_permissions": {"s": "t"}}}
    assert refusals(NewTeam, wrong) == [
        ("list_type", "object_permission", "mcp_tool_permissions", "s")
    ]
