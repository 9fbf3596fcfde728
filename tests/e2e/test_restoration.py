"""Deleted teams come back, live ones go back, over HTTP (decision 012)."""

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.auditor import KEY_TABLE, TEAM_TABLE, Auditor, things, token
from tests.support.ledger import Ledger, bearer
from tests.support.refused import assert_refused
from tests.support.restored import (
    ACTIONS,
    accepted,
    act,
    delete,
    info,
    level,
    path_of,
    restore,
    revert,
    spend,
    unordered,
    whole_team,
)
from tests.support.service import MASTER_KEY


@pytest.fixture(scope="module")
def auditor(ledger: Ledger) -> Auditor:
    ledger.done("/team/new", {"team_id": "first"})
    return Auditor(ledger)


@pytest.fixture(scope="module")
def gateway(ledger: Ledger) -> str:
    return ledger.key(key_type="gateway", key_alias="eu")


@pytest.mark.parametrize("team_id", ["core", "with/slash and ü"])
def test_a_team_comes_back_whole(ledger: Ledger, gateway: str, team_id: str) -> None:
    key = whole_team(ledger, team_id)
    spend(ledger, gateway, key, 1.25)
    before = info(ledger, team_id)
    assert before["team_info"]["spend"] == 1.25
    delete(ledger, team_id)
    assert not accepted(ledger, key, team_id)
    answer = restore(ledger, team_id, keys=True)
    assert answer["left_out"] == {"users": [], "keys": [], "key_aliases": []}
    assert answer["to_follow"] == {"members": 0, "keys": 0}
    assert {one["token"] for one in answer["keys"]} == {k["token"] for k in before["keys"]}
    assert (answer["team"]["team_id"], answer["team"]["spend"]) == (team_id, 1.25)
    assert level(info(ledger, team_id)) == level(before)
    assert accepted(ledger, key, team_id)
    user = ledger.shown("/user/info", user_id=f"{team_id}-ann")
    assert [team["team_id"] for team in user["teams"]] == [team_id]
    deleted = ledger.shown("/v2/team/list", status="deleted", team_id=team_id)
    assert deleted["total"] == 0
    spend(ledger, gateway, key, 0.5)
    assert info(ledger, team_id)["team_info"]["spend"] == 1.75
    [own] = [k["spend"] for k in info(ledger, team_id)["keys"] if k["token"] == token(key)]
    assert own == 1.75


def test_keys_stay_revoked_and_new_ones_can_be_made(ledger: Ledger) -> None:
    key = whole_team(ledger, "revoked")
    delete(ledger, "revoked")
    assert restore(ledger, "revoked")["keys"] == []
    assert not accepted(ledger, key, "revoked")
    assert info(ledger, "revoked")["keys"] == []
    again = ledger.key(team_id="revoked", key_alias="revoked-production")
    assert accepted(ledger, again, "revoked")


def test_who_is_gone_and_what_is_taken_is_told(ledger: Ledger) -> None:
    key = whole_team(ledger, "left")
    delete(ledger, "left")
    ledger.done("/user/delete", {"user_ids": ["left-ann"]})
    ledger.key(key_alias="left-production")
    answer = restore(ledger, "left", keys=True)
    assert answer["left_out"]["users"] == ["left-ann"]
    assert answer["left_out"]["keys"] == [token(key)]
    [taken] = answer["left_out"]["key_aliases"]
    [back] = answer["keys"]
    assert (taken["key_alias"], taken["token"]) == ("left-production", back["token"])
    assert back["key_alias"] is None
    shown = info(ledger, "left")
    assert [m["user_id"] for m in shown["team_info"]["members_with_roles"]] == ["default_user_id"]
    assert [k["key_alias"] for k in shown["keys"]] == [None]
    assert not accepted(ledger, key, "left")


def test_an_id_in_use_is_not_restored(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "live"})
    with ledger.nothing_stored():
        refused = ledger.post(path_of("live", "restore"), {})
        assert_refused(refused, 409, "problem", "Team id = live is in use")
        unknown = ledger.post(path_of("unknown", "restore"), {})
        assert_refused(unknown, 404, "problem", "Team not found, passed team_id=unknown")


def test_a_restoration_is_audited(ledger: Ledger, auditor: Auditor) -> None:
    key = whole_team(ledger, "audited")
    delete(ledger, "audited")
    entries = auditor.after(path_of("audited", "restore"), {"keys": True})
    assert ("created", TEAM_TABLE, "audited") in things(entries)
    assert ("created", KEY_TABLE, token(key)) in things(entries)
    [team] = [entry for entry in entries if entry["table_name"] == TEAM_TABLE]
    assert (team["command"], team["before_value"]) == ("RestoreTeam", {})
    assert team["updated_values"]["max_budget"] == 100.0
    members = [m["user_id"] for m in team["updated_values"]["members_with_roles"]]
    assert members == ["default_user_id", "audited-ann"]


def test_a_restoration_is_rehearsed_repeated_and_conditional(ledger: Ledger) -> None:
    whole_team(ledger, "terms")
    tag = int(ledger.get("/team/info", team_id="terms").headers["etag"].strip('"'))
    delete(ledger, "terms")
    path = path_of("terms", "restore")
    with ledger.nothing_stored():
        rehearsed = ledger.done(f"{path}?dry_run=true", {"keys": True})
        assert rehearsed["events"][0]["type"] == "team.restored"
        assert len(rehearsed["answer"]["keys"]) == 2
        outdated = ledger.post(path, {}, if_match=f'"{tag}"')
        assert_refused(outdated, 412, "problem", f'which is "{tag + 1}"')
    done = ledger.post(path, {}, if_match=f'"{tag + 1}"', idempotency_key="once")
    assert done.status_code == 200
    assert done.headers["etag"] == ledger.get("/team/info", team_id="terms").headers["etag"]
    with ledger.nothing_stored():
        assert ledger.post(path, {}, if_match=f'"{tag + 1}"', idempotency_key="once").json() == (
            done.json()
        )


@pytest.fixture(scope="module")
def leader(ledger: Ledger) -> str:
    """The key of an admin of the organization `acme`."""
    ledger.done(
        "/organization/new",
        {"organization_id": "acme", "organization_alias": "Acme", "max_budget": 50},
    )
    key = ledger.user("leader", "internal_user")
    member = {"user_id": "leader", "role": "org_admin"}
    ledger.done("/organization/member_add", {"organization_id": "acme", "member": member})
    return key


def test_admins_of_organizations_bring_back_their_own_teams(ledger: Ledger, leader: str) -> None:
    ledger.done("/team/new", {"team_id": "ours", "organization_id": "acme", "max_budget": 40})
    ledger.done("/team/new", {"team_id": "theirs"})
    for team_id in ("ours", "theirs"):
        delete(ledger, team_id)
    with ledger.nothing_stored():
        refused = [
            ledger.post(path_of(team_id, what), body, leader)
            for team_id in ("theirs", "unknown")
            for what, body in (("restore", {}), ("revert", {"to": {"version": 1}}))
        ]
        for each in refused:
            assert_refused(each, 403, "problem", "Only proxy admins and admins of the team's")
        told = {each.json()["detail"].replace("revert", "restore") for each in refused}
        assert len(told) == 1
    ledger.done(path_of("ours", "restore"), {}, leader)
    ledger.done(path_of("ours", "revert"), {"to": {"version": 1}}, leader)


def test_a_team_that_does_not_fit_any_more_stays_deleted(ledger: Ledger, leader: str) -> None:
    ledger.done("/team/new", {"team_id": "large", "organization_id": "acme", "max_budget": 45})
    delete(ledger, "large")
    ledger.done("PATCH /organization/update", {"organization_id": "acme", "max_budget": 20})
    refused = ledger.post(path_of("large", "restore"), {}, leader)
    assert_refused(refused, 409, "problem", "Team max_budget (45.0) exceeds organization's")
    ledger.done("PATCH /organization/update", {"organization_id": "acme", "max_budget": 50})
    ledger.done("DELETE /organization/delete", {"organization_ids": ["acme"]})
    gone = ledger.post(path_of("large", "restore"), {})
    assert_refused(gone, 409, "problem", "The organization of the team is gone")
    assert_refused(ledger.post(path_of("large", "restore"), {}, leader), 403, "problem", "Only")


@pytest.mark.parametrize("key", ["viewer", "internal_user"])
def test_others_bring_nothing_back(ledger: Ledger, key: str) -> None:
    role = "proxy_admin_viewer" if key == "viewer" else key
    secret = ledger.user(f"a {key}", role)
    ledger.done("/team/new", {"team_id": f"team of {key}"})
    member = {"user_id": f"a {key}", "role": "admin"}
    ledger.done("/team/member_add", {"team_id": f"team of {key}", "member": member})
    with ledger.nothing_stored():
        for what in ("restore", "revert"):
            path = path_of(f"team of {key}", what)
            refused = ledger.post(path, {"to": {"version": 1}}, secret)
            assert_refused(refused, 403, "problem", "")


# Going back


def test_a_team_goes_back_by_version_position_and_time(ledger: Ledger, auditor: Auditor) -> None:
    whole_team(ledger, "back")
    before = ledger.get("/team/info", team_id="back")
    version = int(before.headers["etag"].strip('"'))
    position, time = ledger.position(), before.json()["team_info"]["updated_at"]
    for to in ({"version": version}, position, time):
        ledger.done("/team/update", {"team_id": "back", "max_budget": 90, "models": []})
        ledger.done("/team/block", {"team_id": "back"})
        entries = auditor.after(path_of("back", "revert"), {"to": to})
        assert things(entries) == [("updated", TEAM_TABLE, "back")]
        assert entries[0]["command"] == "RevertTeam"
        assert level(info(ledger, "back")) == level(before.json())
    answer = revert(ledger, "back", {"version": version})
    assert answer["reverted_to"]["version"] == version
    assert answer["left_out"] == {"users": []}


def test_who_left_is_back_and_who_came_is_gone_with_his_keys(ledger: Ledger) -> None:
    whole_team(ledger, "people")
    position = ledger.position()
    eve = {"team_id": "people", "member": {"user_id": "people-eve", "role": "user"}}
    ledger.done("/team/member_add", eve)
    key = ledger.key(team_id="people", user_id="people-eve")
    ledger.done("/team/member_delete", {"team_id": "people", "user_id": "people-ann"})
    revert(ledger, "people", position)
    members = info(ledger, "people")["team_info"]["members_with_roles"]
    assert {(m["user_id"], m["role"]) for m in members} == {
        ("default_user_id", "admin"),
        ("people-ann", "admin"),
    }
    [own] = [m for m in info(ledger, "people")["team_memberships"] if m["user_id"] == "people-ann"]
    assert own["litellm_budget_table"]["max_budget"] == 7.0
    assert not accepted(ledger, key, "people")


def test_moments_that_cannot_be_gone_back_to(ledger: Ledger) -> None:
    start = ledger.position()
    ledger.done("/team/new", {"team_id": "moments"})
    alive = ledger.position()
    delete(ledger, "moments")
    gone = ledger.position()
    assert_refused(ledger.post(path_of("moments", "revert"), {"to": alive}), 404, "problem", "Team")
    restore(ledger, "moments")
    with ledger.nothing_stored():
        for to, status, says in (
            (start, 409, "There was no team of this id then"),
            (gone, 409, "The team was deleted then"),
            (gone + 10**6, 400, "still to come"),
            ("9999-01-01T00:00:00Z", 400, "still to come"),
            ({"version": 10**6}, 400, "still to come"),
        ):
            refused = ledger.post(path_of("moments", "revert"), {"to": to})
            assert_refused(refused, status, "problem", says)
    revert(ledger, "moments", alive)
    delete(ledger, "moments")
    ledger.done("/team/new", {"team_id": "moments"})
    earlier = ledger.post(path_of("moments", "revert"), {"to": alive})
    assert_refused(earlier, 409, "problem", "The present life of the team began later")


@pytest.mark.parametrize(
    "to",
    [
        *(-1, 2**63, 1.5, True, None, "", "7", "yesterday", "2026-03-11", "2026-13-01T00:00:00Z"),
        *("2026-03-11T00:00:00", "2026-03-11T00:00:00+99:00", [], {}, {"version": 0}),
        *({"version": True}, {"version": "1"}, {"version": 1, "position": 1}, {"position": 1}),
        "٢٠٢٦-03-11T00:00:00Z",
    ],
)
def test_what_is_no_moment_is_refused(ledger: Ledger, to: object) -> None:
    refused = ledger.post(path_of("first", "revert"), {"to": to})
    assert_refused(refused, 422, "problem", "body.to: Input should be a position of the log")


RARELY = settings(max_examples=12, deadline=None)


@RARELY
@given(actions=st.lists(ACTIONS, max_size=8), more=st.lists(ACTIONS, max_size=5))
def test_whatever_happened_a_team_comes_back_and_goes_back(
    ledger: Ledger, actions: list[Any], more: list[Any]
) -> None:
    team_id = str(ledger.done("/team/new", {})["team_id"])
    act(ledger, team_id, actions)
    before = ledger.get("/team/info", team_id=team_id)
    version = int(before.headers["etag"].strip('"'))
    delete(ledger, team_id)
    restore(ledger, team_id, keys=True)
    assert level(info(ledger, team_id)) == level(before.json())
    act(ledger, team_id, more)
    revert(ledger, team_id, {"version": version})
    assert unordered(info(ledger, team_id)) == unordered(before.json())


def test_a_revert_of_nothing_records_nothing(ledger: Ledger) -> None:
    made: httpx.Response = ledger.http.post(
        "/team/new", json={"team_id": "still"}, headers=bearer(MASTER_KEY)
    )
    with ledger.nothing_stored():
        answer = revert(ledger, "still", int(made.headers["x-event-position"]))
    assert answer["team"] == {**made.json(), "team_id": "still"}
