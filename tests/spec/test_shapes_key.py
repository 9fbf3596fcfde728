"""Virtual keys in answers."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from events.key import KeySettings
from services.edge.shapes.key import KeyView, generated, key_info, key_row
from tests.contract.cases import load

ANSWERS: dict[str, Any] = {case.name: case.response["body"] for case in load() if case.response}
NOW = datetime(2026, 11, 23, 9, 53, tzinfo=UTC)
GENERATED = ANSWERS["053-key-generate-u2"]
ROW = ANSWERS["189-auth-key-of-blocked-team"]["keys"][1]


def view_of(recorded: dict[str, Any], **given: object) -> KeyView:
    """A key with the recorded hash, name, owner, team and times, and whatever else is given."""
    named = {name: recorded[name] for name in ("key_name", "user_id", "team_id")}
    created_at = datetime.fromisoformat(recorded["created_at"])
    return KeyView(
        recorded["token"],
        KeySettings.model_validate({**named, **given}).model_dump(mode="json"),
        created_at,
        recorded["created_by"],
        datetime.fromisoformat(recorded["updated_at"]),
        recorded["updated_by"],
        created_at,
    )


def row(view: KeyView, *, with_token: bool = True) -> dict[str, Any]:
    return key_row(view, NOW, UTC, with_token=with_token)


def test_a_generated_key_is_the_recorded_answer() -> None:
    answer = generated(view_of(GENERATED), "<key:u2>")
    assert json.dumps(answer) == json.dumps(GENERATED)


def test_a_key_of_a_team_is_the_recorded_row() -> None:
    assert json.dumps(row(view_of(ROW))) == json.dumps(ROW)


def test_the_hash_is_left_out_for_those_who_may_not_see_it() -> None:
    rest = {name: value for name, value in ROW.items() if name != "token"}
    assert json.dumps(row(view_of(ROW), with_token=False)) == json.dumps(rest)


def test_only_the_answer_to_the_generation_holds_the_secret() -> None:
    view = view_of(GENERATED)
    assert generated(view, "sk-secret")["key"] == "sk-secret"
    assert "key" not in row(view)


def test_key_info_echoes_what_was_asked_and_shows_no_hash() -> None:
    answer = key_info(view_of(ROW), "sk-asked", NOW, UTC)
    assert list(answer) == ["key", "info"]
    assert answer["key"] == "sk-asked"
    assert "token" not in answer["info"]


def test_key_info_loads_the_object_permission() -> None:
    held = {"mcp_servers": ["m"]}
    view = view_of(ROW, extra={"object_permission": held})
    assert key_info(view, "sk-asked", NOW, UTC)["info"]["object_permission"] == held
    assert row(view)["object_permission"] is None


def test_typed_answers_and_rows_write_the_expiry_differently() -> None:
    view = view_of(ROW, expires=datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert generated(view, "sk-x")["expires"] == "2027-01-02T03:04:05Z"
    assert row(view)["expires"] == "2027-01-02T03:04:05+00:00"


def test_fields_without_a_typed_place_come_back_under_their_names() -> None:
    extra = {
        "aliases": {"a": "b"},
        "config": {"c": 1},
        "permissions": {"p": True},
        "allowed_cache_controls": ["no-store"],
        "agent_id": "agent",
        "project_id": "project",
        "access_group_ids": ["g"],
        "model_max_budget": {"m": {"budget_limit": 1}},
        "budget_id": "b-1",
    }
    view = view_of(ROW, extra=extra)
    for answer in (row(view), generated(view, "sk-x")):
        assert {name: answer[name] for name in extra} == extra


def test_the_duration_is_repeated_to_the_one_who_asked_for_it() -> None:
    assert generated(view_of(ROW, extra={"duration": "30d"}), "sk-x")["duration"] == "30d"


def test_router_settings_are_expanded_by_generate_and_plain_in_a_row() -> None:
    view = view_of(ROW, extra={"router_settings": {"timeout": 5}})
    assert row(view)["router_settings"] == {"timeout": 5}
    expanded = generated(view, "sk-x")["router_settings"]
    assert expanded == {**GENERATED["router_settings"], "timeout": 5}


def test_limits_are_numbers_and_the_budget_resets_in_its_window() -> None:
    view = view_of(ROW, max_budget=Decimal("7.50"), budget_duration="7d", blocked=True)
    view = replace(view, settings={**view.settings, "limits": {"tpm_limit": 5, "rpm_limit": 6}})
    answer = key_row(view, NOW, UTC, with_token=True, spend=Decimal("0.25"))
    assert (answer["max_budget"], answer["spend"]) == (7.5, 0.25)
    assert (answer["tpm_limit"], answer["rpm_limit"], answer["blocked"]) == (5, 6, True)
    assert answer["budget_reset_at"] == "2026-11-30T00:00:00Z"


def test_a_soft_budget_is_shown_in_a_budget_of_the_key() -> None:
    view = view_of(ROW, max_budget=Decimal(10), soft_budget=Decimal(8))
    table = row(view)["litellm_budget_table"]
    assert (table["soft_budget"], table["max_budget"]) == (8.0, 10.0)
    assert generated(view, "sk-x")["litellm_budget_table"] == table
