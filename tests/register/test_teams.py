"""Teams as a whole: D11, D30 to D38, D61."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.auditor import KEY_TABLE, Auditor, token
from tests.support.ledger import Ledger, bearer
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY
from tests.support.windows import next_reset


def updated(ledger: Ledger, team_id: str, **fields: object) -> Any:  # noqa: ANN401
    return ledger.done("/team/update", {"team_id": team_id, **fields})["data"]


def info(ledger: Ledger, team_id: str) -> Any:  # noqa: ANN401
    return ledger.shown("/team/info", team_id=team_id)["team_info"]


def test_d11_metadata_is_merged_and_keys_of_ours_survive(ledger: Ledger) -> None:
    sent = {"team_id": "d11", "metadata": {"a": 1, "b": 2}, "tags": ["t"], "team_member_budget": 3}
    metadata = ledger.done("/team/new", sent)["metadata"]
    assert metadata["team_member_budget_id"]
    kept = updated(ledger, "d11", guardrails=["g"], team_member_rpm_limit=4)["metadata"]
    assert kept == {**metadata, "guardrails": ["g"]}
    assert updated(ledger, "d11", metadata={"c": 3})["metadata"] == {
        name: value for name, value in kept.items() if name not in {"a", "b"}
    } | {"c": 3}
    without = updated(ledger, "d11", tags=None)["metadata"]
    assert ("tags" in without, without["guardrails"]) == (False, ["g"])
    assert info(ledger, "d11")["team_member_budget_table"]["max_budget"] == 3.0


def test_d30_what_is_refused_leaves_nothing_behind(ledger: Ledger) -> None:
    ledger.user("d30", user_email="d30@example.com")
    ledger.done("/team/new", {"team_id": "d30"})
    key = ledger.key(team_id="d30")
    impostor = {"user_id": "d30-else", "user_email": "d30@example.com", "role": "user"}
    members = [{"user_id": "d30-new", "role": "user"}, impostor]
    more = {"model_aliases": {"a": "b"}, "object_permission": {}, "team_member_budget": 1}
    with ledger.nothing_stored():
        for path, body, status in (
            ("/team/new", {"team_id": "d30-x", "members_with_roles": members, **more}, 400),
            ("/team/new", {"team_id": "d30-x", "max_budget": 1, "soft_budget": 1, **more}, 400),
            ("/team/update", {"team_id": "d30", "max_budget": -1, **more}, 400),
            ("/team/member_add", {"team_id": "d30", "member": members}, 400),
            ("/team/delete", {"team_ids": ["d30", "d30-x"]}, 404),
            ("/user/new", {"user_id": "d30-y", "teams": ["d30", "d30-x"]}, 404),
        ):
            assert ledger.post(path, body).status_code == status, path
    assert ledger.get("/key/info", key).status_code == 200


FULL: dict[str, Any] = {
    "team_alias": "Full",
    "models": ["m"],
    "blocked": True,
    "metadata": {"own": 1},
    "access_group_ids": ["g"],
    "object_permission": {"vector_stores": ["v"]},
    "router_settings": {"num_retries": 2},
    "team_member_permissions": ["/key/generate"],
    "max_budget": 9,
    "soft_budget": 8,
    "budget_duration": "7d",
    "tpm_limit": 5,
    "rpm_limit": 6,
    "tags": ["t"],
    "model_rpm_limit": {"m": 1},
    "rpm_limit_type": "best_effort_throughput",
    "secret_manager_settings": {"x": 1},
    "team_member_key_duration": "1d",
}
CLEARED: dict[str, object] = {
    "models": [],
    "blocked": False,
    "access_group_ids": [],
    "router_settings": {},
    "team_member_permissions": [],
}


def test_d31_null_clears_every_field(ledger: Ledger) -> None:
    for number, field in enumerate(FULL):
        team_id = f"d31-{number}"
        before = ledger.done("/team/new", {"team_id": team_id, **FULL})
        answer = updated(ledger, team_id, **{field: None})
        if field == "metadata":
            assert answer["metadata"] == {k: v for k, v in before["metadata"].items() if k != "own"}
        elif field in before["metadata"]:
            assert field not in answer["metadata"]
            assert answer["metadata"]["own"] == 1
        else:
            assert answer[field] == CLEARED.get(field)
        assert answer["object_permission_id"] == (
            None if field == "object_permission" else before["object_permission_id"]
        )


def test_d32_everything_of_a_team_goes_with_it_and_into_the_archive(ledger: Ledger) -> None:
    ledger.user("d32")
    member = {"members_with_roles": [{"user_id": "d32", "role": "user"}], "team_member_budget": 2}
    ledger.done("/team/new", {"team_id": "d32", **member, **FULL, "model_aliases": {"a": "b"}})
    key = ledger.key(team_id="d32", user_id="d32", budget_id="b", metadata={"x": 1}, max_budget=3)
    auditor = Auditor(ledger)
    made = auditor.find(object_id=token(key))[0]["updated_values"]
    [before] = ledger.shown("/v2/team/list", team_id="d32")["teams"]
    entries = auditor.after("/team/delete", {"team_ids": ["d32"]})
    [archived] = ledger.shown("/v2/team/list", team_id="d32", status="deleted")["teams"]
    assert {name: archived[name] for name in before} == before
    [key_gone] = [entry for entry in entries if entry["table_name"] == KEY_TABLE]
    assert key_gone["before_value"] == made
    again = ledger.done("/team/new", {"team_id": "d32"})
    assert [m["user_id"] for m in again["members_with_roles"]] == ["default_user_id"]
    shown = ledger.shown("/team/info", team_id="d32")
    assert (shown["keys"], shown["team_info"]["metadata"]) == ([], {})
    assert shown["team_info"]["object_permission"] is None
    assert ledger.shown("/v2/team/list", user_id="d32")["teams"] == []
    assert ledger.get("/key/info", key).status_code == 401


AMOUNTS = ["max_budget", "soft_budget", "team_member_budget"]
RATES = ["tpm_limit", "rpm_limit", "team_member_tpm_limit", "team_member_rpm_limit"]


def test_d33_no_limit_is_negative_or_no_number(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "d33"})
    member = {"team_id": "d33", "member": {"user_id": "d33", "role": "user"}}
    mine = {"team_id": "d33", "user_id": "default_user_id"}
    raw = {**bearer(MASTER_KEY), "content-type": "application/json"}
    with ledger.nothing_stored():
        for path in ("/team/new", "/team/update"):
            named = {} if path == "/team/new" else {"team_id": "d33"}
            for field in (*AMOUNTS, *RATES):
                refused = ledger.post(path, {**named, field: -1})
                assert_refused(refused, 400, "B", f"{field} cannot be negative. Received: -1")
            for field in AMOUNTS:
                for text in ("NaN", "Infinity", "-Infinity", '"NaN"', '"inf"', "1e400"):
                    content = f'{{"team_id": "d33", "{field}": {text}}}'
                    assert ledger.http.post(path, content=content, headers=raw).status_code == 422
        for path, body in (
            ("/team/member_add", {**member, "max_budget_in_team": -1}),
            ("/team/member_update", {**mine, "max_budget_in_team": -0.5}),
            ("/team/member_update", {**mine, "tpm_limit": -1}),
            ("/team/member_update", {**mine, "rpm_limit": -1}),
        ):
            assert_refused(ledger.post(path, body), 400, "A", " cannot be negative. Received: -")


def test_d34_an_id_has_one_to_255_characters_that_can_be_seen(ledger: Ledger) -> None:
    with ledger.nothing_stored():
        for bad in ("", "x" * 256, "a\nb", "a\x7fb"):
            assert_refused(ledger.post("/team/new", {"team_id": bad}), 422, "C", "body.team_id: ")
        nul = ledger.post("/team/new", {"team_id": "a\x00b"})
        assert_refused(nul, 422, "C", "must not contain the character NUL")
    for good in ("d34/with slash", " ", "Ünï-34", "x" * 255):
        assert ledger.done("/team/new", {"team_id": good})["team_id"] == good
        assert info(ledger, good)["team_id"] == good


def test_d35_an_update_takes_what_the_documentation_says(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "d35"})
    in_metadata = {
        "rpm_limit_type": "best_effort_throughput",
        "tpm_limit_type": "guaranteed_throughput",
        "disable_global_guardrails": True,
    }
    answer = updated(ledger, "d35", team_member_permissions=["/key/info"], **in_metadata)
    assert answer["metadata"] == in_metadata
    assert answer["team_member_permissions"] == ["/key/info"]
    assert info(ledger, "d35")["metadata"] == in_metadata


@pytest.mark.parametrize("text", ["", "daily", "1D", "30", "1.5d", "-1d", "1d12h", "1days"])
def test_d36_what_is_no_duration_is_422(ledger: Ledger, text: str) -> None:
    with ledger.nothing_stored():
        for field in ("budget_duration", "team_member_budget_duration", "team_member_key_duration"):
            refused = ledger.post("/team/new", {field: text})
            assert_refused(refused, 422, "C", f"body.{field}: ")


@pytest.mark.parametrize("duration", ["1w", "1y", "2mo", "5mo", "48h", "30h", "90m", "100s"])
def test_d36_durations_are_true_intervals(ledger: Ledger, duration: str) -> None:
    began = datetime.now(UTC)
    shown = ledger.done("/team/new", {"budget_duration": duration})["budget_reset_at"]
    found = datetime.fromisoformat(shown)
    moments = (began, datetime.now(UTC))
    assert found in [next_reset(duration, began, now, ZoneInfo("UTC")) for now in moments]


def test_d37_members_budgets_last_as_long_as_the_teams(ledger: Ledger) -> None:
    team = {"team_id": "d37"}
    sent = {**team, "budget_duration": "30d", "team_member_budget": 1}
    ledger.done("/team/new", sent)
    own = {"member": {"user_id": "d37", "role": "user"}, "max_budget_in_team": 2}
    ledger.done("/team/member_add", {**team, **own})
    found = ledger.shown("/team/info", **team)["team_memberships"]
    assert [m["litellm_budget_table"]["budget_duration"] for m in found] == ["30d", "30d"]
    ledger.done("/team/new", {**sent, "team_id": "d37-own", "team_member_budget_duration": "1d"})
    assert info(ledger, "d37-own")["team_member_budget_table"]["budget_duration"] == "1d"


def test_d38_only_another_duration_starts_the_window_anew_and_null_ends_it(ledger: Ledger) -> None:
    made = ledger.done("/team/new", {"team_id": "d38", "budget_duration": "10d"})
    for _ in range(2):
        with ledger.nothing_stored():
            again = updated(ledger, "d38", budget_duration="10d")
        assert again["budget_reset_at"] == made["budget_reset_at"]
    changed = updated(ledger, "d38", budget_duration="20d")
    assert changed["budget_reset_at"] > made["budget_reset_at"]
    assert updated(ledger, "d38", budget_duration=None)["budget_reset_at"] is None
    assert info(ledger, "d38")["budget_reset_at"] is None


def test_d61_an_unknown_organization_is_404(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "d61"})
    with ledger.nothing_stored():
        for path, team_id in (("/team/new", "d61-new"), ("/team/update", "d61")):
            refused = ledger.post(path, {"team_id": team_id, "organization_id": "d61-none"})
            says = "Organization not found, passed organization_id=d61-none"
            assert_refused(refused, 404, "B", says)
