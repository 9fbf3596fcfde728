"""OpenHands' enterprise server: provisioning, payments, moving out."""

import pytest

from tests.clients.openhands import METADATA, UNLIMITED, OpenHands, cloud_alias, headers
from tests.clients.wire import Connect, RefusedError
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

pytestmark = pytest.mark.clients
DEFAULT_TEAM = "openhands-default"


@pytest.fixture
def openhands(ledger: Ledger, connect: Connect) -> OpenHands:
    if ledger.get("/team/info", team_id=DEFAULT_TEAM).status_code == 404:
        ledger.done("/team/new", {"team_id": DEFAULT_TEAM})
    return OpenHands(connect(headers(MASTER_KEY)), DEFAULT_TEAM)


def test_a_personal_organization(openhands: OpenHands, ledger: Ledger) -> None:
    key = openhands.provision("oh-ann", "oh-ann", "oh-ann@example.com", 10.0)
    assert openhands.budget_and_spend("oh-ann", "oh-ann") == (10.0, 0)
    assert openhands.has_key(key, "oh-ann", "oh-ann")
    assert openhands.key_budget(key) == (None, 0)
    user = ledger.shown("/user/info", user_id="oh-ann")
    assert {team["team_id"] for team in user["teams"]} == {"oh-ann", DEFAULT_TEAM}
    assert user["user_info"]["metadata"] == METADATA
    assert len(user["keys"]) == 1
    team = openhands.team("oh-ann")
    assert team is not None
    assert (team["team_info"]["metadata"], team["team_info"]["max_budget"]) == (METADATA, 10.0)


def test_provisioning_again_changes_only_the_key(openhands: OpenHands, ledger: Ledger) -> None:
    first = openhands.provision("oh-org", "oh-bob", "oh-bob@example.com", 10.0)
    openhands.update_member("oh-bob", "oh-org", 4.0)
    second = openhands.provision("oh-org", "oh-bob", "oh-bob@example.com")
    assert openhands.has_key(second, "oh-bob", "oh-org")
    assert not openhands.has_key(first, "oh-bob", "oh-org")
    assert ledger.get("/user/info", first).status_code == 401
    team = openhands.team("oh-org")
    assert team is not None
    ids = [m["user_id"] for m in team["team_info"]["members_with_roles"]]
    assert ids.count("oh-bob") == 1
    tables = {m["user_id"]: m["litellm_budget_table"] for m in team["team_memberships"]}
    assert tables["oh-bob"]["max_budget"] == 4.0


def test_a_second_member_of_an_organization(openhands: OpenHands) -> None:
    openhands.provision("oh-two", "oh-cat", "oh-cat@example.com", 20.0)
    openhands.provision("oh-two", "oh-dan", "oh-dan@example.com")
    assert openhands.budget_and_spend("oh-dan", "oh-two") == (20.0, 0)
    openhands.raise_budgets("oh-two", 55.5)
    assert openhands.budget_and_spend("oh-cat", "oh-two") == (55.5, 0)
    for user_id in ("oh-cat", "oh-dan"):
        found = openhands.membership(user_id, "oh-two")
        assert found is not None
        assert found["litellm_budget_table"]["max_budget"] == 55.5
    assert openhands.membership("oh-nobody", "oh-two") is None
    assert openhands.budget_and_spend("oh-nobody", "oh-two") == (0, 0)


def test_nothing_is_a_budget_too(openhands: OpenHands) -> None:
    openhands.provision("oh-zero", "oh-zero", "oh-zero@example.com")
    assert openhands.budget_and_spend("oh-zero", "oh-zero") == (0, 0)
    team = openhands.team("oh-zero")
    assert team is not None
    assert team["team_info"]["max_budget"] == 0.0
    openhands.raise_budgets("oh-zero", UNLIMITED)
    assert openhands.budget_and_spend("oh-zero", "oh-zero") == (UNLIMITED, 0)


def test_an_address_that_somebody_else_has(openhands: OpenHands, ledger: Ledger) -> None:
    openhands.create_user("oh-same@example.com", "oh-same-1")
    openhands.create_user("oh-same@example.com", "oh-same-2")
    openhands.create_user("oh-same@example.com", "oh-same-2")
    shown = ledger.shown("/user/info", user_id="oh-same-2")["user_info"]
    assert shown["user_email"] is None


def test_keys_move_to_another_team(openhands: OpenHands, ledger: Ledger) -> None:
    key = openhands.provision("oh-from", "oh-eve", "oh-eve@example.com", 5.0)
    assert openhands.move_keys("oh-eve", DEFAULT_TEAM) == 1
    assert ledger.shown("/key/info", key=key)["info"]["team_id"] == DEFAULT_TEAM
    assert not openhands.has_key(key, "oh-eve", "oh-from")


def test_moving_out(openhands: OpenHands, ledger: Ledger) -> None:
    """Down to deletions that are repeated after a failure half-way."""
    key = openhands.provision("oh-out", "oh-fay", "oh-fay@example.com", 5.0)
    openhands.add_to_team("oh-fay", DEFAULT_TEAM, 5.0)
    openhands.move_keys("oh-fay", DEFAULT_TEAM)
    openhands.remove_member("oh-fay", "oh-out")
    openhands.delete_team("oh-out")
    openhands.delete_team("oh-out")
    assert openhands.team("oh-out") is None
    user = ledger.shown("/user/info", user_id="oh-fay")
    assert [team["team_id"] for team in user["teams"]] == [DEFAULT_TEAM]

    openhands.delete_key(key, cloud_alias("oh-fay", "oh-out"))
    openhands.delete_key(key, cloud_alias("oh-fay", "oh-out"))
    assert ledger.shown("/user/info", user_id="oh-fay")["keys"] == []


def test_somebody_who_left_is_removed_again(openhands: OpenHands) -> None:
    """It waits for 404, which LiteLLM never gave: 400 is kept for those who know it (D65)."""
    openhands.provision("oh-left", "oh-gus", "oh-gus@example.com", 5.0)
    openhands.remove_member("oh-gus", "oh-left")
    for team_id, says in (("oh-left", "User not found in team"), ("oh-none", "does not exist")):
        with pytest.raises(RefusedError, match=says) as refused:
            openhands.remove_member("oh-gus", team_id)
        assert refused.value.status == 400


def test_a_user_without_a_limit(openhands: OpenHands, ledger: Ledger) -> None:
    openhands.create_user("oh-hal@example.com", "oh-hal")
    openhands.update_user("oh-hal", max_budget=UNLIMITED)
    assert ledger.shown("/user/info", user_id="oh-hal")["user_info"]["max_budget"] == UNLIMITED


def test_a_user_is_deleted(openhands: OpenHands, ledger: Ledger) -> None:
    openhands.create_user("oh-ida@example.com", "oh-ida")
    openhands.delete_user("oh-ida")
    assert ledger.get("/user/info", user_id="oh-ida").status_code == 404


def test_a_key_is_verified(openhands: OpenHands) -> None:
    key = openhands.provision("oh-verify", "oh-jim", "oh-jim@example.com", 5.0)
    assert openhands.verifies(key)
    openhands.delete_key(key)
    assert not openhands.verifies(key)
