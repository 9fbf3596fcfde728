"""Regeneration of keys (supporting-api.md 2.8, auth.md 4, decision record 008) over HTTP."""

from typing import Any

import pytest

from tests.support.auditor import Auditor, things, token
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused

ROTATE = "/key/regenerate"
KEYS = "LiteLLM_VerificationToken"


@pytest.fixture(scope="module")
def users(ledger: Ledger) -> dict[str, str]:
    """`lead` administers the teams `core` and `plain`, `mia` and `max` are in them, `olga` is not.

    `core` lets its members regenerate keys, `plain` does not.
    """
    keys = {name: ledger.user(name) for name in ("lead", "mia", "max", "olga")}
    keys["vera"] = ledger.user("vera", "proxy_admin_viewer")
    members = [{"user_id": "lead", "role": "admin"}]
    members += [{"user_id": name, "role": "user"} for name in ("mia", "max")]
    for team_id, permissions in (("core", [ROTATE]), ("plain", [])):
        body = {"team_id": team_id, "members_with_roles": members}
        ledger.done("/team/new", {**body, "team_member_permissions": permissions})
    return keys


def info(ledger: Ledger, key: str) -> Any:  # noqa: ANN401
    return ledger.shown("/key/info", key=key)["info"]


@pytest.mark.parametrize("named", ["body", "path", "hash in the path", "query"])
def test_a_key_goes_on_under_a_new_secret(ledger: Ledger, named: str) -> None:
    settings = {"key_alias": named, "max_budget": 5, "metadata": {"a": 1}, "budget_duration": "7d"}
    old = ledger.key(**settings, models=["m"], tpm_limit=7)
    before = info(ledger, old)
    ways: dict[str, tuple[str, Any]] = {
        "body": (ROTATE, {"key": old}),
        "path": (f"/key/{old}/regenerate", None),
        "hash in the path": (f"/key/{token(old)}/regenerate", {}),
        "query": (f"{ROTATE}?key={old}", None),
    }
    made = ledger.done(*ways[named])
    assert (made["key"][:3], made["token"]) == ("sk-", token(made["key"]))
    after = info(ledger, made["key"])
    changing = ("key_name", "updated_at", "rotation_count", "last_rotation_at")
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }
    assert after["key_name"] == f"sk-...{made['key'][-4:]}"
    assert (before["rotation_count"], after["rotation_count"]) == (0, 1)
    assert after["last_rotation_at"] == after["updated_at"]
    assert_refused(ledger.get("/key/info", key=old), 404, "B", "Key not found")


def test_what_is_sent_changes_with_the_secret(ledger: Ledger) -> None:
    old = ledger.key(key_alias="r1", max_budget=5, models=["a"], metadata={"own": 1}, duration="1h")
    body = {"key": old, "new_key": "sk-mine-2", "max_budget": None, "tags": ["t"]}
    made = ledger.done(ROTATE, {**body, "key_alias": "r2"})
    assert (made["key"], made["key_name"], made["max_budget"]) == ("sk-mine-2", "sk-...ne-2", None)
    after = info(ledger, "sk-mine-2")
    assert (after["models"], after["metadata"]) == (["a"], {"own": 1, "tags": ["t"]})
    assert (after["key_alias"], after["expires"] is None) == ("r2", False)
    free = ledger.key(key_alias="r1")
    taken = ledger.post(ROTATE, {"key": free, "key_alias": "r2"})
    assert_refused(taken, 400, "B", "Key with alias 'r2' already exists")
    ledger.done(ROTATE, {"key": free, "key_alias": None, "duration": "-1"})
    ledger.key(key_alias="r1")


def test_an_alias_moves_on_and_stays_taken(ledger: Ledger) -> None:
    new = ledger.done(ROTATE, {"key": ledger.key(key_alias="moving")})["key"]
    taken = ledger.post("/key/generate", {"key_alias": "moving"})
    assert_refused(taken, 400, "B", "Key with alias 'moving' already exists")
    assert ledger.done("/key/delete", {"key_aliases": ["moving"]})["deleted_keys"] == ["moving"]
    assert ledger.get("/key/info", new).status_code == 401
    ledger.key(key_alias="moving")


def test_lists_show_one_key_and_the_old_secret_among_the_deleted(ledger: Ledger) -> None:
    old = ledger.key(key_alias="listed", user_id="listed")
    new = ledger.done(ROTATE, {"key": old}, litellm_changed_by="boss")["token"]
    assert ledger.shown("/key/list", user_id="listed")["keys"] == [new]
    assert ledger.shown("/key/list", key_alias="listed")["keys"] == [new]
    query: dict[str, Any] = {"status": "deleted", "return_full_object": "true"}
    [gone] = ledger.shown("/key/list", user_id="listed", **query)["keys"]
    assert (gone["token"], gone["key_alias"]) == (token(old), "listed")
    assert (gone["deleted_by"], gone["litellm_changed_by"]) == ("default_user_id", "boss")
    [audited] = ledger.shown("/audit", object_id=token(old), action="rotated")["audit_logs"]
    assert gone["id"] == audited["id"]


def test_what_hangs_on_team_and_member_follows(ledger: Ledger) -> None:
    ledger.user("dora")
    members = [{"user_id": "dora", "role": "user"}]
    ledger.done("/team/new", {"team_id": "linked", "members_with_roles": members})
    keys = [ledger.key(team_id="linked", user_id="dora"), ledger.key(team_id="linked")]
    new = [ledger.done(ROTATE, {"key": key})["key"] for key in keys]
    auditor = Auditor(ledger)
    left = auditor.after("/team/member_delete", {"team_id": "linked", "user_id": "dora"})
    assert [e["object_id"] for e in left if e["table_name"] == KEYS] == [token(new[0])]
    gone = auditor.after("/team/delete", {"team_ids": ["linked"]})
    assert [e["object_id"] for e in gone if e["table_name"] == KEYS] == [token(new[1])]


def test_both_secrets_are_audited(ledger: Ledger, users: dict[str, str]) -> None:
    assert users
    old = ledger.key(team_id="core", max_budget=1)
    body = {"key": old, "grace_period": "1h", "max_budget": 2}
    entries = Auditor(ledger).after(ROTATE, body)
    new = entries[1]["object_id"]
    assert things(entries) == [("rotated", KEYS, token(old)), ("created", KEYS, new)]
    assert {entry["command"] for entry in entries} == {"RegenerateKey"}
    assert entries[0]["before_value"]["max_budget"] == 1.0
    assert entries[0]["updated_values"]["token"] == new
    assert entries[0]["updated_values"]["accepted_until"] > entries[0]["updated_at"]
    assert entries[1]["updated_values"]["max_budget"] == 2.0


UNKNOWN, OTHERS = "not found.", "You are not authorized to regenerate this key"
UNGRANTED = "Team member does not have permissions for endpoint: /key/regenerate"


Rights = tuple[str, str | None, str | None, int, str]
"""Who asks for whose key in which team, and the answer."""


@pytest.mark.parametrize(
    "case",
    [
        ("mia", None, "mia", 200, ""),
        ("mia", None, "max", 404, UNKNOWN),
        ("mia", None, None, 404, UNKNOWN),
        ("mia", "core", "mia", 200, ""),
        ("mia", "core", "max", 403, OTHERS),
        ("mia", "core", None, 403, OTHERS),
        ("mia", "plain", "mia", 401, UNGRANTED),
        ("lead", "plain", "mia", 200, ""),
        ("lead", "plain", None, 200, ""),
        ("olga", "core", "mia", 404, UNKNOWN),
        ("vera", "core", "mia", 403, "user not allowed to access this route"),
    ],
)
def test_who_may_regenerate(ledger: Ledger, users: dict[str, str], case: Rights) -> None:
    by, team_id, user_id, status, text = case
    key = ledger.key(team_id=team_id, user_id=user_id)
    answered = ledger.post(f"/key/{key}/regenerate", {}, users[by])
    if status == 200:
        assert answered.status_code == 200, answered.text
        return
    assert_refused(answered, status, "B", text)
    assert info(ledger, key)["rotation_count"] == 0


def test_regeneration_keeps_to_the_rules_of_an_update(
    ledger: Ledger, users: dict[str, str]
) -> None:
    own = ledger.key(user_id="mia")
    given = ledger.post(ROTATE, {"key": own, "user_id": "max"}, users["mia"])
    assert_refused(given, 403, "B", "Only proxy admin can change the owner of a key")
    moved = ledger.post(ROTATE, {"key": own, "team_id": "unknown"})
    assert_refused(moved, 404, "B", "Team not found, passed team_id=unknown")
    assert ledger.done(ROTATE, {"key": own, "team_id": "core"})["team_id"] == "core"


def test_conditions_rehearsals_and_repetitions(ledger: Ledger) -> None:
    key = ledger.key()
    version = ledger.get("/key/info", key=key).headers["etag"]
    with ledger.nothing_stored():
        late = ledger.post(ROTATE, {"key": key}, if_match='"99"')
        assert_refused(late, 412, "B", "does not name the current version")
        told = ledger.done(f"{ROTATE}?dry_run=true", {"key": key})
        assert [e["type"] for e in told["events"]] == ["key.rotated", "key.generated"]
    terms = {"if_match": version, "idempotency_key": "rotate"}
    made = ledger.done(ROTATE, {"key": key}, **terms)
    with ledger.nothing_stored():
        assert ledger.done(ROTATE, {"key": key}, **terms) == made
