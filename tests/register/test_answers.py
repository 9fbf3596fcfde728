"""What is told: D44 and D45 to auditors, D60, D65 and D67 to callers."""

from typing import Any

import pytest

from tests.e2e.routes import BY_METHOD, OPTIONAL
from tests.support.auditor import KEY_TABLE, TEAM_TABLE, USER_TABLE, Auditor, things, token, values
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused

MASTER_USER = "default_user_id"


def test_d44_every_change_of_a_team_is_recorded_with_before_and_after(ledger: Ledger) -> None:
    auditor, team = Auditor(ledger), {"team_id": "d44"}
    ann = {**team, "user_id": "d44"}

    def change(path: str, body: object) -> tuple[Any, Any]:
        entries = auditor.after(path, body)
        [entry] = [each for each in entries if each["table_name"] == TEAM_TABLE]
        assert entry["object_id"] == "d44"
        return values(entry)

    before, after = change("/team/new", {**team, "metadata": {"a": 1}, "max_budget": 2})
    assert (before, after["metadata"], after["max_budget"]) == ({}, {"a": 1}, 2.0)
    assert [member["user_id"] for member in after["members_with_roles"]] == [MASTER_USER]
    sent = {**team, "metadata": {"a": 2}, "max_budget": None}
    assert change("/team/update", sent) == (
        {"metadata": {"a": 1}, "max_budget": 2.0},
        {"metadata": {"a": 2}, "max_budget": None},
    )
    joining = {**team, "member": {"user_id": "d44", "role": "user"}}
    before, after = change("/team/member_add", joining)
    assert (before, [m["user_id"] for m in after["members_with_roles"]]) == ({}, ["d44"])
    before, after = change("/team/member_update", {**ann, "role": "admin"})
    roles = [side["members_with_roles"][0]["role"] for side in (before, after)]
    assert roles == ["user", "admin"]
    assert change("/team/block", team) == ({"blocked": False}, {"blocked": True})
    assert change("/team/unblock", team) == ({"blocked": True}, {"blocked": False})
    before, after = change("/team/member_delete", ann)
    assert ([m["user_id"] for m in before["members_with_roles"]], after) == (["d44"], {})
    before, after = change("/team/delete", {"team_ids": ["d44"]})
    assert (before["metadata"], after) == ({"a": 2}, {})


def test_d44_keys_that_go_with_a_team_or_a_member_are_recorded(ledger: Ledger) -> None:
    auditor, member = Auditor(ledger), {"user_id": "d44-keys", "role": "user"}
    ledger.done("/team/new", {"team_id": "d44-keys", "members_with_roles": [member]})
    for path, body, owner in (
        ("/team/member_delete", {"team_id": "d44-keys", "user_id": "d44-keys"}, "d44-keys"),
        ("/team/delete", {"team_ids": ["d44-keys"]}, None),
    ):
        key = ledger.key(team_id="d44-keys", user_id=owner)
        assert ("deleted", KEY_TABLE, token(key)) in things(auditor.after(path, body))


def test_d45_the_record_is_there_with_the_answer(ledger: Ledger) -> None:
    """Nothing is switched on for it, and nothing is written later."""
    ledger.done("/team/new", {"team_id": "d45"})
    for budget in range(1, 21):
        body = {"team_id": "d45", "max_budget": budget}
        position = int(ledger.post("/team/update", body).headers["x-event-position"])
        newest = ledger.shown("/audit", object_id="d45", page_size=1)["audit_logs"][0]
        assert newest["updated_values"] == {"max_budget": float(budget)}
        assert newest["position"] == position


NEGATIVE = "max_budget cannot be negative. Received: -1.0"
UNKNOWN = "Team not found, passed team_id=d60-no"


def errors(ledger: Ledger) -> list[tuple[str, str, str | None, str]]:
    """Message, type, param and code of two refusals."""
    refused = (
        ledger.post("/team/new", {"max_budget": -1}),
        ledger.post("/team/update", {"team_id": "d60-no"}),
    )
    assert [answer.status_code for answer in refused] == [400, 404]
    return [tuple(answer.json()["error"].values()) for answer in refused]


def test_d60_a_message_is_plain_text_and_its_type_fits_the_status(ledger: Ledger) -> None:
    assert errors(ledger) == [
        (NEGATIVE, "bad_request_error", None, "400"),
        (UNKNOWN, "not_found_error", None, "404"),
    ]


def test_d60_strict_mode_keeps_the_wording_of_litellm(strict: Ledger) -> None:
    assert errors(strict) == [
        (str({"error": NEGATIVE}), "internal_server_error", "None", "400"),
        (str({"error": UNKNOWN}), "internal_server_error", "None", "404"),
    ]


def test_d60_holds_for_reading_too(ledger: Ledger, strict: Ledger) -> None:
    text = "Team not found, passed team id: d60-no."
    clean, kept = (each.get("/team/info", team_id="d60-no") for each in (ledger, strict))
    assert (clean.status_code, clean.json()["error"]["message"]) == (404, text)
    assert clean.json()["error"]["type"] == "not_found_error"
    assert (kept.status_code, kept.json()["error"]["message"]) == (404, str({"message": text}))
    assert kept.json()["error"]["type"] == "auth_error"


@pytest.mark.parametrize(
    "route", ["/team/member_add", "/team/member_update", "/team/member_delete"]
)
def test_d65_a_refusal_names_the_route_and_keeps_its_code(ledger: Ledger, route: str) -> None:
    outsider = ledger.user(f"d65-{route.rpartition('_')[2]}")
    body = {"user_id": "x", "member": {"user_id": "x", "role": "user"}}
    refused = ledger.post(route, {"team_id": "d65-no", **body}, outsider)
    assert_refused(refused, 403, "A", f"route={route}, team_id=d65-no")
    missing = ledger.post(route, {"team_id": "d65-no", **body})
    status, text = 400, "Team id=d65-no does not exist in db"
    if route == "/team/member_add":
        status, text = 404, "Team doesn't exist in db. Team=d65-no. Create team via `/team/new`"
    assert_refused(missing, status, "A", text)


@pytest.mark.parametrize("body", [[], [1], "x", 5, True, None])
def test_d67_a_body_that_is_no_object_is_422(ledger: Ledger, body: object) -> None:
    with ledger.nothing_stored():
        for method, path in BY_METHOD:
            if body is None and path in OPTIONAL:
                continue
            assert_refused(ledger.send(method, path, body), 422, "C", "body: ")


def test_d28_and_d44_new_users_are_recorded_with_their_address(ledger: Ledger) -> None:
    member = {"user_id": "d44-new", "user_email": "d44@example.com", "role": "user"}
    auditor = Auditor(ledger)
    entries = auditor.after("/team/new", {"team_id": "d44-new", "members_with_roles": [member]})
    assert ("created", USER_TABLE, "d44-new") in things(entries)
    assert entries[0]["updated_values"]["user_email"] == "d44@example.com"
