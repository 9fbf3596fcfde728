"""Who may do and see what: D02, D03, D08 to D10, D12, D17, D20, D22, D46, D63, D66."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.routes import BY_METHOD, GETS, OPTIONAL, OTHERS, POSTS
from tests.support.auditor import token
from tests.support.cli import invoked
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused
from tests.support.service import ROOT_KEY

WRITES = [*(("POST", path) for path in (*POSTS, *OPTIONAL)), *OTHERS]


def team(ledger: Ledger, team_id: str, *user_ids: str, **fields: object) -> None:
    """A team; the first of its users is admin. The users have to exist."""
    members = [
        {"user_id": user_id, "role": "user" if number else "admin"}
        for number, user_id in enumerate(user_ids)
    ]
    ledger.done("/team/new", {"team_id": team_id, "members_with_roles": members, **fields})


def test_d02_a_list_of_routes_only_narrows(ledger: Ledger) -> None:
    ledger.user("d02")
    wide = ledger.key(user_id="d02", allowed_routes=["/team/new", "/audit"])
    with ledger.nothing_stored():
        assert_refused(ledger.post("/team/new", {}, wide), 401, "B", "Only proxy admin")
    assert_refused(ledger.get("/audit", wide), 401, "B", "Only proxy admin")
    ledger.user("d02-root", "proxy_admin")
    narrow = ledger.key(user_id="d02-root", allowed_routes=["/team/info"])
    assert_refused(ledger.post("/team/new", {}, narrow), 403, "bare", "Only allowed to call")


def test_d03_an_admin_viewer_writes_nothing(ledger: Ledger) -> None:
    viewer = ledger.user("d03", "proxy_admin_viewer")
    team(ledger, "d03", "d03")
    with ledger.nothing_stored():
        for method, path in WRITES:
            body = {"team_id": "d03", "team_ids": ["d03"]}
            refused = ledger.send(method, path, body, viewer)
            assert_refused(refused, 403, "B", f"Trying to access: {path}")


def test_d08_members_see_their_own_keys_and_no_hashes(ledger: Ledger) -> None:
    callers = {user: ledger.user(user) for user in ("d08-lead", "d08-ann", "d08-bob")}
    team(ledger, "d08", *callers)
    keys = {user: ledger.key(team_id="d08", user_id=user, key_alias=user) for user in callers}
    ledger.key(team_id="d08", key_alias="d08-service")

    def seen(user: str) -> set[tuple[str, Any]]:
        by_info = ledger.shown("/team/info", callers[user], team_id="d08")["keys"]
        [listed] = ledger.shown("/team/list", callers[user], user_id=user)
        assert listed["keys"] == by_info
        return {(key["key_alias"], key.get("token")) for key in by_info}

    assert seen("d08-ann") == {("d08-ann", None), ("d08-service", None)}
    everything = seen("d08-lead")
    assert len(everything) == 4
    assert {(user, token(key)) for user, key in keys.items()} <= everything


def test_d09_an_outsider_cannot_tell_which_teams_exist_or_who_is_in_them(ledger: Ledger) -> None:
    outsider = ledger.user("d09")
    ledger.user("d09-secret-member")
    team(ledger, "d09", "d09-secret-member")
    again = {"member": {"user_id": "d09-secret-member", "role": "user"}}
    for path, body in (
        ("/team/member_add", again),
        ("/team/member_update", {"user_id": "d09-secret-member"}),
        ("/team/member_delete", {"user_id": "d09-secret-member"}),
    ):
        known, unknown = (
            ledger.post(path, {"team_id": team_id, **body}, outsider)
            for team_id in ("d09", "no-such-team")
        )
        assert_refused(known, 403, "A", "Call not allowed")
        assert known.text.replace("d09", "?") == unknown.text.replace("no-such-team", "?")
    infos = [ledger.get("/team/info", outsider, team_id=t) for t in ("d09", "no-such-team")]
    assert [info.status_code for info in infos] == [403, 403]
    assert "secret-member" not in infos[0].text


def test_d10_blocks_and_deletions_hold_from_the_next_request_on(ledger: Ledger) -> None:
    ledger.user("d10")
    team(ledger, "d10", "d10")
    of_team, of_member = ledger.key(team_id="d10"), ledger.key(team_id="d10", user_id="d10")
    lone = ledger.key(key_alias="d10")

    def answered(*keys: str) -> list[int]:
        return [ledger.get("/key/info", key).status_code for key in keys]

    for _ in range(3):
        ledger.done("/team/block", {"team_id": "d10"})
        assert answered(of_team, of_member, lone) == [401, 401, 200]
        assert ledger.post("/key/generate", {}, of_member).status_code == 401
        ledger.done("/team/unblock", {"team_id": "d10"})
        assert answered(of_team, of_member, lone) == [200, 200, 200]
    ledger.done("/team/member_delete", {"team_id": "d10", "user_id": "d10"})
    assert answered(of_team, of_member) == [200, 401]
    ledger.done("/key/delete", {"keys": [lone]})
    assert answered(of_team, lone) == [200, 401]
    ledger.done("/team/delete", {"team_ids": ["d10"]})
    assert answered(of_team) == [401]


@pytest.mark.parametrize("path", ["/team/list", "/v2/team/list"])
def test_d12_the_teams_of_others_are_not_for_the_asking(ledger: Ledger, path: str) -> None:
    """What admins of organizations may ask for stands with the teams in organizations."""
    ann = ledger.user(f"d12-ann-{len(path)}")
    ledger.user(f"d12-bob-{len(path)}")
    team(ledger, f"d12-{len(path)}", f"d12-bob-{len(path)}", f"d12-ann-{len(path)}")
    refused = ledger.get(path, ann, user_id=f"d12-bob-{len(path)}")
    assert_refused(refused, 401, "A", "Only admin users can query all teams/other teams")


@pytest.mark.parametrize("path", ["/team/new", "/team/update"])
def test_d17_only_permissions_that_exist_are_taken(ledger: Ledger, path: str) -> None:
    body: dict[str, object] = {"team_id": f"d17-{len(path)}"}
    if path == "/team/update":
        ledger.done("/team/new", body)
    with ledger.nothing_stored():
        for names in (["/nope"], ["/key/generate", "key/info"], [""], ["/key/health "]):
            refused = ledger.post(path, {**body, "team_member_permissions": names})
            assert_refused(refused, 422, "C", "body.team_member_permissions.")
    known = ["/key/generate", "/key/health", "/team/daily/activity"]
    ledger.done(path, {**body, "team_member_permissions": known})
    info = ledger.shown("/team/info", team_id=body["team_id"])  # type: ignore[arg-type]
    assert info["team_info"]["team_member_permissions"] == known


def test_d20_an_admin_viewer_pages_through_all_teams(ledger: Ledger) -> None:
    viewer = ledger.user("d20", "proxy_admin_viewer")
    team(ledger, "d20")
    page = ledger.shown("/v2/team/list", viewer, team_id="d20")
    assert [found["team_id"] for found in page["teams"]] == ["d20"]
    totals = [
        ledger.shown("/v2/team/list")["total"],
        ledger.shown("/v2/team/list", viewer)["total"],
    ]
    assert totals[0] == totals[1]


def test_d22_deleted_teams_are_found_by_their_members(ledger: Ledger) -> None:
    for user in ("d22-in", "d22-out"):
        ledger.user(user)
    team(ledger, "d22", "d22-in", "d22-out")
    ledger.done("/team/member_delete", {"team_id": "d22", "user_id": "d22-out"})
    ledger.done("/team/delete", {"team_ids": ["d22"]})
    for user, found in (("d22-in", ["d22"]), ("d22-out", [])):
        page = ledger.shown("/v2/team/list", status="deleted", user_id=user)
        assert [each["team_id"] for each in page["teams"]] == found


def test_d46_a_claim_stands_beside_the_actor_and_only_a_proxy_admins_counts(
    ledger: Ledger,
) -> None:
    lead = ledger.user("d46-lead")
    team(ledger, "d46", "d46-lead")
    member = {"team_id": "d46", "member": {"user_id": "d46-new", "role": "user"}}
    claim = {"litellm_changed_by": "boss@example.com"}
    ledger.done("/team/update", {"team_id": "d46", "max_budget": 1}, **claim)
    ledger.done("/team/member_add", member, lead, **claim)
    entries = ledger.shown("/audit", object_id="d46", action="updated")["audit_logs"]
    assert [(e["actor"], e["on_behalf_of"], e["changed_by"]) for e in entries] == [
        ("d46-lead", "boss@example.com", "d46-lead"),
        ("default_user_id", "boss@example.com", "boss@example.com"),
    ]


def test_d63_a_caller_whose_user_does_not_exist_is_403(ledger: Ledger) -> None:
    team(ledger, "d63")
    ghost = ledger.key(user_id="d63-ghost")
    for path in ("/team/list", "/v2/team/list"):
        refused = ledger.get(path, ghost, user_id="d63-ghost")
        assert_refused(refused, 403, "A", "User doesn't exist in db. 'user_id'=d63-ghost")
    refused = ledger.get("/team/info", ghost, team_id="d63")
    assert_refused(refused, 403, "B", "User=d63-ghost not authorized to access this team=d63")
    member = {"team_id": "d63", "member": {"user_id": "d63-ghost", "role": "admin"}}
    assert_refused(ledger.post("/team/member_add", member, ghost), 403, "A", "Call not allowed")


def test_d66_without_a_key_nothing_is_answered(ledger: Ledger) -> None:
    with ledger.nothing_stored():
        for method, path in BY_METHOD:
            refused = ledger.send(method, path, {}, None)
            assert_refused(refused, 401, "B", "No api key passed in")
    for path in GETS:
        assert_refused(ledger.get(path, None), 401, "B", "No api key passed in")


@pytest.mark.parametrize(
    "env",
    [
        {"TEAMLEDGER_HOST": "0.0.0.0"},
        {"TEAMLEDGER_DATABASE_URL": "postgresql://127.0.0.1:1/x", "TEAMLEDGER_ROOT_KEY": ROOT_KEY},
        {"TEAMLEDGER_MASTER_KEY": "sk-1"},
    ],
)
def test_d66_no_service_starts_that_others_reach_without_a_master_key(
    tmp_path: Path, env: dict[str, str]
) -> None:
    result = invoked("serve", TEAMLEDGER_DATA_DIR=str(tmp_path / "data"), **env)
    assert (result.exit_code, "MASTER_KEY" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
