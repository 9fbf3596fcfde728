"""Budgets by the ids that memberships show: supporting-api.md 5, D14, S15, S16 over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

UPDATE = "/budget/update"
Table = dict[str, Any]


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own: lists of budgets are about all budgets there are."""
    with running_ledger(postgres_server, start) as running:
        yield running


def team(ledger: Ledger, team_id: str, **own: float | None) -> None:
    """A team of these users, with what they may spend there."""
    ledger.done("/team/new", {"team_id": team_id, "budget_duration": "7d"})
    for user_id, max_budget in own.items():
        body = {"team_id": team_id, "member": {"user_id": user_id, "role": "user"}}
        ledger.done("/team/member_add", {**body, "max_budget_in_team": max_budget})


def tables(ledger: Ledger, team_id: str) -> dict[str, Table]:
    """The budget of each membership, by user."""
    shown = ledger.shown("/team/info", team_id=team_id)["team_memberships"]
    return {m["user_id"]: m["litellm_budget_table"] for m in shown}


def in_organization(ledger: Ledger, organization_id: str) -> dict[str, Table]:
    shown = ledger.shown("/organization/info", organization_id=organization_id)["members"]
    return {m["user_id"]: m["litellm_budget_table"] for m in shown}


def info(ledger: Ledger, *budget_ids: str) -> list[Any]:
    found: list[Any] = ledger.done("/budget/info", {"budgets": list(budget_ids)})
    return found


def test_the_id_of_a_membership_names_the_limits_of_the_member(ledger: Ledger) -> None:
    team(ledger, "own", **{"own-ann": 10, "own-bob": 20})
    before = tables(ledger, "own")
    budget_id = before["own-ann"]["budget_id"]
    [row] = info(ledger, budget_id)
    assert (row["budget_id"], row["max_budget"], row["budget_duration"]) == (budget_id, 10.0, "7d")
    changes = {"max_budget": 12.5, "rpm_limit": 3, "budget_duration": "30d"}
    answered = ledger.done(UPDATE, {"budget_id": budget_id, **changes})
    assert answered == {**row, **changes, **_times(answered)}
    assert info(ledger, budget_id) == [answered]
    after = tables(ledger, "own")
    assert after["own-ann"] == {**before["own-ann"], **changes}
    assert after["own-bob"] == before["own-bob"]
    with ledger.nothing_stored():
        assert ledger.done(UPDATE, {"budget_id": budget_id, **changes}) == answered
    cleared = ledger.done(UPDATE, {"budget_id": budget_id, "rpm_limit": None})
    assert (cleared["rpm_limit"], cleared["max_budget"]) == (None, 12.5)
    settings = ledger.shown("/budget/settings", budget_id=budget_id)
    assert {each["field_name"]: each["field_value"] for each in settings}["max_budget"] == 12.5


def _times(row: Table) -> Table:
    return {name: row[name] for name in ("updated_at", "budget_reset_at")}


def test_each_change_of_a_members_budget_is_in_the_audit_of_his_team(ledger: Ledger) -> None:
    team(ledger, "audited", **{"audited-ann": 1})
    budget_id = tables(ledger, "audited")["audited-ann"]["budget_id"]
    ledger.done(UPDATE, {"budget_id": budget_id, "max_budget": 2})
    [entry, *_] = ledger.shown("/audit", object_id="audited")["audit_logs"]
    assert (entry["action"], entry["command"]) == ("updated", "UpdateBudget")
    assert "audited-ann" in str(entry["updated_values"])


def test_the_budget_of_all_members_without_their_own(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "shared", "team_member_budget": 5})
    ledger.done(
        "/team/member_add", {"team_id": "shared", "member": {"user_id": "sue", "role": "user"}}
    )
    budget_id = tables(ledger, "shared")["sue"]["budget_id"]
    answered = ledger.done(UPDATE, {"budget_id": budget_id, "max_budget": 6})
    assert info(ledger, budget_id) == [answered]
    assert {table["max_budget"] for table in tables(ledger, "shared").values()} == {6.0}
    team_info = ledger.shown("/team/info", team_id="shared")["team_info"]
    assert team_info["team_member_budget_table"]["max_budget"] == 6.0


def test_the_budget_of_a_member_of_an_organization(ledger: Ledger) -> None:
    ledger.done("/organization/new", {"organization_id": "org", "organization_alias": "org"})
    member = {"user_id": "org-ann", "role": "internal_user"}
    body = {"organization_id": "org", "member": member, "max_budget_in_organization": 3}
    ledger.done("/organization/member_add", body)
    budget_id = in_organization(ledger, "org")["org-ann"]["budget_id"]
    answered = ledger.done(UPDATE, {"budget_id": budget_id, "max_budget": 4, "tpm_limit": 9})
    assert info(ledger, budget_id) == [answered]
    table = in_organization(ledger, "org")["org-ann"]
    assert (table["max_budget"], table["tpm_limit"]) == (4.0, 9)


def test_s15_what_is_nobodys_budget_any_more_is_404(ledger: Ledger) -> None:
    team(ledger, "gone", **{"gone-ann": 1, "gone-bob": 1, "gone-cy": 1})
    shown = tables(ledger, "gone").items()
    ids = {user_id: table["budget_id"] for user_id, table in shown if table}
    cleared = ledger.done(UPDATE, {"budget_id": ids["gone-ann"], "max_budget": None})
    assert (cleared["budget_id"], cleared["max_budget"]) == (ids["gone-ann"], None)
    assert tables(ledger, "gone")["gone-ann"] is None
    ledger.done("/team/member_delete", {"team_id": "gone", "user_id": "gone-bob"})
    for user_id in ("gone-ann", "gone-bob"):
        _is_unknown(ledger, ids[user_id])
    ledger.done("/team/delete", {"team_ids": ["gone"]})
    _is_unknown(ledger, ids["gone-cy"])
    team(ledger, "gone", **{"gone-cy": 1})
    _is_unknown(ledger, ids["gone-cy"])


def _is_unknown(ledger: Ledger, budget_id: str) -> None:
    assert info(ledger, budget_id) == []
    with ledger.nothing_stored():
        refused = ledger.post(UPDATE, {"budget_id": budget_id, "max_budget": 1})
        assert_refused(refused, 404, "A", f"Budget not found, passed budget_id={budget_id}")
        assert ledger.done("/budget/delete", {"id": budget_id}) is None


def test_s16_a_members_budget_is_neither_deleted_nor_made_again(ledger: Ledger) -> None:
    team(ledger, "s16", **{"s16-ann": 1})
    budget_id = tables(ledger, "s16")["s16-ann"]["budget_id"]
    with ledger.nothing_stored():
        deleted = ledger.post("/budget/delete", {"id": budget_id})
        assert_refused(deleted, 400, "A", f"Budget {budget_id} limits members: change their limits")
        made = ledger.post("/budget/new", {"budget_id": budget_id})
        assert_refused(made, 400, "A", f"Budget id = {budget_id} already exists")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"max_budget": -1}, "max_budget cannot be negative. Received: -1.0"),
        ({"soft_budget": 1}, "A budget that limits members has no soft_budget"),
        (
            {"max_parallel_requests": 1, "model_max_budget": {"m": 1}, "max_budget": 2},
            "has no max_parallel_requests, model_max_budget",
        ),
    ],
)
def test_what_a_member_cannot_have_is_refused(ledger: Ledger, changes: Table, text: str) -> None:
    if ledger.get("/team/info", team_id="limits").status_code == 404:
        team(ledger, "limits", **{"limits-ann": 1})
    budget_id = tables(ledger, "limits")["limits-ann"]["budget_id"]
    with ledger.nothing_stored():
        refused = ledger.post(UPDATE, {"budget_id": budget_id, **changes})
        assert_refused(refused, 400, "A", text)
        nothing = dict.fromkeys(("soft_budget", "max_parallel_requests", "model_max_budget"))
        assert ledger.done(UPDATE, {"budget_id": budget_id, **nothing})["max_budget"] == 1.0


def test_a05_only_proxy_admins_take_a_member_for_a_budget(ledger: Ledger) -> None:
    team(ledger, "a05", **{"a05-ann": 1})
    lead = ledger.user("a05-lead", teams=[{"team_id": "a05", "user_role": "admin"}])
    budget_id = tables(ledger, "a05")["a05-ann"]["budget_id"]
    with ledger.nothing_stored():
        for path, body in (
            (UPDATE, {"budget_id": budget_id, "max_budget": 9}),
            ("/budget/info", {"budgets": [budget_id]}),
        ):
            assert ledger.post(path, body, lead).status_code == 401
