"""`teamledger demo` against a running service: what it claims is what the API then lists."""

import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import Result

from services.cli.company import MARKER, script_of
from services.cli.company.performance import Performance
from services.cli.ledger_client import connect
from services.database.embedded import EmbeddedServer
from services.database.secrets import load_secrets
from services.settings import load_settings
from tests.support.auditor import KEY_TABLE, TEAM_TABLE, USER_TABLE
from tests.support.cli import invoked
from tests.support.ledger import Ledger, running_ledger
from tests.support.postgres import open_directory
from tests.support.service import MASTER_KEY, Start, free_port

pytestmark = pytest.mark.scale  # whole companies, again and again
SEED = 7
HALF_WAY = 250


def demo(ledger: Ledger, *arguments: str, key: str = MASTER_KEY) -> Result:
    return invoked("demo", "--url", ledger.service.base_url, "--key", key, *arguments)


def summary_of(result: Result) -> Any:  # noqa: ANN401
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def summary(ledger: Ledger) -> Any:  # noqa: ANN401
    return summary_of(demo(ledger, "--json"))


@pytest.fixture(scope="module")
def teams(ledger: Ledger, summary: Any) -> list[Any]:  # noqa: ANN401
    assert summary["made"] is True
    found: list[Any] = ledger.shown("/team/list")
    return found


def total(ledger: Ledger, **query: str) -> int:
    return int(ledger.shown("/audit", page_size=1, **query)["total"])


# What it makes


def test_it_is_a_company_of_some_size(summary: Any) -> None:  # noqa: ANN401
    assert len(summary["teams"]) == 12
    assert summary["people"] >= 150
    assert summary["seed"] == SEED


def test_the_teams_are_those_that_the_api_lists(summary: Any, teams: list[Any]) -> None:  # noqa: ANN401
    listed = {team["team_id"]: team for team in teams}
    assert listed.keys() == {team["team_id"] for team in summary["teams"]}
    for team in summary["teams"]:
        found = listed[team["team_id"]]
        roles = [member["role"] for member in found["members_with_roles"]]
        counts = (len(roles), roles.count("admin"), len(found["keys"]))
        assert (team["members"], team["admins"], team["keys"]) == counts
        for name in ("team_alias", "models", "max_budget", "budget_duration", "blocked"):
            assert team[name] == found[name]


def test_what_was_made_and_ended_is_in_the_audit_log(ledger: Ledger, summary: Any) -> None:  # noqa: ANN401
    made = summary["calls"]
    for table, count in (
        (USER_TABLE, summary["people"]),
        (TEAM_TABLE, made["/team/new"]),
        (KEY_TABLE, made["/key/generate"]),
    ):
        assert total(ledger, table_name=table, action="created") == count
    deleted = ledger.shown("/v2/team/list", status="deleted")["teams"]
    assert [team["team_id"] for team in deleted] == summary["gone_teams"]
    assert total(ledger, table_name=TEAM_TABLE, action="deleted") == 1


def test_people_look_like_people(ledger: Ledger, teams: list[Any]) -> None:
    members = [member for team in teams for member in team["members_with_roles"]]
    addresses = {member["user_id"]: member["user_email"] for member in members}
    assert len(addresses) >= 145
    assert len(set(addresses.values())) == len(addresses)
    assert [a for a in addresses.values() if not a.endswith("@example.com")] == []
    in_several = [n for n in Counter(m["user_id"] for m in members).values() if n > 1]
    assert len(in_several) >= 20
    user_id = members[0]["user_id"]
    own = ledger.shown("/v2/team/list", user_id=user_id)["teams"]
    assert [team["team_id"] for team in own] == [
        team["team_id"]
        for team in sorted(teams, key=lambda team: str(team["created_at"]), reverse=True)
        if user_id in {m["user_id"] for m in team["members_with_roles"]}
    ]


def test_teams_differ_in_what_they_have(teams: list[Any]) -> None:
    own = [m for t in teams for m in t["team_memberships"] if m["litellm_budget_table"]]
    assert len({m["budget_id"] for m in own}) >= 12
    assert len({team["budget_duration"] for team in teams}) >= 4
    assert len([team for team in teams if team["litellm_model_table"]]) >= 2
    assert len([team for team in teams if team["rpm_limit"]]) >= 3
    assert [team["team_id"] for team in teams if team["blocked"]] == ["halden-contractors"]
    keys = [key for team in teams for key in team["keys"]]
    assert len([key for key in keys if key["user_id"] is None]) >= 9
    assert len([key for key in keys if key["blocked"]]) == 1
    assert all(team["metadata"]["description"] for team in teams)


def test_the_history_has_something_to_tell(ledger: Ledger, summary: Any) -> None:  # noqa: ANN401
    entries: list[Any] = []
    while len(entries) < total(ledger):
        page = len(entries) // 100 + 1
        entries += ledger.shown("/audit", page_size=100, page=page)["audit_logs"]
    assert {entry["command"] for entry in entries} == {
        *("CreateUser", "GenerateKey", "BlockKey", "UnblockKey", "DeleteKey"),
        *("CreateTeam", "UpdateTeam", "BlockTeam", "UnblockTeam", "DeleteTeam"),
        *("AddMember", "UpdateMember", "RemoveMember"),
    }
    assert len({entry["actor"] for entry in entries}) >= 12
    claimed = {entry["id"] for entry in entries if entry["on_behalf_of"]}
    assert len(claimed) >= summary["claims"]
    assert {e["changed_by"] for e in entries if e["id"] in claimed} <= {
        e["on_behalf_of"] for e in entries
    }
    budgets = [
        entry["updated_values"]["max_budget"]
        for entry in sorted(entries, key=lambda entry: int(entry["position"]))
        if entry["object_id"] == MARKER.team_id and "max_budget" in entry["updated_values"]
    ]
    assert budgets == [4000.0, 5000.0, 6500.0]


# Again


def test_a_second_run_changes_nothing(ledger: Ledger, summary: Any) -> None:  # noqa: ANN401
    with ledger.nothing_stored():
        again = demo(ledger, "--json")
    assert summary_of(again) == {**summary, "made": False}
    assert again.stderr == ""


def test_the_table_and_what_to_try(ledger: Ledger, summary: Any) -> None:  # noqa: ANN401
    shown = demo(ledger)
    assert shown.exit_code == 0
    assert "The demo company of --seed 7 is there already." in shown.stdout
    assert [t["team_id"] for t in summary["teams"] if t["team_id"] not in shown.stdout] == []
    assert "Contractor Sandbox (blocked)" in shown.stdout
    lines = [line for line in shown.stdout.splitlines() if line.startswith("  curl ")]
    assert len(lines) == 3
    for line in lines:
        url = line.split("'")[1]
        assert ledger.get(url.removeprefix(ledger.service.base_url)).status_code == 200


def test_another_company_finds_no_room(ledger: Ledger, summary: Any) -> None:  # noqa: ANN401
    assert summary["made"] is True
    with ledger.nothing_stored():
        assert_explained(demo(ledger, "--seed", "8"), "there already, of --seed 7")


# Interrupted, forgotten, deleted


@pytest.fixture(scope="module")
def stored_key() -> Iterator[tuple[Path, str]]:
    """A data directory with the master key that a service has made there."""
    with open_directory() as parent:
        path = parent / "data"
        yield path, load_secrets(load_settings({"data_dir": path})).master_key


@pytest.fixture(scope="module")
def other(
    postgres_server: EmbeddedServer, start_service: Start, stored_key: tuple[Path, str]
) -> Iterator[Ledger]:
    """A service where a run came half-way, whose answers it has forgotten since."""
    env = {"TEAMLEDGER_MASTER_KEY": stored_key[1], "TEAMLEDGER_COMPAT": "strict"}
    with running_ledger(postgres_server, start_service, **env) as running:
        client = connect(running.service.base_url, stored_key[1])
        calls = script_of(SEED)[:HALF_WAY]
        assert len(list(Performance(client, 0).run(calls))) == HALF_WAY
        client.http.close()
        running.database.execute("DELETE FROM ops.idempotency")
        yield running


def test_an_interrupted_run_is_completed(
    summary: Any,  # noqa: ANN401
    other: Ledger,
    stored_key: tuple[Path, str],
) -> None:
    port = other.service.base_url.rpartition(":")[2]
    env = {"TEAMLEDGER_DATA_DIR": str(stored_key[0]), "TEAMLEDGER_PORT": port}
    completed = summary_of(invoked("demo", "--json", **env))
    assert completed == {**summary, "url": other.service.base_url}


def test_a_deleted_company_can_be_made_again(
    summary: Any,  # noqa: ANN401
    other: Ledger,
    stored_key: tuple[Path, str],
) -> None:
    team_ids = [team["team_id"] for team in summary["teams"]]
    other.done("/team/delete", {"team_ids": team_ids}, stored_key[1])
    again = summary_of(demo(other, "--json", key=stored_key[1]))
    assert again == {**summary, "url": other.service.base_url}


# Refusals: status 2 and one line


def assert_explained(result: Result, says: str) -> None:
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert MASTER_KEY not in result.stderr


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ("internal_user", "the key is not a proxy admin's"),
        ("proxy_admin_viewer", "the key is not a proxy admin's"),
        (None, "the service does not accept the key: Authentication Error, Invalid proxy server"),
    ],
)
def test_keys_that_will_not_do(
    other: Ledger, stored_key: tuple[Path, str], role: str | None, says: str
) -> None:
    key = "sk-unknown"
    if role is not None:
        user = {"user_id": role, "user_role": role}
        key = other.done("/user/new", user, stored_key[1])["key"]
    before = other.stored()
    assert_explained(demo(other, key=key), says)
    assert other.stored() == before


def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert_explained(invoked("demo", "--url", url, "--key", MASTER_KEY), f"no answer from {url}")


@pytest.mark.parametrize("url", ["127.0.0.1:4000", "http://", "ftp://127.0.0.1", "http://[::1"])
def test_no_address(url: str) -> None:
    assert_explained(
        invoked("demo", "--url", url, "--key", MASTER_KEY), "is no address of a service"
    )


def test_no_key(tmp_path: Path) -> None:
    result = invoked("demo", TEAMLEDGER_DATA_DIR=str(tmp_path / "data"))
    assert_explained(result, "master.key does not exist: set TEAMLEDGER_MASTER_KEY")
    assert list(tmp_path.iterdir()) == []


class Unavailable(BaseHTTPRequestHandler):
    """Answers every request 503, to be repeated at once."""

    asked: int = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        body = b'{"error": {"message": "the queue is full; outcome: not executed"}}'
        self.send_response(503)
        self.send_header("retry-after", "0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_a_service_that_stays_unavailable() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Unavailable) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        result = invoked("demo", "--url", url, "--key", MASTER_KEY)
        server.shutdown()
    assert_explained(result, "/team/delete answered 503: the queue is full")
    assert Unavailable.asked == 5
