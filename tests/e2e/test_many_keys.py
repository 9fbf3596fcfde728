"""Service keys, many keys at once, and their aliases (supporting-api.md 2.2, 2.6, 2.8)."""

from typing import Any

import pytest

from tests.support.auditor import Auditor, token
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused

SERVICE, MANY = "/key/service-account/generate", "/key/bulk_update"


@pytest.fixture(scope="module")
def users(ledger: Ledger) -> dict[str, str]:
    """`lead` administers `core` and `plain`, `mia` is in both; `olga` is in none.

    `core` lets its members make service keys, `plain` does not.
    """
    keys = {name: ledger.user(name) for name in ("lead", "mia", "olga")}
    members = [{"user_id": "lead", "role": "admin"}, {"user_id": "mia", "role": "user"}]
    for team_id, permissions in (("core", [SERVICE]), ("plain", [])):
        body = {"team_id": team_id, "members_with_roles": members}
        ledger.done("/team/new", {**body, "team_member_permissions": permissions})
    return keys


def info(ledger: Ledger, key: str) -> Any:  # noqa: ANN401
    return ledger.shown("/key/info", key=key)["info"]


def test_a_service_key_is_the_teams_and_nobodys(ledger: Ledger, users: dict[str, str]) -> None:
    for by in (ledger.service.master_key, users["lead"], users["mia"]):
        made = ledger.done(SERVICE, {"team_id": "core", "user_id": "mia"}, by)
        assert (made["team_id"], made["user_id"]) == ("core", None)
        assert ledger.shown("/team/info", made["key"], team_id="core")["team_id"] == "core"


def test_service_keys_want_the_permission(ledger: Ledger, users: dict[str, str]) -> None:
    with ledger.nothing_stored():
        refused = ledger.post(SERVICE, {"team_id": "plain"}, users["mia"])
        assert_refused(refused, 401, "B", f"permissions for endpoint: {SERVICE}")
        for team_id in ("core", "unknown"):
            refused = ledger.post(SERVICE, {"team_id": team_id}, users["olga"])
            assert_refused(refused, 400, "B", f"User=olga not assigned to team={team_id}")
    ledger.done(SERVICE, {"team_id": "plain"}, users["lead"])


def test_each_key_has_a_result_and_the_good_ones_one_append(
    ledger: Ledger, users: dict[str, str]
) -> None:
    assert users
    one, two = ledger.key(max_budget=1), ledger.key(metadata={"own": 1}, models=["m"])
    before = ledger.position()
    body = [
        {"key": one, "max_budget": 2, "team_id": "core"},
        {"key": "sk-unknown", "max_budget": 2},
        {"key": token(two), "tags": ["t"], "budget_id": "b"},
        {"key": two, "max_budget": -1},
        {"key": two, "team_id": "unknown"},
        {"key": one, "max_budget": 3},
    ]
    told = ledger.done(MANY, {"keys": body})
    assert told["total_requested"] == 6
    done = [(item["key"], item["key_info"]["token"]) for item in told["successful_updates"]]
    assert done == [(one, token(one)), (token(two), token(two)), (one, token(one))]
    failed = [(item["key"], item["failed_reason"]) for item in told["failed_updates"]]
    no_key = "Authentication Error: invalid user key - user key does not exist in db."
    assert failed == [
        ("sk-unknown", f"{no_key} User Key=sk-...nown"),
        (two, "max_budget cannot be negative. Received: -1.0"),
        (two, "Team not found, passed team_id=unknown"),
    ]
    assert [item["key_info"] is None for item in told["failed_updates"]] == [True, False, False]
    first, second = info(ledger, one), info(ledger, two)
    assert (first["max_budget"], first["team_id"]) == (3.0, "core")
    assert (second["metadata"], second["budget_id"]) == ({"own": 1, "tags": ["t"]}, "b")
    entries = Auditor(ledger).since(before)
    assert [(entry["object_id"], entry["command"]) for entry in entries] == [
        (token(one), "BulkUpdateKeys"),
        (token(two), "BulkUpdateKeys"),
    ]
    assert len({entry["updated_at"] for entry in entries}) == 1


def test_five_hundred_keys_are_changed_by_one_request(
    ledger: Ledger, users: dict[str, str]
) -> None:
    assert users
    keys = [ledger.key() for _ in range(500)]
    change = {"max_budget": 1, "team_id": "core", "tags": ["t"], "budget_id": "b"}
    told = ledger.done(MANY, {"keys": [{"key": key, **change} for key in keys]})
    assert (len(told["successful_updates"]), told["failed_updates"]) == (500, [])


def test_many_keys_are_for_proxy_admins(ledger: Ledger, users: dict[str, str]) -> None:
    own = ledger.key(user_id="mia")
    with ledger.nothing_stored():
        refused = ledger.post(MANY, {"keys": [{"key": own, "max_budget": 1}]}, users["mia"])
        assert_refused(refused, 403, "B", "Only proxy admins can perform bulk key updates")


def test_a_rehearsal_of_many_changes_stores_nothing(ledger: Ledger) -> None:
    key = ledger.key()
    with ledger.nothing_stored():
        body = {"keys": [{"key": key, "max_budget": 1}]}
        told = ledger.done(f"{MANY}?dry_run=true", body)
        assert [event["type"] for event in told["events"]] == ["key.budget_changed"]
