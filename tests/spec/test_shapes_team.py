"""Teams and memberships in answers: every key, in the order LiteLLM was recorded to write them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events.team import TeamSettings
from events.values import MemberLimits, ObjectPermission, RateLimits, TeamBudget
from services.edge.shapes.team import (
    Deletion,
    Member,
    TeamView,
    deleted_team,
    membership,
    team,
    team_info,
    team_row,
)
from tests.contract.cases import load

ANSWERS: dict[str, Any] = {case.name: case.response["body"] for case in load() if case.response}
NOW = datetime(2026, 11, 23, 9, 53, tzinfo=UTC)
DEFAULTS = MemberLimits(
    budget_id="team-Full-budget-9909c15f7aa04b01bb38d765973922eb",
    max_budget=Decimal(5),
    budget_duration="30d",
).model_dump(mode="json")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def view_of(recorded: dict[str, Any], **given: object) -> TeamView:
    """A team with the recorded id, members and times, and the settings that are given."""
    members = [
        Member(m["user_id"], m["user_email"], m["role"]) for m in recorded["members_with_roles"]
    ]
    return TeamView(
        recorded["team_id"],
        TeamSettings.model_validate(given).model_dump(mode="json"),
        members,
        created_at=at(recorded["created_at"]),
        updated_at=at(recorded["updated_at"]),
    )


def full_team(recorded: dict[str, Any]) -> TeamView:
    metadata = {"nested": {"a": [1, 2.5, None, True]}, "cost_center": "42"}
    view = view_of(
        recorded,
        team_alias="Full",
        metadata=metadata,
        budget=TeamBudget(max_budget=Decimal(50), soft_budget=Decimal(40), budget_duration="30d"),
        limits=RateLimits(tpm_limit=1000, rpm_limit=10),
        models=["fake-model"],
        model_aliases={"gpt": "fake-model"},
        member_permissions=["/key/generate"],
        member_defaults=MemberLimits(**DEFAULTS),
    )
    return replace(view, model_table_id=1, model_aliases_by="default_user_id")


def alpha_2(recorded: dict[str, Any], **given: object) -> TeamView:
    budget = TeamBudget(max_budget=Decimal(200), soft_budget=Decimal(150), budget_duration="7d")
    return view_of(recorded, team_alias="Alpha 2", budget=budget, **given)


def same(answer: object, recorded: object) -> bool:
    """Equal values, and equal keys in equal order at every depth."""
    return json.dumps(answer) == json.dumps(recorded)


def test_a_new_team_is_the_recorded_team() -> None:
    recorded = ANSWERS["005-team-new-generated-id"]
    assert same(team(view_of(recorded, team_alias="generated"), NOW, UTC), recorded)


def test_a_team_of_an_organization_is_the_recorded_team() -> None:
    recorded = ANSWERS["037-team-new-in-org"]
    view = view_of(
        recorded,
        organization_id="org-1",
        budget=TeamBudget(max_budget=Decimal(60)),
        models=["fake-model"],
    )
    assert same(team(view, NOW, UTC), recorded)


def test_members_carry_their_addresses_and_stand_in_the_order_in_which_they_joined() -> None:
    recorded = dict(ANSWERS["061-member-add-new-email"])
    for added_by_the_route in ("updated_users", "updated_team_memberships"):
        del recorded[added_by_the_route]
    view = view_of(recorded, team_alias="Alpha", budget=TeamBudget(max_budget=Decimal(100)))
    assert same(team(view, NOW, UTC), recorded)


def test_an_updated_team_is_the_recorded_row() -> None:
    recorded = ANSWERS["117-team-update-alias"]["data"]
    view = view_of(recorded, team_alias="Alpha 2", budget=TeamBudget(max_budget=Decimal(100)))
    assert same(team_row(view, NOW, UTC, load_model_table=True), recorded)


def test_an_unblocked_team_is_the_recorded_row() -> None:
    recorded = ANSWERS["191-team-unblock"]
    view = alpha_2(recorded, models=["fake-model", "m3"], member_permissions=["/nope"])
    assert same(team_row(view, NOW, UTC, load_model_table=False), recorded)


def test_team_info_shows_the_default_limits_of_members() -> None:
    recorded = ANSWERS["009-team-info-every-plain-field"]["team_info"]
    assert same(team_info(full_team(recorded), NOW, UTC), recorded)


def test_team_info_without_default_limits_shows_null() -> None:
    recorded = ANSWERS["189-auth-key-of-blocked-team"]["team_info"]
    view = alpha_2(
        recorded, models=["fake-model", "m3"], member_permissions=["/nope"], blocked=True
    )
    assert same(team_info(view, NOW, UTC), recorded)


def test_the_list_loads_the_model_table() -> None:
    recorded = dict(ANSWERS["075-user-info-u1-teams"]["teams"][2])
    for added_by_the_list in ("team_memberships", "keys"):
        del recorded[added_by_the_list]
    assert same(team(full_team(recorded), NOW, UTC, load_model_table=True), recorded)


def test_an_update_loads_the_row_of_the_model_table() -> None:
    recorded = ANSWERS["119-team-update-metadata-replaces"]["data"]
    table = recorded["litellm_model_table"]
    view = replace(full_team(recorded), model_aliases_at=at(table["created_at"]))
    row = team_row(view, NOW, UTC, load_model_table=True)
    assert same(row["litellm_model_table"], table)
    assert list(row) == list(recorded)


def test_the_model_table_of_a_team_without_aliases_is_null_even_if_loaded() -> None:
    view = view_of(ANSWERS["005-team-new-generated-id"])
    assert team(view, NOW, UTC, load_model_table=True)["litellm_model_table"] is None


def test_a_deleted_team_is_the_recorded_one() -> None:
    recorded = ANSWERS["213-v2-team-list-deleted"]["teams"][0]
    view = view_of(recorded, budget=TeamBudget(max_budget=Decimal("12.5")))
    deletion = Deletion(
        recorded["id"],
        at(recorded["deleted_at"]),
        recorded["deleted_by"],
        recorded["deleted_by_api_key"],
    )
    assert same(deleted_team(view, deletion, UTC), recorded)


def test_the_budget_window_of_a_deleted_team_is_the_one_it_ended_in() -> None:
    view = view_of(ANSWERS["005-team-new-generated-id"], budget=TeamBudget(budget_duration="1d"))
    deletion = Deletion("1", at("2026-11-24T12:00:00Z"), "ann", None, "bob")
    answer = deleted_team(view, deletion, UTC)
    assert answer["budget_reset_at"] == "2026-11-25T00:00:00Z"
    assert answer["litellm_changed_by"] == "bob"


@pytest.mark.parametrize(
    ("duration", "since", "zone", "reset_at"),
    [
        (None, None, "UTC", None),
        ("7d", None, "UTC", "2026-11-30T00:00:00Z"),
        ("30d", None, "UTC", "2026-12-01T00:00:00Z"),
        ("1d", None, "America/New_York", "2026-11-24T05:00:00Z"),
        ("14d", None, "UTC", "2026-12-07T00:00:00Z"),
        ("14d", "2026-11-20T10:00:00Z", "UTC", "2026-12-04T00:00:00Z"),
    ],
)
def test_the_reset_is_computed_from_the_clock_the_zone_and_the_start_of_the_duration(
    duration: str | None, since: str | None, zone: str, reset_at: str | None
) -> None:
    view = view_of(
        ANSWERS["005-team-new-generated-id"], budget=TeamBudget(budget_duration=duration)
    )
    view = replace(view, budget_since=None if since is None else at(since))
    where = ZoneInfo(zone)
    assert team(view, NOW, where)["budget_reset_at"] == reset_at
    assert team_row(view, NOW, where, load_model_table=False)["budget_reset_at"] == reset_at


def test_money_is_a_json_number() -> None:
    budget = TeamBudget(max_budget=Decimal("0.10"), soft_budget=Decimal("1E-7"))
    view = view_of(ANSWERS["005-team-new-generated-id"], budget=budget)
    answer = team(view, NOW, UTC, spend=Decimal("2.50"))
    numbers = [answer[name] for name in ("max_budget", "soft_budget", "spend")]
    assert json.dumps(numbers) == "[0.1, 1e-07, 2.5]"


def test_an_object_permission_is_named_everywhere_and_loaded_by_team_info() -> None:
    held = ObjectPermission(
        object_permission_id="op-1", permissions={"mcp_servers": ["m"], "models": ["x"]}
    )
    view = view_of(ANSWERS["005-team-new-generated-id"], object_permission=held)
    answer = team(view, NOW, UTC)
    assert (answer["object_permission_id"], answer["object_permission"]) == ("op-1", None)
    assert team_row(view, NOW, UTC, load_model_table=True)["object_permission_id"] == "op-1"
    assert team_info(view, NOW, UTC)["object_permission"] == {
        "object_permission_id": "op-1",
        "mcp_servers": ["m"],
        "mcp_access_groups": [],
        "mcp_tool_permissions": None,
        "vector_stores": [],
        "agents": [],
        "agent_access_groups": [],
    }


def test_the_id_of_the_default_limits_is_shown_in_metadata_and_not_kept_there() -> None:
    view = full_team(ANSWERS["009-team-info-every-plain-field"]["team_info"])
    shown = team(view, NOW, UTC)["metadata"]
    assert shown["team_member_budget_id"] == DEFAULTS["budget_id"]
    assert "team_member_budget_id" not in view.settings["metadata"]


def settings_with(
    defaults: dict[str, Any] | None = None, duration: str | None = None
) -> dict[str, Any]:
    lasting = {"budget_duration": duration}
    return TeamSettings.model_validate({"member_defaults": defaults, "budget": lasting}).model_dump(
        mode="json"
    )


def test_a_member_without_own_limits_has_the_defaults_of_the_team() -> None:
    recorded = ANSWERS["009-team-info-every-plain-field"]["team_memberships"][0]
    assert same(membership("team-full", "full-u1", None, settings_with(DEFAULTS)), recorded)


def test_a_members_own_limits_replace_the_defaults_as_a_whole() -> None:
    recorded = ANSWERS["189-auth-key-of-blocked-team"]["team_memberships"][1]
    own = MemberLimits(
        budget_id=recorded["budget_id"], max_budget=Decimal(4), tpm_limit=10, rpm_limit=2
    ).model_dump(mode="json")
    assert same(membership("team-a", "u3", own, settings_with(DEFAULTS)), recorded)


@pytest.mark.parametrize(
    ("own", "teams", "shown"), [(None, "7d", "7d"), ("1d", "7d", "1d"), (None, None, None)]
)
def test_d37_a_members_budget_is_reset_with_the_teams_or_as_it_says(
    own: str | None, teams: str | None, shown: str | None
) -> None:
    limits = MemberLimits(budget_id="b", max_budget=Decimal(4), budget_duration=own)
    of_member = membership("t", "u", limits.model_dump(mode="json"), settings_with(None, teams))
    shared = membership("t", "u", None, settings_with(limits.model_dump(mode="json"), teams))
    for row in (of_member, shared):
        assert row["litellm_budget_table"]["budget_duration"] == shown


def test_a_member_without_any_limits_has_a_membership_too() -> None:
    recorded = ANSWERS["189-auth-key-of-blocked-team"]["team_memberships"][3]
    assert same(membership("team-a", "u1", None, settings_with()), recorded)


def test_a_membership_shows_what_the_member_spent() -> None:
    assert membership("t", "u", None, settings_with(), spend=Decimal("0.3"))["spend"] == 0.3
