"""LiteLLM's own Python client, unmodified: teams, keys, users and raw requests."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.clients.litellm_client import LiteLLM, RaisedError
from tests.support.auditor import token
from tests.support.ledger import Ledger

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ann(ledger: Ledger) -> str:
    """The key of somebody in one of two teams."""
    key = ledger.user("client-ann", user_email="client-ann@example.com")
    ledger.done("/team/new", {"team_id": "client-core", "team_alias": "Client Core"})
    ledger.done("/team/new", {"team_id": "client-edge", "team_alias": "Client Edge"})
    member = {"user_id": "client-ann", "role": "user"}
    ledger.done("/team/member_add", {"team_id": "client-core", "member": member})
    return key


# Teams


def test_teams_are_listed_as_the_api_lists_them(litellm: LiteLLM, ledger: Ledger, ann: str) -> None:
    listed = litellm.call("teams.list")
    assert listed == ledger.shown("/team/list")
    assert {"client-core", "client-edge"} <= {team["team_id"] for team in listed}
    (own,) = litellm.call("teams.list", ann, user_id="client-ann")
    assert own["team_id"] == "client-core"
    assert litellm.call("teams.list", user_id="client-ann") == [own]


def test_somebody_who_does_not_say_who_he_is_lists_no_teams(litellm: LiteLLM, ann: str) -> None:
    """As LiteLLM answers it (team-api.md 1.4 and 3.5, recorded case 171); with his id he does.

    To answer with his own teams would be compatible (auth.md 7), but is not what is recorded.
    """
    with pytest.raises(RaisedError) as raised:
        litellm.call("teams.list", ann)
    assert raised.value.name == "UnauthorizedError"


def test_teams_of_an_organization(litellm: LiteLLM, ann: str) -> None:
    assert ann
    assert litellm.call("teams.list", organization_id="client-none") == []


def test_teams_in_pages(litellm: LiteLLM, ledger: Ledger, ann: str) -> None:
    assert ann
    asked = {"team_alias": "Client", "sort_by": "team_alias", "sort_order": "desc"}
    pages = [litellm.call("teams.list_v2", page=n, page_size=1, **asked) for n in (1, 2)]
    assert [page["teams"][0]["team_id"] for page in pages] == ["client-edge", "client-core"]
    assert [(p["page"], p["page_size"], p["total"], p["total_pages"]) for p in pages] == [
        (1, 1, 2, 2),
        (2, 1, 2, 2),
    ]
    one = litellm.call("teams.list_v2", team_id="client-core")
    assert one == ledger.shown("/v2/team/list", team_id="client-core")
    mine = litellm.call("teams.list_v2", user_id="client-ann")
    assert [team["team_id"] for team in mine["teams"]] == ["client-core"]


def test_teams_that_can_be_joined(litellm: LiteLLM, ledger: Ledger, ann: str, offered: str) -> None:
    (found,) = litellm.call("teams.get_available", ann)
    assert found["team_id"] == offered
    assert [found] == ledger.shown("/team/available", ann)


# Keys


def test_the_life_of_a_key(litellm: LiteLLM, ledger: Ledger, ann: str) -> None:
    assert ann
    made = litellm.call(
        "keys.generate",
        models=["gpt-4o"],
        aliases={"fast": "gpt-4o-mini"},
        duration="24h",
        key_alias="client-life",
        team_id="client-core",
        user_id="client-ann",
        config={"a": 1},
    )
    shown = litellm.call("keys.info", key=made["key"])
    assert shown == ledger.shown("/key/info", key=made["key"])
    for field in ("models", "aliases", "key_alias", "team_id", "user_id", "config"):
        assert shown["info"][field] == made[field], field
    expires = datetime.fromisoformat(made["expires"])
    assert datetime.fromisoformat(shown["info"]["expires"]) == expires

    listed = litellm.call("keys.list", key_alias="client-life")
    assert (listed["keys"], listed["total_count"]) == ([made["token"]], 1)
    asked = {"team_id": "client-core", "return_full_object": True, "include_team_keys": True}
    (full,) = litellm.call("keys.list", page=1, size=10, **asked)["keys"]
    assert (full["token"], full["key_alias"]) == (made["token"], "client-life")
    assert litellm.call("keys.list", key_hash=made["token"])["keys"] == [made["token"]]

    updated = litellm.call("keys.update", key=made["key"], models=["gpt-4o-mini"], duration="48h")
    assert updated["models"] == ["gpt-4o-mini"]
    later = litellm.call("keys.info", key=made["token"])["info"]["expires"]
    assert datetime.fromisoformat(later) - expires >= timedelta(hours=24)

    assert litellm.call("keys.delete", keys=[made["key"]]) == {"deleted_keys": [made["key"]]}
    with pytest.raises(RaisedError) as gone:
        litellm.call("keys.info", key=made["key"])
    assert (gone.value.name, gone.value.status) == ("HTTPError", 404)


def test_a_key_changes_its_team(litellm: LiteLLM, ledger: Ledger, ann: str) -> None:
    assert ann
    of_nobody = ledger.key(team_id="client-core")
    moved = litellm.call("keys.update", key=of_nobody, team_id="client-edge")
    assert moved["team_id"] == "client-edge"
    key = ledger.key(team_id="client-core", user_id="client-ann")
    with pytest.raises(RaisedError, match="client-ann is not a member of team=client-edge"):
        litellm.call("keys.update", key=key, team_id="client-edge")


def test_keys_are_deleted_by_alias(litellm: LiteLLM, ledger: Ledger) -> None:
    key = ledger.key(key_alias="client-alias")
    assert litellm.call("keys.delete", key_aliases=["client-alias"]) == {
        "deleted_keys": ["client-alias"]
    }
    assert ledger.get("/key/info", key).status_code == 401
    with pytest.raises(RaisedError) as again:
        litellm.call("keys.delete", key_aliases=["client-alias"])
    assert (again.value.name, again.value.status) == ("HTTPError", 404)


def test_a_refused_update_carries_our_words(litellm: LiteLLM) -> None:
    with pytest.raises(RaisedError, match=r"Error updating key: .*key does not exist"):
        litellm.call("keys.update", key="sk-nobody-has-this", key_alias="client-new")


# Users


def test_a_user_is_made_and_found(litellm: LiteLLM, ledger: Ledger) -> None:
    sent = {
        "user_id": "client-bob",
        "user_email": "client-bob@example.com",
        "user_role": "internal_user",
        "user_alias": "Bob",
        "max_budget": 12.5,
    }
    made = litellm.call("users.create_user", user_data=sent)
    assert {name: made[name] for name in sent} == sent
    shown = litellm.call("users.get_user", user_id="client-bob")
    assert shown == ledger.shown("/user/info", user_id="client-bob")
    assert {name: shown["user_info"][name] for name in sent} == sent
    assert [key["token"] for key in shown["keys"]] == [token(made["key"])]
    own = litellm.call("users.get_user", made["key"])
    assert own["user_id"] == "client-bob"


def test_nobody_is_a_not_found_error(litellm: LiteLLM) -> None:
    with pytest.raises(RaisedError, match="client-nobody not found") as raised:
        litellm.call("users.get_user", user_id="client-nobody")
    assert raised.value.name == "NotFoundError"


def test_a_second_user_with_an_address_is_a_conflict(litellm: LiteLLM, ann: str) -> None:
    assert ann
    with pytest.raises(RaisedError) as raised:
        litellm.call("users.create_user", user_data={"user_email": "client-ann@example.com"})
    assert (raised.value.name, raised.value.status) == ("HTTPError", 409)


def test_users_are_listed(litellm: LiteLLM, ann: str) -> None:
    assert ann
    listed = litellm.call("users.list_users", params={"user_ids": "client-ann"})
    assert [user["user_id"] for user in listed] == ["client-ann"]
    assert listed[0]["teams"] == ["client-core"]


def test_users_are_deleted(litellm: LiteLLM, ledger: Ledger) -> None:
    key = ledger.user("client-gone")
    assert litellm.call("users.delete_user", user_ids=["client-gone"]) == 1
    assert ledger.get("/user/info", key).status_code == 401


# Refusals, and everything else


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("teams.list", {}),
        ("teams.list_v2", {}),
        ("teams.get_available", {}),
        ("keys.list", {}),
        ("keys.generate", {}),
        ("keys.delete", {"keys": ["sk-x"]}),
        ("keys.info", {"key": "sk-x"}),
        ("users.get_user", {}),
        ("users.create_user", {"user_data": {}}),
    ],
)
def test_an_unknown_key_is_an_unauthorized_error(
    litellm: LiteLLM, method: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(RaisedError) as raised:
        litellm.call(method, "sk-nobody-has-this", **arguments)
    assert raised.value.name == "UnauthorizedError"


def test_raw_requests(litellm: LiteLLM, ledger: Ledger) -> None:
    body = {"team_id": "client-raw", "team_alias": "Raw"}
    made = litellm.call("http.request", method="POST", uri="/team/new", json=body)
    assert made["team_alias"] == "Raw"
    shown = litellm.call("http.request", method="GET", uri="team/info?team_id=client-raw")
    assert shown == ledger.shown("/team/info", team_id="client-raw")
    with pytest.raises(RaisedError) as missing:
        litellm.call("http.request", method="GET", uri="/team/info?team_id=client-none")
    assert (missing.value.name, missing.value.status) == ("HTTPError", 404)


def test_organizations_by_raw_requests(litellm: LiteLLM, ledger: Ledger) -> None:
    body = {"organization_alias": "client-org", "models": []}
    made = litellm.call("http.request", method="POST", uri="/organization/new", json=body)
    organization = made["organization_id"]
    ledger.done("/team/new", {"team_id": "client-in-org", "organization_id": organization})
    listed = litellm.call("teams.list", organization_id=organization)
    assert [team["team_id"] for team in listed] == ["client-in-org"]
    key = ledger.user("client-leader")
    member = {"user_id": "client-leader", "role": "org_admin"}
    ledger.done("/organization/member_add", {"organization_id": organization, "member": member})
    assert litellm.call("teams.list", key) == listed
