"""ncecere's Terraform provider: apply, an empty plan, a change, destroy."""

import pytest

from tests.clients.ncecere_terraform import (
    Config,
    Key,
    Team,
    TeamBlock,
    TeamMember,
    TeamMemberAdd,
    headers,
    planned,
    teams,
)
from tests.clients.wire import Connect, Wire
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

pytestmark = pytest.mark.clients
PIPELINE = "terraform-pipeline"
# Its own example with every attribute; permissions, empty there, are a test of their own.
FULL: Config = {
    "team_alias": "Ncecere Full",
    "max_budget": 500.0,
    "tpm_limit": 100000,
    "rpm_limit": 1000,
    "tpm_limit_type": "guaranteed_throughput",
    "rpm_limit_type": "guaranteed_throughput",
    "budget_duration": "30d",
    "blocked": False,
    "models": ["gpt-4o", "gpt-4o-mini"],
    "guardrails": [],
    "prompts": [],
    "team_member_permissions": ["/key/info", "/key/generate"],
    "team_member_budget": 50.0,
    "team_member_rpm_limit": 100,
    "team_member_tpm_limit": 10000,
    "metadata": {"environment": "testing", "replicas": "3", "flags": '{"beta": true}'},
    "model_aliases": {"fast": "gpt-4o-mini"},
    "model_rpm_limit": {"gpt-4o": 500},
    "model_tpm_limit": {"gpt-4o": 50000},
}


@pytest.fixture
def wire(connect: Connect) -> Wire:
    return connect(headers(MASTER_KEY, PIPELINE))


@pytest.fixture
def team_id(ledger: Ledger) -> str:
    return str(ledger.done("/team/new", {"team_alias": "Ncecere Members"})["team_id"])


def test_a_full_team(wire: Wire, ledger: Ledger) -> None:
    team = Team(wire)
    state = team.create(FULL)
    assert planned(FULL, state) == {}
    assert planned(FULL, team.read(state)) == {}
    shown = ledger.shown("/team/info", team_id=state["id"])["team_info"]
    assert (shown["metadata"]["replicas"], shown["metadata"]["flags"]) == (3, {"beta": True})
    (entry,) = ledger.shown("/audit", object_id=state["id"])["audit_logs"]
    assert entry["on_behalf_of"] == PIPELINE

    changed = {**FULL, "team_alias": "Ncecere Changed", "models": ["gpt-4o"], "tpm_limit": 0}
    changed |= {"metadata": {"environment": "live"}, "team_member_budget": 60.0, "blocked": True}
    changed |= {"team_member_permissions": ["/key/info"], "model_rpm_limit": {"gpt-4o": 1}}
    state = team.update(state, changed)
    assert planned(changed, state) == {}
    assert planned(changed, team.read(state)) == {}

    team.delete(state)
    assert team.read(state) == {}
    team.delete(state)


CLEARABLE = (
    *("max_budget", "budget_duration", "tpm_limit", "rpm_limit"),
    *("team_member_budget", "team_member_rpm_limit", "team_member_tpm_limit"),
)


@pytest.mark.parametrize("gone", [*((name,) for name in CLEARABLE), CLEARABLE])
def test_what_is_removed_is_cleared(wire: Wire, ledger: Ledger, gone: tuple[str, ...]) -> None:
    team = Team(wire)
    state = team.create(FULL)
    config = {name: value for name, value in FULL.items() if name not in gone}
    state = team.update(state, config)
    assert planned(config, state) == {}
    shown = ledger.shown("/team/info", team_id=state["id"])["team_info"]
    table = shown["team_member_budget_table"] or {}
    members = {"team_member_budget": "max_budget"}
    for name in gone:
        place, field = (shown, name)
        if name.startswith("team_member_"):
            place, field = table, members.get(name, name.removeprefix("team_member_"))
        assert place.get(field) is None, name


def test_a_minimal_team(wire: Wire) -> None:
    """What is left out is the service's to decide: nothing to plan."""
    team = Team(wire)
    config: Config = {"team_alias": "Ncecere Minimal"}
    state = team.create(config)
    assert planned(config, state) == {}
    assert planned(config, team.update(state, config)) == {}


def test_a_team_with_an_empty_list_of_permissions(wire: Wire) -> None:
    """As in its own example of a full team."""
    config: Config = {"team_alias": "Ncecere Empty", "team_member_permissions": []}
    assert planned(config, Team(wire).create(config)) == {}


def test_fallbacks(wire: Wire) -> None:
    team = Team(wire)
    entry = {"model": "gpt-4o", "fallback_models": ["gpt-4o-mini", "other"]}
    settings = {"fallbacks": [entry], "context_window_fallbacks": None}
    config: Config = {"team_alias": "Ncecere Fallbacks", "router_settings": settings}
    state = team.create(config)
    assert planned(config, state) == {}
    config_2: Config = {"team_alias": "Ncecere Fallbacks"}
    state = team.update(state, config_2)
    assert planned(config_2, state) == {}


def test_an_id_of_ones_own_and_the_list(wire: Wire) -> None:
    team = Team(wire)
    config: Config = {"team_id": "ncecere-own", "team_alias": "Ncecere Own"}
    state = team.create(config)
    assert planned(config, state) == {}
    assert state["id"] == "ncecere-own"
    assert "ncecere-own" in [found["team_id"] for found in teams(wire)]
    assert teams(wire, "no-such-organization") == []


def test_teams_of_an_organization(wire: Wire) -> None:
    organization = wire.post("/organization/new", {"organization_alias": "ncecere"})
    config = {"team_alias": "Ncecere Org", "organization_id": organization["organization_id"]}
    state = Team(wire).create(config)
    assert planned(config, state) == {}
    assert [t["team_id"] for t in teams(wire, config["organization_id"])] == [state["id"]]


# Members


def budget_of(ledger: Ledger, config: Config) -> float | None:
    answer = ledger.shown("/team/info", team_id=config["team_id"])
    (found,) = (m for m in answer["team_memberships"] if m["user_id"] == config["user_id"])
    budget: float | None = (found["litellm_budget_table"] or {}).get("max_budget")
    return budget


def test_a_member(wire: Wire, ledger: Ledger, team_id: str) -> None:
    member = TeamMember(wire)
    config: Config = {
        "team_id": team_id,
        "user_id": "ncecere-member",
        "user_email": "ncecere-member@example.com",
        "role": "admin",
        "max_budget_in_team": 100.0,
    }
    member.create(config)
    assert budget_of(ledger, config) == 100.0
    # An apply that was cut off is repeated: the service says that the member is there.
    member.create(config)
    changed = {**config, "max_budget_in_team": 0.0}
    member.update(config, changed)
    assert budget_of(ledger, config) == 0.0
    without = {name: value for name, value in config.items() if name != "max_budget_in_team"}
    member.update(changed, without)
    assert budget_of(ledger, config) is None
    (entry,) = (
        m
        for m in ledger.shown("/team/info", team_id=team_id)["team_info"]["members_with_roles"]
        if m["user_id"] == "ncecere-member"
    )
    assert entry == {
        "user_id": "ncecere-member",
        "user_email": "ncecere-member@example.com",
        "role": "admin",
    }
    member.delete(without)


def test_a_member_with_a_duration(wire: Wire, ledger: Ledger, team_id: str) -> None:
    config = {
        "team_id": team_id,
        "user_id": "ncecere-duration",
        "user_email": "",
        "role": "user",
        "max_budget_in_team": 10.0,
        "budget_duration": "30d",
    }
    TeamMember(wire).create(config)
    answer = ledger.shown("/team/info", team_id=team_id)
    (found,) = (m for m in answer["team_memberships"] if m["user_id"] == "ncecere-duration")
    assert found["litellm_budget_table"]["budget_duration"] == "30d"


def test_a_batch_of_members(wire: Wire, ledger: Ledger, team_id: str) -> None:
    batch = TeamMemberAdd(wire)
    config: Config = {
        "team_id": team_id,
        "max_budget_in_team": 75.0,
        "member": [
            {"user_id": "batch-1", "user_email": "batch1@example.com", "role": "admin"},
            {"user_id": "batch-2", "user_email": "batch2@example.com", "role": "user"},
            {"user_email": "batch3@example.com", "role": "user"},
        ],
    }
    made = batch.create(config)
    assert [member["role"] for member in made] == ["admin", "user", "user"]
    assert batch.read({**config, "member": made}) == made
    batch.delete(config, made)
    left = ledger.shown("/team/info", team_id=team_id)
    roster = [m["user_id"] for m in left["team_info"]["members_with_roles"]]
    assert roster == ["default_user_id"]
    assert [m["user_id"] for m in left["team_memberships"]] in ([], ["default_user_id"])


def test_a_block(wire: Wire, ledger: Ledger, team_id: str) -> None:
    block = TeamBlock(wire)
    assert not block.exists(team_id)
    block.create(team_id)
    assert block.exists(team_id)
    block.delete(team_id)
    assert not block.exists(team_id)
    block.create(team_id)
    ledger.done("/team/delete", {"team_ids": [team_id]})
    assert not block.exists(team_id)
    block.delete(team_id)


# Keys


def test_a_key(wire: Wire, team_id: str) -> None:
    key = Key(wire)
    config: Config = {
        "team_id": team_id,
        "key_alias": "ncecere-key",
        "max_budget": 50.0,
        "budget_duration": "30d",
        "tpm_limit": 1000,
        "rpm_limit": 10,
        "max_parallel_requests": 5,
        "metadata": {"environment": "testing"},
        "aliases": {"fast": "gpt-4o-mini"},
        "models": ["gpt-4o"],
        "blocked": False,
        "allowed_routes": ["/v1/chat/completions"],
    }
    state = key.create(config)
    assert planned(config, {n: v for n, v in state.items() if n != "key"}) == {}
    changed = {**config, "max_budget": 60.0, "models": ["gpt-4o", "gpt-4o-mini"]}
    changed |= {"metadata": {"environment": "live"}, "blocked": True, "rpm_limit": 0}
    state = key.update(state, changed)
    assert planned(changed, {n: v for n, v in state.items() if n != "key"}) == {}
    key.delete(state)
    assert key.read(state) == {}
    key.delete(state)


def test_a_key_with_the_models_of_its_team(wire: Wire, ledger: Ledger, team_id: str) -> None:
    state = Key(wire).create({"team_id": team_id})
    assert ledger.shown("/key/info", key=state["key"])["info"]["models"] == ["all-team-models"]


def test_a_key_of_a_service_account(wire: Wire, team_id: str) -> None:
    """The route that a service account takes; the key has no user."""
    body = {"team_id": team_id, "key_alias": "ncecere-sa", "models": ["all-team-models"]}
    body_2 = {**body, "metadata": {"service_account_id": "ncecere-sa"}}
    made = wire.post("/key/service-account/generate", body_2)
    assert (made["user_id"], made["team_id"]) == (None, team_id)
