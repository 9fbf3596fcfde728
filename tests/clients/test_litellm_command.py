"""`litellm-proxy`, LiteLLM's own command, unmodified: what it prints and how it ends."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environment import COMMAND
from tests.clients.litellm_client import Ended, LiteLLM, environment
from tests.support.auditor import token
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]
VERSION = "1.82.2"


@pytest.fixture(scope="module")
def eve(ledger: Ledger) -> str:
    """The key of the admin of one of two teams."""
    key = ledger.user("command-eve", user_email="command-eve@example.com")
    team = {"team_id": "command-core", "team_alias": "Command Core", "max_budget": 250.0}
    ledger.done("/team/new", {**team, "models": ["gpt-4o", "gpt-4o-mini"]})
    ledger.done("/team/new", {"team_id": "command-edge"})
    member = {"user_id": "command-eve", "role": "admin"}
    ledger.done("/team/member_add", {"team_id": "command-core", "member": member})
    return key


def rows(ended: Ended) -> list[list[str]]:
    """The cells of a table, without its heading."""
    assert ended.exit == 0, ended.err
    lines = [line for line in ended.out.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def assert_refused(ended: Ended, status: int) -> Any:  # noqa: ANN401
    """It says the status and ends with 1; the body of the answer, as printed."""
    assert ended.exit == 1
    assert f"Error: HTTP {status}" in ended.err
    assert "Aborted!" in ended.err
    return json.loads(ended.out)


def test_the_executable_and_its_version(litellm: LiteLLM, eve: str, tmp_path: Path) -> None:
    assert eve
    argv = [str(COMMAND), "--base-url", litellm.url, "--api-key", MASTER_KEY, "teams", "list"]
    done = subprocess.run(
        argv, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False
    )
    assert rows(Ended(done.returncode, done.stdout, done.stderr)) == rows(
        litellm.run("teams", "list")
    )
    said = litellm.run("version")
    assert said.exit == 0
    assert f"LiteLLM Proxy CLI Version: {VERSION}\n" in said.out


def test_the_version_of_the_server(litellm: LiteLLM) -> None:
    assert f"LiteLLM Proxy Server Version: {VERSION}" in litellm.run("version").out


# Teams


CORE = ["Command Core", "command-core", "gpt-4o, gpt-4o-mini", "$250.0", "Member"]


def test_teams_list(litellm: LiteLLM, ledger: Ledger, eve: str) -> None:
    assert eve
    every = {row[2]: row for row in rows(litellm.run("teams", "list"))}
    assert every.keys() == {team["team_id"] for team in ledger.shown("/team/list")}
    assert every["command-core"][1:] == CORE
    assert every["command-edge"][1:5] == ["N/A", "command-edge", "All models", "Unlimited"]


def test_teams_list_of_a_user(litellm: LiteLLM, eve: str) -> None:
    """It cannot say who asks, and without that only administrators are told (team-api.md 3.5)."""
    refused = litellm.run("teams", "list", key=eve)
    assert refused.exit == 1
    assert "Error: Authentication failed. Check your API key." in refused.err


def test_teams_available(litellm: LiteLLM, ledger: Ledger, eve: str, offered: str) -> None:
    some = litellm.run("teams", "available", key=eve)
    assert "Available Teams to Join" in some.out
    assert [row[2] for row in rows(some)] == [offered]
    member = {"user_id": "command-eve", "role": "user"}
    ledger.done("/team/member_add", {"team_id": offered, "member": member}, eve)
    none = litellm.run("teams", "available", key=eve)
    assert (none.exit, "No available teams to join" in none.out) == (0, True)


def test_teams_assign_key(litellm: LiteLLM, ledger: Ledger, eve: str) -> None:
    key = ledger.key(user_id="command-eve")
    assigned = litellm.run("teams", "assign-key", "--team-id", "command-core", key=key)
    assert "Successfully assigned key to team: command-core" in assigned.out
    assert ledger.shown("/key/info", eve, key=key)["info"]["team_id"] == "command-core"

    with ledger.nothing_stored():
        refused = litellm.run("teams", "assign-key", "--team-id", "command-edge", key=key)
    assert refused.exit == 1
    assert "Error: Error updating key: " in refused.err
    assert ledger.shown("/key/info", key=key)["info"]["team_id"] == "command-core"


def test_teams_assign_key_of_a_user_ends_before_the_models(
    litellm: LiteLLM, ledger: Ledger, eve: str
) -> None:
    """As with LiteLLM: the key is assigned, then the command asks for all teams and is refused."""
    key = ledger.key(user_id="command-eve")
    assigned = litellm.run("teams", "assign-key", "--team-id", "command-core", key=key)
    assert (assigned.exit, "You can now access" in assigned.out) == (1, False)
    assert ledger.shown("/key/info", eve, key=key)["info"]["team_id"] == "command-core"


def test_teams_assign_key_of_an_administrator(litellm: LiteLLM, ledger: Ledger, eve: str) -> None:
    """Whoever sees all teams gets to the end."""
    assert eve
    ledger.user("command-root", "proxy_admin")
    member = {"user_id": "command-root", "role": "user"}
    ledger.done("/team/member_add", {"team_id": "command-edge", "member": member})
    key = ledger.key(user_id="command-root")
    assigned = litellm.run("teams", "assign-key", "--team-id", "command-edge", key=key)
    assert assigned.exit == 0, assigned.err
    assert "You can now access all available models" in assigned.out


def test_teams_with_an_unknown_key(litellm: LiteLLM) -> None:
    refused = litellm.run("teams", "list", key="sk-nobody-has-this")
    assert refused.exit == 1
    assert "Error: Authentication failed. Check your API key." in refused.err


# Keys


def test_the_life_of_a_key(litellm: LiteLLM, ledger: Ledger, eve: str) -> None:
    assert eve
    made = litellm.run(
        *("keys", "generate", "--models", "gpt-4o, gpt-4o-mini", "--aliases", '{"a": "b"}'),
        *("--duration", "24h", "--key-alias", "command-life", "--team-id", "command-core"),
        *("--user-id", "command-eve", "--config", '{"c": 1}'),
    ).json()
    info = ledger.shown("/key/info", key=made["key"])["info"]
    assert info["models"] == ["gpt-4o", "gpt-4o-mini"]
    for field in ("aliases", "key_alias", "team_id", "user_id", "config"):
        assert info[field] == made[field], field

    filters = ("--key-alias", "command-life", "--page", "1", "--size", "5")
    listed = litellm.run("keys", "list", *filters)
    assert "Showing 1 keys out of 1" in listed.out
    cells = [[made["token"], "command-life", "command-eve", "command-core", "0.0"]]
    assert rows(listed) == cells
    full = litellm.run("keys", "list", "--format", "json", *filters).json()
    assert full == ledger.shown("/key/list", key_alias="command-life", return_full_object="true")
    team = litellm.run("keys", "list", "--team-id", "command-core", "--include-team-keys")
    assert [row for row in rows(team) if row[1] == "command-life"] == cells

    gone = litellm.run("keys", "delete", "--keys", made["key"])
    assert gone.json() == {"deleted_keys": [made["key"]]}
    again = litellm.run("keys", "delete", "--key-aliases", "command-life")
    assert assert_refused(again, 404)["error"]["type"] == "not_found_error"


def test_a_refused_key(litellm: LiteLLM, ledger: Ledger) -> None:
    ledger.key(key_alias="command-taken")
    refused = litellm.run("keys", "generate", "--key-alias", "command-taken")
    said = assert_refused(refused, 400)["error"]["message"]
    assert "Key with alias 'command-taken' already exists" in said


def test_keys_are_imported(litellm: LiteLLM, ledger: Ledger) -> None:
    ledger.key(key_alias="command-import", user_id="command-eve")
    source = ("keys", "import", "--source-base-url", litellm.url, "--source-api-key", MASTER_KEY)
    total = ledger.shown("/key/list", size=1)["total_count"]
    with ledger.nothing_stored():
        rehearsed = litellm.run(*source, "--dry-run", "--created-since", "2020-01-01_00:00")
    assert f"Found {total} keys in source instance." in rehearsed.out
    assert "command-import" in [row[0] for row in rows(rehearsed)]
    assert "No keys found" in litellm.run(*source, "--created-since", "2999-01-01").out

    imported = litellm.run(*source)
    assert imported.exit == 0
    assert f"Total keys processed: {total}" in imported.out
    assert "Failed to import key command-import: 400 Client Error" in imported.err


# Users


def test_a_user_is_created_and_shown(litellm: LiteLLM, ledger: Ledger, eve: str) -> None:
    assert eve
    made = litellm.run(
        *("users", "create", "--email", "command-dan@example.com", "--role", "internal_user"),
        *("--alias", "Dan", "--max-budget", "7.5"),
    ).json()
    shown = litellm.run("users", "get", "--id", made["user_id"]).json()
    assert shown == ledger.shown("/user/info", user_id=made["user_id"])
    found = shown["user_info"]
    assert (found["user_alias"], found["max_budget"]) == ("Dan", 7.5)
    assert [key["token"] for key in shown["keys"]] == [token(made["key"])]


def test_a_user_is_created_in_teams(litellm: LiteLLM, eve: str) -> None:
    assert eve
    teams = ("--team", "command-core", "--team", "command-edge")
    made = litellm.run("users", "create", "--email", "command-fay@example.com", *teams).json()
    shown = litellm.run("users", "get", "--id", made["user_id"]).json()
    assert {team["team_id"] for team in shown["teams"]} == {"command-core", "command-edge"}


def test_a_user_nobody_knows(litellm: LiteLLM) -> None:
    unknown = litellm.run("users", "get", "--id", "command-nobody")
    assert (unknown.exit, unknown.out) == (1, "")
    assert "NotFoundError" in unknown.err


def test_users_list(litellm: LiteLLM, ledger: Ledger, eve: str) -> None:
    """The first page, as the service orders it; a long cell goes on in further lines."""
    assert eve
    listed = {row[0]: row for row in rows(litellm.run("users", "list")) if row[0]}
    users = ledger.shown("/user/list")["users"]
    assert list(listed) == [user["user_id"] for user in users]
    for user in users:
        cells = [str(user["user_id"]), str(user["user_email"]), str(user["user_role"])]
        assert listed[user["user_id"]][:3] == cells


def test_users_delete(litellm: LiteLLM, ledger: Ledger) -> None:
    for user_id in ("command-gone-1", "command-gone-2"):
        ledger.user(user_id)
    ended = litellm.run("users", "delete", "command-gone-1", "command-gone-2")
    assert ended.json() == 2
    assert ledger.get("/user/info", user_id="command-gone-1").status_code == 404


# Raw requests


def test_http_requests(litellm: LiteLLM, ledger: Ledger) -> None:
    body = json.dumps({"team_id": "command-raw", "team_alias": "Raw"})
    header = ("-H", "litellm-changed-by: the pipeline")
    made = litellm.run("http", "request", "POST", "/team/new", "-j", body, *header)
    assert made.json()["team_alias"] == "Raw"
    (entry,) = ledger.shown("/audit", object_id="command-raw")["audit_logs"]
    assert entry["on_behalf_of"] == "the pipeline"
    shown = litellm.run("http", "request", "GET", "/team/info?team_id=command-raw")
    assert shown.json() == ledger.shown("/team/info", team_id="command-raw")
    missing = litellm.run("http", "request", "GET", "/team/info?team_id=command-none")
    assert "command-none" in json.dumps(assert_refused(missing, 404))
