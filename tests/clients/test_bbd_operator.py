"""bbdsoftware's operator: teams, users and virtual keys, decoded as its structures demand."""

from typing import Any

import pytest

from tests.clients.bbd_operator import Operator, OperatorError, headers, update_needed
from tests.clients.wire import Connect
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

pytestmark = pytest.mark.clients
TEAM: dict[str, Any] = {
    "team_alias": "bbd-core",
    "budget_duration": "30d",
    "max_budget": 100.0,
    "metadata": {"environment": "testing"},
    "models": ["gpt-4o"],
    "rpm_limit": 60,
    "tpm_limit": 6000,
    "team_member_permissions": ["/key/info"],
    "members_with_roles": [{"user_id": "bbd-admin", "role": "admin"}],
}
KEY: dict[str, Any] = {
    "key_alias": "bbd-key",
    "aliases": {"fast": "gpt-4o-mini"},
    "budget_duration": "7d",
    "max_budget": 5.5,
    "max_parallel_requests": 2,
    "metadata": {"environment": "testing"},
    "models": ["gpt-4o", "gpt-4o-mini"],
    "rpm_limit": 6,
    "tpm_limit": 600,
    "user_id": "bbd-key-user",
    "config": {"a": "b"},
    "permissions": {"c": "d"},
    "allowed_routes": ["/v1/chat/completions"],
}


@pytest.fixture
def operator(connect: Connect) -> Operator:
    return Operator(connect(headers(MASTER_KEY)))


def test_a_team(operator: Operator, ledger: Ledger) -> None:
    assert not operator.team_exists("bbd-core")
    made = operator.create_team(TEAM)
    assert operator.team_exists("bbd-core")
    compared = TEAM.keys() - {"members_with_roles"}
    assert {name: made[name] for name in compared} == {name: TEAM[name] for name in compared}
    shown = ledger.shown("/team/info", team_id=made["team_id"])["team_info"]
    assert {"user_id": "bbd-admin", "user_email": None, "role": "admin"} in shown[
        "members_with_roles"
    ]
    operator.delete_team(made["team_id"])
    assert not operator.team_exists("bbd-core")


def test_a_minimal_team(operator: Operator) -> None:
    assert operator.create_team({"team_alias": "bbd-minimal"})["team_alias"] == "bbd-minimal"


def test_a_team_that_is_there(operator: Operator) -> None:
    operator.create_team({"team_id": "bbd-twice", "team_alias": "bbd-twice"})
    with pytest.raises(OperatorError, match="Team id = bbd-twice already exists"):
        operator.create_team({"team_id": "bbd-twice", "team_alias": "bbd-twice"})


def test_a_virtual_key(operator: Operator, ledger: Ledger) -> None:
    ledger.user("bbd-key-user")
    assert not operator.key_exists("bbd-key")
    made = operator.generate_key(KEY)
    assert operator.key_exists("bbd-key")
    assert update_needed(operator.key(made["key"]), KEY) == []

    changed = {**KEY, "key": made["key"], "max_budget": 6.5, "models": ["gpt-4o"], "rpm_limit": 7}
    changed |= {"metadata": {"environment": "live"}, "blocked": True}
    assert update_needed(operator.key(made["key"]), changed) == [
        *("blocked", "max_budget", "metadata", "models", "rpm_limit")
    ]
    operator.update_key(changed)
    assert update_needed(operator.key(made["key"]), changed) == []

    operator.delete_key("bbd-key")
    assert not operator.key_exists("bbd-key")
    with pytest.raises(OperatorError, match="No keys found"):
        operator.delete_key("bbd-key")


def test_a_user(operator: Operator, ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "bbd-team"})
    spec: dict[str, Any] = {
        "user_id": "bbd-user",
        "user_email": "bbd-user@example.com",
        "user_alias": "Bee",
        "user_role": "internal_user",
        "max_budget": 9.0,
        "budget_duration": "30d",
        "models": ["gpt-4o"],
        "metadata": {"a": "b"},
        "teams": ["bbd-team"],
        "rpm_limit": 5,
    }
    made = operator.create_user({**spec, "auto_create_key": True})
    compared = spec.keys() - {"teams"}
    assert {name: made[name] for name in compared} == {name: spec[name] for name in compared}
    assert made["key"].startswith("sk-")
    shown = ledger.shown("/user/info", user_id="bbd-user")
    assert [team["team_id"] for team in shown["teams"]] == ["bbd-team"]
    with pytest.raises(OperatorError, match=r"User with email .* already exists"):
        operator.create_user({"user_email": "bbd-user@example.com"})


def test_whether_a_user_exists(operator: Operator) -> None:
    assert not operator.user_exists("bbd-exists@example.com")
    operator.create_user({"user_email": "bbd-exists@example.com"})
    assert operator.user_exists("bbd-exists@example.com")


def test_a_user_is_deleted(operator: Operator, ledger: Ledger) -> None:
    operator.create_user({"user_id": "bbd-gone"})
    operator.delete_user("bbd-gone")
    assert ledger.get("/user/info", user_id="bbd-gone").status_code == 404
