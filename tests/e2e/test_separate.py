"""Commands and reads in processes of their own, read models in a database of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import pytest

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from tests.support.command_line import command
from tests.support.oracle import assert_projected
from tests.support.postgres import fresh_database
from tests.support.service import MASTER_KEY, ROOT_KEY, ServiceProcess, Start, on_database

pytestmark = pytest.mark.scale
PREVIOUS = "sk-1234-before"


@dataclass(frozen=True, slots=True)
class Sides:
    commands: ServiceProcess
    reads: ServiceProcess
    url: str
    read_url: str


@pytest.fixture(scope="module")
def sides(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Sides]:
    with fresh_database(postgres_server) as url, fresh_database(postgres_server) as read_url:
        quiet = {"TEAMLEDGER_ALERT_THRESHOLDS": "1000"}  # no facts but those that are asked for
        keys = {"TEAMLEDGER_PREVIOUS_MASTER_KEY": PREVIOUS}
        commands = start_service(on_database(url) | quiet | keys, ready=False, role="command")
        reads = start_service(on_database(url, read_url) | keys, ready=False, role="projection")
        for service in (commands, reads):
            service.wait_until_ready()
        yield Sides(commands, reads, url, read_url)
        assert [service.stop() for service in (commands, reads)] == [0, 0]


def test_what_one_side_acknowledged_the_other_shows_at_once(sides: Sides) -> None:
    """Facts, usage, and decisions made of both."""
    with sides.commands.client() as writer, sides.reads.client() as reader:
        made = writer.post("/key/generate", json={"key_type": "gateway", "key_alias": "eu"})
        gateway = {"Authorization": f"Bearer {made.json()['key']}"}
        for team_id in (f"team {number}" for number in range(10)):
            body = {"team_id": team_id, "team_alias": "a", "max_budget": 1}
            assert writer.post("/team/new", json=body).status_code == 200
            told = reader.get("/team/info", params={"team_id": team_id}).json()
            assert told["team_info"]["team_alias"] == "a"
            key = writer.post("/key/generate", json={"team_id": team_id}).json()["key"]
            asked = {"key": key, "model": "gpt-4o"}
            assert reader.post("/v1/decide", json=asked, headers=gateway).json()["allowed"]
            used = {**asked, "id": team_id, "cost": 1.5, "started_at": now()}
            assert writer.post("/v1/usage", json=used, headers=gateway).status_code == 200
            assert not reader.post("/v1/decide", json=asked, headers=gateway).json()["allowed"]
            told = reader.get("/team/info", params={"team_id": team_id}).json()
            assert told["team_info"]["spend"] == 1.5
    assert_projected(sides.url, sides.read_url)


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_each_side_answers_only_what_is_its_own(sides: Sides) -> None:
    with sides.commands.client() as commands, sides.reads.client() as reads:
        assert commands.get("/team/list").status_code == 404
        assert reads.post("/team/new", json={}).status_code == 404
        assert commands.get("/health/liveliness").json() == "I'm alive!"
        assert commands.get("/openapi.json").json() == reads.get("/openapi.json").json()


def test_both_take_the_master_key_of_before(sides: Sides) -> None:
    with sides.commands.client(PREVIOUS) as commands, sides.reads.client(PREVIOUS) as reads:
        team = {"team_id": "made by the key before", "team_alias": "a"}
        assert commands.post("/team/new", json=team).status_code == 200
        assert reads.get("/team/info", params={"team_id": team["team_id"]}).status_code == 200
    with sides.commands.client("sk-1234-another") as commands:
        assert commands.post("/team/new", json=team).status_code == 401
    with sides.reads.client("sk-1234-another") as reads:
        assert reads.get("/team/list").status_code == 401


def test_each_side_tells_how_everything_stands(sides: Sides) -> None:
    with sides.commands.client() as commands, sides.reads.client() as reads:
        told, of_reads = commands.get("/v1/status").json(), reads.get("/v1/status").json()
        assert (told["kind"], of_reads["kind"]) == ("command", "projection")
        assert (told["projections"], len(of_reads["projections"])) == ([], 1)
        assert told["migrations"].keys() < of_reads["migrations"].keys()
        by = {}
        for role in ("internal_user", "proxy_admin_viewer"):
            made = commands.post("/user/new", json={"user_id": role, "user_role": role})
            by[role] = {"Authorization": f"Bearer {made.json()['key']}"}
        for side in (commands, reads):
            viewed = side.get("/v1/status", headers=by["proxy_admin_viewer"])
            assert viewed.status_code == 200
            refused = side.get("/v1/status", headers=by["internal_user"])
            assert refused.status_code == 403
            assert refused.headers["content-type"] == "application/problem+json"


def test_read_models_are_in_their_database_alone(sides: Sides) -> None:
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname IN ('events', 'usage', 'ops', 'read')"
    found = {}
    for url in (sides.url, sides.read_url):
        with psycopg.connect(owner_conninfo(url)) as conn:
            found[url] = {name for (name,) in conn.execute(schemas)}
    assert found == {sides.url: {"events", "usage", "ops"}, sides.read_url: {"read"}}


def test_they_are_rebuilt_there(sides: Sides) -> None:
    env = {"TEAMLEDGER_MASTER_KEY": MASTER_KEY, **on_database(sides.url, sides.read_url)}
    done = command("rebuild", **env)
    assert done.returncode == 0, done.stderr
    assert_projected(sides.url, sides.read_url)


@pytest.mark.parametrize("role", ["command", "projection"])
def test_without_a_database_to_share_none_starts(role: str) -> None:
    refused = command(role, TEAMLEDGER_MASTER_KEY="sk-1234567", TEAMLEDGER_ROOT_KEY=ROOT_KEY)
    assert refused.returncode == 2
    assert "TEAMLEDGER_DATABASE_URL is not set" in refused.stderr
