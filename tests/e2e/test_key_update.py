"""POST /key/update (supporting-api.md 2.4; auth.md 4; A02, S02, S04, S05) over HTTP."""

from typing import Any

import pytest

from tests.support.ledger import Ledger
from tests.support.refused import assert_refused

UPDATE = "/key/update"


@pytest.fixture(scope="module")
def users(ledger: Ledger) -> dict[str, str]:
    """Keys by user: `tina` is admin of the team `core`, `mona` and `paul` are members of it.

    The team grants its members /key/update; `olga` is in no team, `vera` may only look.
    """
    keys = {name: ledger.user(name) for name in ("tina", "mona", "paul", "olga")}
    keys["vera"] = ledger.user("vera", "proxy_admin_viewer")
    members = [{"user_id": "tina", "role": "admin"}]
    members += [{"user_id": name, "role": "user"} for name in ("mona", "paul")]
    team = {"team_id": "core", "members_with_roles": members, "models": ["gpt-4o", "openai/*"]}
    limits = {"max_budget": 100, "tpm_limit": 1_000, "rpm_limit": 10}
    granted = {"team_member_permissions": ["/key/info", "/key/update"]}
    ledger.done("/team/new", {**team, **limits, **granted})
    return keys


def info(ledger: Ledger, key: str) -> Any:  # noqa: ANN401
    return ledger.shown("/key/info", key=key)["info"]


def test_what_is_sent_changes_and_null_clears(ledger: Ledger) -> None:
    key = ledger.key(key_alias="first", max_budget=5, models=["a"], metadata={"own": 1}, tags=["t"])
    changed = ledger.done(UPDATE, {"key": key, "max_budget": 0, "tags": ["u"], "rpm_limit": 3})
    assert (changed["key"], changed["max_budget"], changed["rpm_limit"]) == (key, 0.0, 3)
    assert changed["metadata"] == {"own": 1, "tags": ["u"]}
    assert (changed["key_alias"], changed["models"]) == ("first", ["a"])
    cleared = {"key": key, "max_budget": None, "key_alias": None, "models": None, "metadata": None}
    shown = ledger.done(UPDATE, cleared)
    assert (shown["max_budget"], shown["key_alias"], shown["models"]) == (None, None, [])
    assert shown["metadata"] == {}
    row = info(ledger, key)
    assert row == {name: shown[name] for name in row}


def test_an_alias_is_free_again_and_belongs_to_one_key(ledger: Ledger) -> None:
    one, two = ledger.key(key_alias="mine"), ledger.key()
    taken = ledger.post(UPDATE, {"key": two, "key_alias": "mine"})
    assert_refused(taken, 400, "B", "Key with alias 'mine' already exists")
    ledger.done(UPDATE, {"key": one, "key_alias": "other"})
    ledger.done(UPDATE, {"key": two, "key_alias": "mine"})
    assert ledger.done("/key/delete", {"key_aliases": ["mine"]})["deleted_keys"] == ["mine"]
    assert_refused(ledger.get("/key/info", key=two), 404, "B", "Key not found")


def test_a_duration_counts_from_now_and_null_is_for_ever(ledger: Ledger) -> None:
    key = ledger.key(duration="1h")
    first = info(ledger, key)["expires"]
    later = ledger.done(UPDATE, {"key": key, "duration": "2h"})["expires"]
    assert later > first
    for never in (None, "-1"):
        ledger.done(UPDATE, {"key": key, "duration": "1h"})
        assert ledger.done(UPDATE, {"key": key, "duration": never})["expires"] is None
    odd = ledger.post(UPDATE, {"key": key, "duration": "-2"})
    assert odd.status_code == 422


def test_an_expired_key_is_refused_and_works_again_when_it_lasts(ledger: Ledger) -> None:
    key = ledger.key(user_id="nobody yet")
    ledger.done(UPDATE, {"key": key, "blocked": True})
    assert ledger.get("/key/info", key).status_code == 401
    ledger.done(UPDATE, {"key": key, "blocked": False})
    assert ledger.get("/key/info", key).status_code == 200


def test_d38_only_another_duration_starts_a_window(ledger: Ledger) -> None:
    key = ledger.key(budget_duration="7d")
    before = info(ledger, key)["budget_reset_at"]
    again = ledger.done(UPDATE, {"key": key, "budget_duration": "7d", "max_budget": 1})
    assert again["budget_reset_at"] == before
    assert ledger.done(UPDATE, {"key": key, "budget_duration": "1mo"})["budget_reset_at"] != before
    gone = ledger.done(UPDATE, {"key": key, "budget_duration": None})
    assert (gone["budget_duration"], gone["budget_reset_at"]) == (None, None)


def test_s02_an_entry_of_the_audit_names_the_hash(ledger: Ledger) -> None:
    key = ledger.key()
    token = ledger.done(UPDATE, {"key": key, "max_budget": 2})["token"]
    page = ledger.shown("/audit", object_id=token)["audit_logs"]
    assert [row["command"] for row in page] == ["UpdateKey", "GenerateKey"]
    assert (page[0]["before_value"], page[0]["updated_values"]) == (
        {"max_budget": None},
        {"max_budget": 2.0},
    )
    assert key not in ledger.get("/audit").text


def test_an_unknown_key_is_401_and_not_told_whole(ledger: Ledger, users: dict[str, str]) -> None:
    for caller in (ledger.service.master_key, users["olga"]):
        refused = ledger.post(UPDATE, {"key": "sk-secret-unknown", "models": []}, caller)
        assert_refused(refused, 401, "B", "User Key=sk-...nown")
        assert "secret-unknown" not in refused.text


def test_a02_who_is_not_in_the_team_changes_none_of_its_keys(
    ledger: Ledger, users: dict[str, str]
) -> None:
    service, monas = ledger.key(team_id="core"), ledger.key(team_id="core", user_id="mona")
    for key in (service, monas):
        with ledger.nothing_stored():
            refused = ledger.post(UPDATE, {"key": key, "max_budget": 1}, users["olga"])
            assert_refused(refused, 403, "B", "You are not authorized to update this key")
    with ledger.nothing_stored():
        viewer = ledger.post(UPDATE, {"key": service, "max_budget": 1}, users["vera"])
        assert_refused(viewer, 403, "B", "user not allowed to access this route")


def test_a02_service_keys_want_an_admin_or_the_permission(
    ledger: Ledger, users: dict[str, str]
) -> None:
    service, monas = ledger.key(team_id="core"), ledger.key(team_id="core", user_id="mona")
    for caller in ("tina", "mona", "paul"):
        ledger.done(UPDATE, {"key": service, "rpm_limit": 5}, users[caller])
    ledger.done(UPDATE, {"key": monas, "rpm_limit": 5}, users["mona"])
    refused = ledger.post(UPDATE, {"key": monas, "rpm_limit": 6}, users["paul"])
    assert_refused(refused, 403, "B", "You are not authorized to update this key")
    ledger.done("/team/new", {"team_id": "plain", "members_with_roles": MONA})
    ungranted = ledger.key(team_id="plain", user_id="mona")
    refused = ledger.post(UPDATE, {"key": ungranted, "rpm_limit": 6}, users["mona"])
    assert_refused(refused, 401, "B", "Team member does not have permissions for endpoint")


MONA = [{"user_id": "mona", "role": "user"}]


def test_s04_nobody_but_admins_gives_a_key_away_or_more_than_he_has(
    ledger: Ledger, users: dict[str, str]
) -> None:
    small = ledger.user("small", max_budget=5)
    refused = ledger.post(UPDATE, {"key": small, "max_budget": 6}, small)
    assert_refused(refused, 400, "B", "max budget higher than user max. User max budget=5.0")
    given = ledger.post(UPDATE, {"key": small, "user_id": "olga"}, small)
    assert_refused(given, 403, "B", "Only proxy admin can change the owner of a key")
    spent = ledger.done(UPDATE, {"key": small, "spend": -100, "max_budget": 5}, small)
    assert spent["spend"] == 0.0
    assert ledger.done(UPDATE, {"key": small, "user_id": "olga"})["user_id"] == "olga"
    assert ledger.get("/key/info", users["olga"], key=small).status_code == 200


def test_s05_a_key_moves_to_teams_that_are_there(ledger: Ledger) -> None:
    key = ledger.key()
    refused = ledger.post(UPDATE, {"key": key, "team_id": "unknown"})
    assert_refused(refused, 404, "B", "Team not found, passed team_id=unknown")


def test_a_key_that_moves_has_to_fit_into_the_team(ledger: Ledger) -> None:
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"user_id": "olga"}, 403, "User=olga is not a member of team=core"),
        ({"models": ["gpt-4o", "claude"]}, 401, "Tried to access claude"),
        ({"max_budget": 101}, 403, "Key max_budget=101.0 is greater than the team's"),
        ({"rpm_limit": 11}, 403, "Key rpm_limit=11 is greater than the team's rpm_limit=10"),
    ]
    for fields, status, text in cases:
        key = ledger.key(**fields)
        with ledger.nothing_stored():
            refused = ledger.post(UPDATE, {"key": key, "team_id": "core"})
            assert_refused(refused, status, "B", text)
    fitting = ledger.key(user_id="mona", models=["openai/gpt-4o"], max_budget=100)
    assert ledger.done(UPDATE, {"key": fitting, "team_id": "core"})["team_id"] == "core"


def test_a_key_that_moved_goes_with_its_new_team(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "short", "members_with_roles": MONA})
    key = ledger.key(user_id="mona")
    ledger.done(UPDATE, {"key": key, "team_id": "short"})
    assert ledger.get("/team/info", key, team_id="short").status_code == 200
    ledger.done("/team/member_delete", {"team_id": "short", "user_id": "mona"})
    assert ledger.get("/team/info", key, team_id="short").status_code == 401
    void = ledger.post(UPDATE, {"key": key, "team_id": None})
    assert_refused(void, 401, "B", "user key does not exist in db")


def test_members_move_their_own_keys_where_they_may(ledger: Ledger, users: dict[str, str]) -> None:
    paul = users["paul"]
    ledger.done(UPDATE, {"key": paul, "team_id": "core"}, paul)
    refused = ledger.post(UPDATE, {"key": paul, "team_id": None}, paul)
    assert_refused(refused, 403, "B", "Only a team admin can take a key out of its team")
    for team_id in ("unknown", "plain"):
        olgas = ledger.post(UPDATE, {"key": users["olga"], "team_id": team_id}, users["olga"])
        assert_refused(olgas, 403, "B", f"User=olga cannot move a key to team={team_id}")
    ledger.done(UPDATE, {"key": paul, "team_id": None}, users["tina"])
