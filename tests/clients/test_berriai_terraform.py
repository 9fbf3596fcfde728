"""BerriAI's Terraform provider: apply, an empty plan, a change, destroy."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.berriai_terraform import (
    Config,
    Key,
    State,
    Team,
    TeamMember,
    TeamMemberAdd,
    headers,
    planned,
)
from tests.clients.wire import Connect, RefusedError, Wire
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

pytestmark = pytest.mark.clients
FULL: Config = {
    "team_alias": "Berri Full",
    "metadata": {"environment": "testing", "owner": "platform"},
    "tpm_limit": 100000,
    "rpm_limit": 1000,
    "max_budget": 500.0,
    "budget_duration": "30d",
    "models": ["gpt-4o", "gpt-4o-mini"],
    "blocked": True,
    "team_member_permissions": ["/key/generate", "/key/info"],
}


@pytest.fixture
def wire(connect: Connect) -> Wire:
    return connect(headers(MASTER_KEY))


@pytest.fixture
def team_id(ledger: Ledger) -> str:
    return str(ledger.done("/team/new", {"team_alias": "Berri Members"})["team_id"])


@pytest.fixture
def info(ledger: Ledger) -> Callable[[str], Any]:
    """The team as it is, which this provider does not see."""
    return lambda team_id: ledger.shown("/team/info", team_id=team_id)


def memberships(answer: Any) -> State:  # noqa: ANN401
    """Role and own budget of everybody who was put into a team."""
    roles = {m["user_id"]: m["role"] for m in answer["team_info"]["members_with_roles"]}
    tables = {m["user_id"]: m["litellm_budget_table"] for m in answer["team_memberships"]}
    return {
        user_id: (role, (tables.get(user_id) or {}).get("max_budget"))
        for user_id, role in roles.items()
        if user_id != "default_user_id"
    }


def test_a_full_team(wire: Wire, info: Callable[[str], Any]) -> None:
    team = Team(wire)
    state = team.create(FULL)
    assert planned(FULL, state) == {}
    assert planned(FULL, team.read(state)) == {}
    stored = info(state["id"])["team_info"]
    assert {name: stored[name] for name in FULL} == FULL

    changed = {**FULL, "team_alias": "Berri Changed", "max_budget": 750.0, "models": ["gpt-4o"]}
    changed |= {"metadata": {"environment": "live"}, "budget_duration": "7d"}
    changed |= {"team_member_permissions": ["/key/info"]}
    state = team.update(state, changed)
    assert planned(changed, state) == {}
    stored = info(state["id"])["team_info"]
    assert {name: stored[name] for name in changed} == changed

    team.delete(state)
    assert team.read(state) == {}


def test_a_minimal_team(wire: Wire) -> None:
    team = Team(wire)
    state = team.create({"team_alias": "Berri Minimal"})
    assert planned({"team_alias": "Berri Minimal"}, state) == {}


def test_permissions_are_taken_away(wire: Wire, info: Callable[[str], Any]) -> None:
    team = Team(wire)
    config = {"team_alias": "Berri Permissions", "team_member_permissions": ["/key/info"]}
    state = team.create(config)
    team.update(state, {"team_alias": "Berri Permissions"})
    assert info(state["id"])["team_info"]["team_member_permissions"] == []


def test_an_id_twice(wire: Wire) -> None:
    team_id = Team(wire).create(FULL)["id"]
    with pytest.raises(RefusedError, match="already exists") as refused:
        wire.post("/team/new", {"team_id": team_id, "team_alias": "Berri Again"})
    assert refused.value.status == 400


@pytest.mark.parametrize("budget", [None, 0.0, 100.0])
@pytest.mark.parametrize("email", ["", "berri-member@example.com"])
def test_a_member(
    wire: Wire, team_id: str, info: Callable[[str], Any], budget: float | None, email: str
) -> None:
    member = TeamMember(wire)
    user_id = f"berri-{bool(email)}"
    config = {"team_id": team_id, "user_id": user_id, "user_email": email, "role": "user"}
    config_1 = {**config, **({} if budget is None else {"max_budget_in_team": budget})}
    state = member.create(config_1)
    assert planned(config_1, state) == {}
    assert memberships(info(team_id)) == {user_id: ("user", budget)}

    config_2 = {**config, "role": "admin", "max_budget_in_team": 25.0}
    state = member.update(state, config_2)
    assert planned(config_2, state) == {}
    assert memberships(info(team_id)) == {user_id: ("admin", 25.0)}

    state = member.update(state, {**config, "role": "admin"})
    assert planned({**config, "role": "admin"}, state) == {}
    assert memberships(info(team_id)) == {user_id: ("admin", None)}

    member.delete(state)
    assert member.read(state) == {}
    assert memberships(info(team_id)) == {}


def test_a_batch_of_members(wire: Wire, team_id: str, info: Callable[[str], Any]) -> None:
    batch = TeamMemberAdd(wire)
    one = {"user_id": "berri-1", "user_email": "berri1@example.com", "role": "admin"}
    two = {"user_id": "berri-2", "user_email": "", "role": "user"}
    three = {"user_email": "berri3@example.com", "role": "user"}
    config: Config = {"team_id": team_id, "member": [one, two, three], "max_budget_in_team": 75.0}
    batch.create(config)
    made = memberships(info(team_id))
    assert sorted(made.values()) == [("admin", 75.0), ("user", 75.0), ("user", 75.0)]

    four = {"user_id": "berri-4", "role": "user"}
    changed: Config = {
        "team_id": team_id,
        "member": [{**one, "role": "user"}, three, four],
        "max_budget_in_team": 50.0,
    }
    batch.update(config, changed)
    made = memberships(info(team_id))
    assert (made["berri-1"], made["berri-4"]) == (("user", 50.0), ("user", 50.0))
    assert (len(made), "berri-2" in made) == (3, False)

    batch.update(changed, {**changed, "max_budget_in_team": None})
    assert set(memberships(info(team_id)).values()) == {("user", None)}
    batch.delete(changed)
    assert memberships(info(team_id)) == {}


def test_keys(wire: Wire, ledger: Ledger, team_id: str) -> None:
    key = Key(wire)
    config: Config = {
        "team_id": team_id,
        "key_alias": "berri-key",
        "models": ["gpt-4o"],
        "max_budget": 5.0,
        "budget_duration": "30d",
        "metadata": {"a": "b"},
        "tpm_limit": 10,
        "aliases": {"x": "y"},
    }
    state = key.create(config)
    assert planned(config, state) == {}
    changed = {**config, "max_budget": 6.0, "metadata": {"a": "c"}, "blocked": True}
    state = key.update(state, changed)
    shown = ledger.shown("/key/info", key=state["id"])["info"]
    # It always sends limits per model, which live in the metadata.
    metadata = {name: value for name, value in shown["metadata"].items() if value}
    assert {**{name: shown[name] for name in changed}, "metadata": metadata} == changed
    key.delete(state)
    assert key.read(state) == {}


@pytest.mark.parametrize(
    "blank",
    ["team_id", "budget_duration", "key_alias"],
)
def test_what_a_key_has_not_is_sent_as_nothing(
    wire: Wire, ledger: Ledger, team_id: str, blank: str
) -> None:
    """Two keys, each updated; LiteLLM's issue 40704 is about the team that "" becomes."""
    key = Key(wire)
    for number in (1, 2):
        alias = f"berri-{blank}-{number}"
        config = {"team_id": team_id, "budget_duration": "30d", "key_alias": alias}
        del config[blank]
        state = key.update(key.create({**config, "max_budget": 5.0}), {**config, "max_budget": 6.0})
        shown = ledger.shown("/key/info", key=state["id"])["info"]
        assert shown["max_budget"] == 6.0
        assert not shown[blank]
        assert {name: shown[name] for name in config} == config
