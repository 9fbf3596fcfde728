"""Keys: S02, S04 to S09 and A02, A03, A06, A08, A10, A11 over HTTP."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.auditor import Auditor, things, token
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

KEYS = "LiteLLM_VerificationToken"
ROTATE = "/key/regenerate"


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own: lists of keys are about all keys there are."""
    with running_ledger(postgres_server, start) as running:
        yield running


@pytest.fixture(scope="module")
def users(ledger: Ledger) -> dict[str, str]:
    """Keys by user: `lead` administers the teams below, `mia` is in them, `olga` in none."""
    return {name: ledger.user(name) for name in ("lead", "mia", "max", "olga")}


def team(ledger: Ledger, team_id: str, *permissions: str, **fields: object) -> str:
    """A team that grants its members these permissions."""
    members = [{"user_id": "lead", "role": "admin"}]
    members += [{"user_id": name, "role": "user"} for name in ("mia", "max")]
    granted = {"team_member_permissions": [*permissions]} if permissions else {}
    body = {"team_id": team_id, "members_with_roles": members, **granted, **fields}
    ledger.done("/team/new", body)
    return team_id


def works(ledger: Ledger, key: str) -> bool:
    """Whether a key is accepted, for reads and for writes alike."""
    read = ledger.get("/key/info", key).status_code
    write = ledger.post("/key/update", {"key": "sk-no"}, key)
    accepted = "token_not_found_in_db" not in write.text
    assert (read == 200) == accepted
    return accepted


def test_s02_no_entry_of_the_audit_holds_a_secret(ledger: Ledger) -> None:
    key, auditor = ledger.key(), Auditor(ledger)
    [entry] = auditor.after("/key/update", {"key": key, "max_budget": 1})
    assert (entry["object_id"], entry["action"]) == (token(key), "updated")
    made = ledger.done(ROTATE, {"key": key})
    entries = auditor.find(object_id=token(key))
    assert things(entries[-1:]) == [("rotated", KEYS, token(key))]
    assert entries[-1]["updated_values"] == {"token": token(made["key"]), "accepted_until": None}
    for secret in (key, made["key"]):
        assert secret not in ledger.get("/audit", page_size=100).text


def test_s04_others_than_admins_only_narrow_routes(ledger: Ledger, users: dict[str, str]) -> None:
    routes = {"allowed_routes": ["/key/generate", "/key/info", "/key/update"]}
    narrow = ledger.done("/key/generate", routes, users["olga"])["key"]
    with ledger.nothing_stored():
        for wanted in ([], ["/key/list"], ["management_routes"], ["*"]):
            made = ledger.post("/key/generate", {"allowed_routes": wanted}, narrow)
            assert_refused(made, 403, "B", "Only proxy admin can allow a key more routes")
            for by in (narrow, users["olga"]):
                body = {"key": narrow, "allowed_routes": wanted}
                refused = ledger.post("/key/update", body, by)
                assert_refused(refused, 403, "B", "Only proxy admin can allow a key more routes")
    narrower = {"allowed_routes": ["/key/info"]}
    assert ledger.done("/key/generate", narrower, narrow)["allowed_routes"] == ["/key/info"]
    body = {"key": narrow, **narrower}
    assert ledger.done("/key/update", body, narrow)["allowed_routes"] == ["/key/info"]
    assert ledger.done("/key/update", {"key": narrow, **routes})["allowed_routes"] != ["/key/info"]


def test_s04_others_than_admins_give_no_permissions(ledger: Ledger, users: dict[str, str]) -> None:
    more = {"permissions": {"get_spend_routes": True}}
    own = ledger.key(user_id="olga")
    with ledger.nothing_stored():
        for path, body in (
            ("/key/generate", more),
            ("/key/update", {"key": own, **more}),
            (ROTATE, {"key": own, **more}),
        ):
            refused = ledger.post(path, body, users["olga"])
            assert_refused(refused, 403, "B", "more permissions: ['get_spend_routes']")
    rich = ledger.key(user_id="olga", **more)
    assert ledger.done("/key/generate", more, rich)["permissions"] == more["permissions"]
    fewer = {"key": rich, "permissions": {"get_spend_routes": False}}
    assert ledger.done("/key/update", fewer, rich)["permissions"] == {"get_spend_routes": False}


def test_s04_spend_is_not_for_setting_and_budgets_stay_within_the_owners(ledger: Ledger) -> None:
    small = ledger.user("small", max_budget=5)
    made = ledger.done("/key/generate", {"spend": -100, "max_budget": 5}, small)
    assert (made["spend"], made["max_budget"]) == (0.0, 5.0)
    for path, body in (
        ("/key/generate", {"max_budget": 5.01}),
        ("/key/update", {"key": made["key"], "max_budget": 6}),
        (ROTATE, {"key": made["key"], "max_budget": 6}),
    ):
        refused = ledger.post(path, body, small)
        assert_refused(refused, 400, "B", "max budget higher than user max. User max budget=5.0")
    rotated = ledger.done(ROTATE, {"key": made["key"], "spend": -1}, small)
    assert ledger.shown("/key/info", key=rotated["key"])["info"]["spend"] == 0.0
    assert ledger.done("/key/generate", {}, small)["max_budget"] is None


def test_s05_a_key_for_an_unknown_team_is_refused(ledger: Ledger, users: dict[str, str]) -> None:
    with ledger.nothing_stored():
        made = ledger.post("/key/generate", {"team_id": "unknown"})
        assert_refused(made, 404, "B", "Team not found, passed team_id=unknown")
        service = ledger.post("/key/service-account/generate", {"team_id": "unknown"})
        assert_refused(service, 400, "bare", "team_id does not exist in the database")
        stranger = {"team_id": "unknown"}
        told = ledger.post("/key/service-account/generate", stranger, users["olga"])
        assert_refused(told, 400, "B", "User=olga not assigned to team=unknown")


def test_s06_a_secret_that_exists_or_existed_is_409(ledger: Ledger) -> None:
    live, gone, old, mine = "sk-s06-live", "sk-s06-gone", "sk-s06-old", "sk-s06-mine"
    for key in (live, gone, old, mine):
        ledger.done("/key/generate", {"key": key, "max_budget": 1})
    ledger.done("/key/delete", {"keys": [gone]})
    ledger.done(ROTATE, {"key": old})
    with ledger.nothing_stored():
        for taken in (live, gone, old):
            made = ledger.post("/key/generate", {"key": taken, "max_budget": 2})
            assert_refused(made, 409, "B", f"Key sk-...{taken[-4:]} already exists")
            rotated = ledger.post(ROTATE, {"key": mine, "new_key": taken})
            assert_refused(rotated, 409, "B", f"Key sk-...{taken[-4:]} already exists")
        assert_refused(ledger.post(ROTATE, {"key": mine, "new_key": mine}), 409, "B", "already")
    assert ledger.shown("/key/info", key=live)["info"]["max_budget"] == 1.0


@pytest.mark.parametrize("named", ["hash", "plain"])
def test_s07_the_old_secret_ends_with_the_answer(ledger: Ledger, named: str) -> None:
    key = ledger.key(user_id="olga")
    for _ in range(3):
        assert works(ledger, key)
        body = {"key": token(key) if named == "hash" else key}
        made = ledger.done(ROTATE, body)
        assert not works(ledger, key)
        key = made["key"]
        assert made["token"] == token(key)
    assert works(ledger, key)


def test_s08_only_keys_that_were_there_are_reported(ledger: Ledger) -> None:
    key, other = ledger.key(), ledger.key(key_alias="s08")
    deleted = ledger.done("/key/delete", {"keys": ["sk-never", key, token(other), "f" * 64]})
    assert deleted == {"deleted_keys": [key, token(other)]}
    again = ledger.post("/key/delete", {"keys": [key]})
    assert_refused(again, 404, "B", "No keys found")


def test_s09_a_viewer_is_not_refused_with_filters(ledger: Ledger, users: dict[str, str]) -> None:
    viewer = ledger.user("s09-viewer", "proxy_admin_viewer")
    team(ledger, "s09")
    made = ledger.key(team_id="s09", user_id="mia")
    for query in ({"team_id": "s09"}, {"user_id": "mia", "key_hash": token(made)}):
        assert ledger.shown("/key/list", viewer, **query)["keys"] == [token(made)]
    assert ledger.shown("/key/list", viewer, organization_id="none")["keys"] == []
    assert users


def test_a02_who_is_not_in_the_team_changes_none_of_its_keys(
    ledger: Ledger, users: dict[str, str]
) -> None:
    team(ledger, "a02", "/key/update")
    service, of_mia = ledger.key(team_id="a02"), ledger.key(team_id="a02", user_id="mia")
    with ledger.nothing_stored():
        for key in (service, of_mia):
            body = {"key": key, "max_budget": 1}
            refused = ledger.post("/key/update", body, users["olga"])
            assert_refused(refused, 403, "B", "You are not authorized to update this key")
            assert_refused(ledger.post(ROTATE, body, users["olga"]), 404, "B", "not found.")
    for caller in ("lead", "mia"):
        ledger.done("/key/update", {"key": service, "rpm_limit": 1}, users[caller])


@pytest.mark.parametrize("action", ["block", "unblock"])
def test_a03_keys_are_blocked_by_their_owner_and_those_above_him(
    ledger: Ledger, users: dict[str, str], action: str
) -> None:
    path = f"/key/{action}"
    plain, granting = team(ledger, f"a03 {action}"), team(ledger, f"a03+ {action}", path)
    for team_id in (plain, granting):
        of_mia, service = ledger.key(team_id=team_id, user_id="mia"), ledger.key(team_id=team_id)
        for key, caller in ((of_mia, "mia"), (of_mia, "lead"), (service, "lead")):
            shown = ledger.done(path, {"key": key}, users[caller])
            assert shown["blocked"] in ({"block": True, "unblock": False}[action], None)
        with ledger.nothing_stored():
            refused = ledger.post(path, {"key": of_mia}, users["max"])
            assert_refused(refused, 403, "B", f"You are not authorized to {action} this key")
            for key in (of_mia, service):
                stranger = ledger.post(path, {"key": token(key)}, users["olga"])
                assert_refused(stranger, 404, "B", f"Key {token(key)} not found")
    ungranted = ledger.post(path, {"key": ledger.key(team_id=plain)}, users["mia"])
    assert_refused(ungranted, 403, "B", f"You are not authorized to {action} this key")
    ledger.done(path, {"key": ledger.key(team_id=granting)}, users["mia"])


def test_a06_deleting_follows_the_teams_permissions(ledger: Ledger, users: dict[str, str]) -> None:
    plain, granting = team(ledger, "a06"), team(ledger, "a06+", "/key/delete")
    for team_id, status in ((plain, 403), (granting, 200)):
        service, own = ledger.key(team_id=team_id), ledger.key(team_id=team_id, user_id="mia")
        of_max = ledger.key(team_id=team_id, user_id="max")
        with ledger.nothing_stored():
            mixed = ledger.post("/key/delete", {"keys": [own, of_max]}, users["mia"])
            assert_refused(mixed, 403, "B", "You are not authorized to delete this key")
        for key, expected in ((service, status), (own, 200)):
            answered = ledger.post("/key/delete", {"keys": [key]}, users["mia"])
            assert answered.status_code == expected


def test_a06_members_read_the_keys_that_their_team_lets_them(
    ledger: Ledger, users: dict[str, str]
) -> None:
    default, closed = team(ledger, "a06 default"), team(ledger, "a06 closed", "/key/list")
    for team_id, status in ((default, 200), (closed, 403)):
        for key in (ledger.key(team_id=team_id), ledger.key(team_id=team_id, user_id="max")):
            seen = [ledger.get("/key/info", users[by], key=key) for by in ("mia", "lead", "olga")]
            assert [each.status_code for each in seen] == [status, 200, 403]


def test_a08_the_old_secret_acts_as_the_new_one_within_its_grace(ledger: Ledger) -> None:
    team(ledger, "a08")
    old = ledger.key(team_id="a08", user_id="mia", key_alias="a08", max_budget=3)
    made = ledger.done(ROTATE, {"key": old, "grace_period": "1h"})
    new = made["key"]
    assert (works(ledger, old), works(ledger, new)) == (True, True)
    for key in (old, new):
        seen = ledger.shown("/key/info", key)
        assert (seen["key"], seen["info"]["key_alias"]) == (token(new), "a08")
    ledger.done("/key/generate", {"key_alias": "by the old one"}, old)
    [entry] = ledger.shown("/audit", action="created", changed_by_api_key=token(new))["audit_logs"]
    assert entry["actor"] == "mia"
    unknown = ledger.post(ROTATE, {"key": old})
    assert_refused(unknown, 404, "B", f"Key sk-...{old[-4:]} not found.")


def test_a08_the_grace_period_ends_by_the_clock_alone(ledger: Ledger) -> None:
    old = ledger.key(user_id="olga")
    began = time.monotonic()
    ledger.done(ROTATE, {"key": old, "grace_period": "2s"})
    assert works(ledger, old)
    assert time.monotonic() - began < 2, "too slow a machine to tell"
    time.sleep(2)
    with ledger.nothing_stored():
        assert not works(ledger, old)


def test_a08_what_ends_the_new_secret_ends_the_old_one(ledger: Ledger) -> None:
    team(ledger, "a08 end")
    grace = {"grace_period": "1d"}
    endings: list[tuple[str, Any]] = [
        ("/key/block", lambda new: {"key": new}),
        ("/key/delete", lambda new: {"keys": [new]}),
        (ROTATE, lambda new: {"key": new}),
        ("/team/delete", lambda _: {"team_ids": ["a08 end"]}),
    ]
    for path, body in endings:
        old = ledger.key(team_id="a08 end", user_id="mia")
        new = ledger.done(ROTATE, {"key": old, **grace})["key"]
        assert works(ledger, old)
        ledger.done(path, body(new))
        assert ledger.get("/key/info", old).status_code == 401


def test_a10_keys_of_nobody_do_not_belong_to_one_another(ledger: Ledger) -> None:
    team(ledger, "a10")
    one, other, of_team = ledger.key(), ledger.key(), ledger.key(team_id="a10")
    assert ledger.get("/key/info", one).status_code == 200
    for caller, asked in ((one, other), (one, of_team), (of_team, one)):
        refused = ledger.get("/key/info", caller, key=asked)
        assert_refused(refused, 403, "B", "You are not allowed to access this key's info")
        assert ledger.done("/v2/key/info", {"keys": [asked]}, caller) == {"key": [], "info": []}


def test_a11_of_several_keys_only_those_one_may_read_are_shown(
    ledger: Ledger, users: dict[str, str]
) -> None:
    team(ledger, "a11")
    own, service = ledger.key(team_id="a11", user_id="mia"), ledger.key(team_id="a11")
    foreign = ledger.key(user_id="olga")
    asked = [own, foreign, token(service), "sk-unknown", own]
    for caller, expected in (
        (users["mia"], [own, token(service)]),
        (users["lead"], [own, token(service)]),
        (users["olga"], [foreign]),
        (ledger.service.master_key, [own, foreign, token(service)]),
    ):
        shown = ledger.done("/v2/key/info", {"keys": asked}, caller)
        assert shown["key"] == expected
        hashes = [token(key) if key.startswith("sk-") else key for key in expected]
        assert [row["token"] for row in shown["info"]] == hashes
    [row] = ledger.done("/v2/key/info", {"keys": [own]}, users["mia"])["info"]
    single = ledger.shown("/key/info", users["mia"], key=own)["info"]
    assert {name: row[name] for name in single} == single
