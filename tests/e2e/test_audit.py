"""The audit log over HTTP: one entry per changed thing, who did it, what was there before (D44).

Contract: team-api.md 1.8, supporting-api.md 7, register D44 to D46.
"""

from typing import Any

import httpx
import pytest

from tests.support.auditor import KEY_TABLE, TEAM_TABLE, USER_TABLE, Auditor, things, token, values
from tests.support.ledger import Ledger, bearer
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY

MASTER_USER = "default_user_id"


@pytest.fixture(scope="module")
def auditor(ledger: Ledger) -> Auditor:
    ledger.done("/team/new", {"team_id": "first"})
    return Auditor(ledger)


# One entry per changed thing


def test_a_new_team_with_a_new_user(auditor: Auditor) -> None:
    member = {"user_id": "nina", "user_email": "Nina@example.com", "role": "admin"}
    sent = {"team_id": "new", "max_budget": 5, "members_with_roles": [member]}
    user, team = auditor.after("/team/new", sent)
    assert things([user, team]) == [
        ("created", USER_TABLE, "nina"),
        ("created", TEAM_TABLE, "new"),
    ]
    assert (user["before_value"], user["updated_values"]["user_email"]) == ({}, "Nina@example.com")
    before, after = values(team)
    assert (before, after["max_budget"], after["blocked"]) == ({}, 5.0, False)
    assert after["members_with_roles"] == [
        {"user_id": "nina", "role": "admin"},
        {"user_id": MASTER_USER, "role": "admin"},
    ]


def test_an_update_shows_what_changed_and_nothing_else(auditor: Auditor) -> None:
    metadata = {"keep": 1, "change": "a", "drop": True}
    team = {"team_id": "upd", "max_budget": 5, "tpm_limit": 9, "metadata": metadata}
    auditor.ledger.done("/team/new", team)
    sent = {"team_id": "upd", "max_budget": 7.5, "tpm_limit": 9, "team_alias": "U"}
    (entry,) = auditor.after(
        "/team/update", {**sent, "metadata": {"keep": 1, "change": "b", "add": None}}
    )
    assert things([entry]) == [("updated", TEAM_TABLE, "upd")]
    assert values(entry) == (
        {"max_budget": 5.0, "team_alias": None, "metadata": {"change": "a", "drop": True}},
        {"max_budget": 7.5, "team_alias": "U", "metadata": {"change": "b", "add": None}},
    )


def test_members_come_change_and_go(auditor: Auditor) -> None:
    auditor.ledger.done("/team/new", {"team_id": "mem"})
    add = {"team_id": "mem", "member": [{"user_id": u, "role": "user"} for u in ("mia", "max")]}
    *users, team = auditor.after("/team/member_add", add)
    assert things(users) == [("created", USER_TABLE, "mia"), ("created", USER_TABLE, "max")]
    assert values(team)[0] == {}
    assert [m["user_id"] for m in values(team)[1]["members_with_roles"]] == ["mia", "max"]

    change = {"team_id": "mem", "user_id": "mia", "role": "admin", "max_budget_in_team": 4}
    (entry,) = auditor.after("/team/member_update", change)
    (was,), (now,) = (side["members_with_roles"] for side in values(entry))
    assert (was["user_id"], was["role"], was["max_budget_in_team"]) == ("mia", "user", None)
    assert (now["user_id"], now["role"], now["max_budget_in_team"]) == ("mia", "admin", 4.0)

    key = auditor.ledger.key(team_id="mem", user_id="mia")
    team, gone = auditor.after("/team/member_delete", {"team_id": "mem", "user_id": "mia"})
    (removed,) = team["before_value"]["members_with_roles"]
    assert (removed["user_id"], removed["role"]) == ("mia", "admin")
    assert removed["max_budget_in_team"] == 4.0
    assert team["updated_values"] == {}
    assert things([team, gone]) == [
        ("updated", TEAM_TABLE, "mem"),
        ("deleted", KEY_TABLE, token(key)),
    ]


def test_a_known_user_who_joins_is_not_changed(auditor: Auditor) -> None:
    auditor.ledger.done("/team/new", {"team_id": "known"})
    auditor.ledger.user("kim")
    add = {"team_id": "known", "member": {"user_id": "kim", "role": "user"}}
    assert things(auditor.after("/team/member_add", add)) == [("updated", TEAM_TABLE, "known")]
    add["member"] = {"user_id": "kai", "user_email": "kai@example.com", "role": "user"}
    assert things(auditor.after("/team/member_add", add)) == [
        ("created", USER_TABLE, "kai"),
        ("updated", TEAM_TABLE, "known"),
    ]
    add["member"] = {"user_id": "lea", "user_email": "lea@example.com", "role": "user"}
    auditor.ledger.user("lea")
    user, _ = auditor.after("/team/member_add", add)
    assert values(user) == ({"user_email": None}, {"user_email": "lea@example.com"})


def test_blocking_and_unblocking(auditor: Auditor) -> None:
    auditor.ledger.done("/team/new", {"team_id": "blk"})
    key = auditor.ledger.key(team_id="blk")
    for kind, body, thing in (
        ("Team", {"team_id": "blk"}, (TEAM_TABLE, "blk")),
        ("Key", {"key": key}, (KEY_TABLE, token(key))),
    ):
        (blocked,) = auditor.after(f"/{kind.lower()}/block", body)
        assert auditor.after(f"/{kind.lower()}/block", body) == []
        (unblocked,) = auditor.after(f"/{kind.lower()}/unblock", body)
        assert auditor.after(f"/{kind.lower()}/unblock", body) == []
        assert things([blocked, unblocked]) == [("blocked", *thing)] * 2
        assert (blocked["command"], unblocked["command"]) == (f"Block{kind}", f"Unblock{kind}")
        assert values(blocked) == ({"blocked": False}, {"blocked": True})
        assert values(unblocked) == ({"blocked": True}, {"blocked": False})


def test_a_user_with_a_key_and_a_team(auditor: Auditor) -> None:
    auditor.ledger.done("/team/new", {"team_id": "joined"})
    before = auditor.ledger.position()
    key = auditor.ledger.user("uma", user_email="uma@example.com", teams=["joined"])
    entries = auditor.since(before)
    assert things(entries) == [
        ("created", USER_TABLE, "uma"),
        ("updated", TEAM_TABLE, "joined"),
        ("created", KEY_TABLE, token(key)),
    ]
    assert entries[0]["updated_values"]["user_email"] == "uma@example.com"
    assert entries[2]["updated_values"]["user_id"] == "uma"


def test_keys_are_made_and_deleted(auditor: Auditor) -> None:
    before = auditor.ledger.position()
    keys = [auditor.ledger.key(max_budget=1, key_alias=f"alias-{n}") for n in range(2)]
    made = auditor.since(before)
    assert things(made) == [("created", KEY_TABLE, token(key)) for key in keys]
    assert [values(entry)[1]["max_budget"] for entry in made] == [1.0, 1.0]
    deleted = auditor.after("/key/delete", {"keys": [*keys, keys[0], "sk-unknown"]})
    assert things(deleted) == [("deleted", KEY_TABLE, token(key)) for key in keys]
    assert [values(entry)[1] for entry in deleted] == [{}, {}]
    assert deleted[0]["before_value"]["max_budget"] == 1.0


def test_deleted_teams_take_their_keys_along(auditor: Auditor) -> None:
    for team_id in ("del-1", "del-2"):
        auditor.ledger.done("/team/new", {"team_id": team_id, "max_budget": 3})
    key = auditor.ledger.key(team_id="del-1")
    ids = ["del-1", "del-2", "del-1"]
    entries = auditor.after("/team/delete", {"team_ids": ids})
    assert sorted(things(entries)) == sorted(
        [
            ("deleted", TEAM_TABLE, "del-1"),
            ("deleted", TEAM_TABLE, "del-2"),
            ("deleted", KEY_TABLE, token(key)),
        ]
    )
    team = next(e for e in entries if e["object_id"] == "del-1")
    assert (team["before_value"]["max_budget"], team["updated_values"]) == (3.0, {})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/team/new", {"team_id": "first"}, 400),
        ("/team/update", {"team_id": "first", "team_alias": None}, 200),
        ("/team/update", {"team_id": "first", "max_budget": -1}, 400),
        ("/team/delete", {"team_ids": ["first", "unknown"]}, 404),
        ("/team/delete", {"team_ids": []}, 200),
        ("/team/unblock", {"team_id": "first"}, 200),
        ("/team/block", {"team_id": "unknown"}, 404),
        ("/team/member_add", {"team_id": "first", "member": []}, 400),
        ("/team/member_update", {"team_id": "first", "user_id": MASTER_USER}, 200),
        ("/team/member_delete", {"team_id": "first", "user_id": "unknown"}, 400),
        ("/user/new", {"user_id": MASTER_USER}, 409),
        ("/key/generate", {"team_id": "unknown"}, 404),
        ("/key/delete", {"keys": ["sk-unknown"]}, 404),
        ("/key/block", {"key": "sk-unknown"}, 404),
    ],
)
def test_refusals_and_what_changes_nothing_leave_nothing(
    auditor: Auditor, path: str, body: object, status: int
) -> None:
    with auditor.ledger.nothing_stored():
        before = auditor.ledger.position()
        assert auditor.ledger.post(path, body).status_code == status
        assert auditor.since(before) == []


def test_a_repeated_request_is_audited_once(auditor: Auditor) -> None:
    sent = {"team_id": "once"}
    assert len(auditor.after("/team/new", sent, idempotency_key="once")) == 1
    assert auditor.after("/team/new", sent, idempotency_key="once") == []


# Who did it, and for whom


def test_actor_and_claim(auditor: Auditor) -> None:
    root = auditor.ledger.user("root", "proxy_admin")
    lead = auditor.ledger.user("lead")
    auditor.ledger.done("/team/new", {"team_id": "who"})
    join = {"team_id": "who", "member": {"user_id": "lead", "role": "admin"}}
    joining = {"team_id": "who", "member": {"user_id": MASTER_USER + "2", "role": "user"}}
    for key, user, path, body, shown in (
        (MASTER_KEY, MASTER_USER, "/team/member_add", join, "ceo@example.com"),
        (root, "root", "/team/block", {"team_id": "who"}, "ceo@example.com"),
        (root, "root", "/team/unblock", {"team_id": "who"}, "ceo@example.com"),
        (lead, "lead", "/team/member_add", joining, "lead"),
    ):
        entry = auditor.after(path, body, key, litellm_changed_by="ceo@example.com")[-1]
        assert (entry["actor"], entry["on_behalf_of"]) == (user, "ceo@example.com")
        assert (entry["changed_by"], entry["changed_by_api_key"]) == (shown, token(key))
    plain = auditor.after("/team/block", {"team_id": "who"}, root)[0]
    assert (plain["changed_by"], plain["on_behalf_of"]) == ("root", None)


def test_no_secret_is_ever_in_the_log(auditor: Auditor) -> None:
    key = auditor.ledger.key(metadata={"api_key": "very-secret-value"}, key_alias="shown-nowhere")
    text = auditor.ledger.get("/audit", page_size=100, object_id=token(key)).text
    assert [s for s in (key, "very-secret-value", "shown-nowhere", MASTER_KEY) if s in text] == []
    assert "very****alue" in text


# Reading it


def test_filters(auditor: Auditor) -> None:
    boss = auditor.ledger.user("filter-boss", "proxy_admin")
    made = auditor.after("/team/new", {"team_id": "filter-team"}, boss)[-1]
    key = str(auditor.ledger.done("/key/generate", {"team_id": "filter-team"}, boss)["key"])
    auditor.ledger.done("/team/block", {"team_id": "filter-team"}, boss)
    of_boss = [
        ("created", TEAM_TABLE, "filter-team"),
        ("created", KEY_TABLE, token(key)),
        ("blocked", TEAM_TABLE, "filter-team"),
    ]
    for query, expected in (
        ({"changed_by": "filter-boss"}, of_boss),
        ({"changed_by_api_key": token(boss)}, of_boss),
        ({"object_id": "filter-team"}, [of_boss[0], of_boss[2]]),
        ({"object_id": "filter-team", "action": "blocked"}, of_boss[2:]),
        ({"changed_by": "filter-boss", "table_name": KEY_TABLE}, [of_boss[1]]),
        ({"object_team_id": "filter-te"}, of_boss),
        ({"object_key_hash": token(key)[5:30]}, [of_boss[1]]),
        ({"object_id": "filter-team", "start_date": made["updated_at"]}, [of_boss[0], of_boss[2]]),
        ({"object_id": "filter-team", "end_date": made["updated_at"]}, [of_boss[0]]),
        ({"object_id": "filter-team", "start_date": "2100-01-01"}, []),
        ({"object_id": "filter"}, []),
    ):
        assert things(auditor.find(**query)) == expected, query


def test_pages_and_order(auditor: Auditor) -> None:
    for n in range(5):
        auditor.ledger.done("/team/update", {"team_id": "first", "max_budget": n + 1})
    query: dict[str, Any] = {"object_id": "first", "action": "updated", "page_size": 2}
    pages = [auditor.ledger.shown("/audit", **query, page=page) for page in (1, 2, 3, 4)]
    assert [(p["total"], p["page"], p["page_size"], p["total_pages"]) for p in pages] == [
        (5, page, 2, 3) for page in (1, 2, 3, 4)
    ]
    budgets = [e["updated_values"]["max_budget"] for p in pages for e in p["audit_logs"]]
    assert budgets == [5.0, 4.0, 3.0, 2.0, 1.0]
    oldest = auditor.ledger.shown("/audit", **query, sort_by="position", sort_order="asc")
    assert [e["updated_values"]["max_budget"] for e in oldest["audit_logs"]] == [1.0, 2.0]
    everything = auditor.ledger.shown("/audit", page_size=100, sort_by="object_id")["audit_logs"]
    ids = [entry["object_id"] for entry in everything]
    assert ids == sorted(ids, reverse=True)


def test_one_entry_by_its_id(auditor: Auditor) -> None:
    (entry,) = auditor.find(object_id="first", action="created")
    assert auditor.ledger.shown(f"/audit/{entry['id']}") == entry
    assert_refused(
        auditor.ledger.get("/audit/nothing"), 404, "entry", "Audit log with ID nothing not found"
    )


def test_only_admins_and_viewers_read_it(auditor: Auditor) -> None:
    ledger = auditor.ledger
    team = {"team_id": "readers"}
    ledger.done("/team/new", team)
    entry_id = auditor.find(object_id="readers")[0]["id"]
    admin, viewer = (
        ledger.user("r-root", "proxy_admin"),
        ledger.user("r-view", "proxy_admin_viewer"),
    )
    lead, member = ledger.user("r-lead"), ledger.user("r-user", "internal_user_viewer")
    for user, role in (("r-lead", "admin"), ("r-user", "user")):
        ledger.done("/team/member_add", {**team, "member": {"user_id": user, "role": role}})

    def answers(key: str) -> list[httpx.Response]:
        return [ledger.http.get(p, headers=bearer(key)) for p in ("/audit", f"/audit/{entry_id}")]

    for key in (admin, viewer):
        assert [response.status_code for response in answers(key)] == [200, 200]
    for key in (lead, member, ledger.key(**team), ledger.key()):
        for response in answers(key):
            assert_refused(response, 401, "B", "Only proxy admin can be used to")
