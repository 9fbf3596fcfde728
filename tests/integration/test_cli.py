"""The command line: what it prints, what it refuses, and that it leaves a service in peace."""

import base64
import json
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from services.database.embedded import EmbeddedServer
from services.database.migrations import migrate
from services.database.schemas import EVENT_MIGRATIONS, prepare_database
from services.database.service_role import ensure_service_role
from services.database.vault import root_fingerprint
from tests.support.command_line import command, environment, invoked, line
from tests.support.postgres import open_directory
from tests.support.service import MASTER_KEY, ROOT_KEY, ServiceProcess, Start, free_port

COMMANDS = ("serve", "replay", "rebuild", "reconcile", "backup", "restore", "demo")
ODD_TEAM = "[/b] :smile: [red]"
ODD_USER = "esc\u001b[31m\u009b31m\u202euser"
NO_SERVER = "postgresql://127.0.0.1:1/none"
BOTH_KEYS = {"TEAMLEDGER_MASTER_KEY": MASTER_KEY, "TEAMLEDGER_ROOT_KEY": ROOT_KEY}


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with open_directory() as parent:
        yield parent / "data"


@pytest.fixture(scope="module")
def service(data_dir: Path, start_service: Start) -> ServiceProcess:
    """With a history: two teams, three users, two actors."""
    started = start_service({"TEAMLEDGER_DATA_DIR": str(data_dir)})
    with started.client() as http:
        ann = {"user_id": "ann", "user_email": "ann@example.com", "role": "admin"}
        post(http, "/team/new", {"team_id": "core", "members_with_roles": [ann]})
        post(http, "/team/update", {"team_id": "core", "max_budget": 5})
        post(http, "/team/new", {"team_id": ODD_TEAM, "team_alias": ODD_TEAM})
        key = post(http, "/key/generate", {"user_id": "ann", "team_id": "core"})["key"]
    with started.client(key) as http:
        odd = {"user_id": ODD_USER, "role": "user"}
        post(http, "/team/member_add", {"team_id": "core", "member": odd})
    return started


def post(http: httpx.Client, path: str, body: object) -> Any:  # noqa: ANN401
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def replayed(data_dir: Path, *arguments: str) -> list[Any]:
    result = invoked("replay", "--json", *arguments, TEAMLEDGER_DATA_DIR=str(data_dir))
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def types(facts: list[Any]) -> list[str]:
    return [fact["type"] for fact in facts]


def test_help_and_version() -> None:
    helped, versioned = command("--help"), command("--version")
    assert (helped.returncode, versioned.returncode) == (0, 0)
    assert [name for name in COMMANDS if name not in helped.stdout] == []
    assert versioned.stdout == f"teamledger {version('teamledger')}\n"


# replay, while the service is up


def test_replay_shows_every_event_in_order(service: ServiceProcess, data_dir: Path) -> None:
    assert service.process.poll() is None
    facts = replayed(data_dir)
    with psycopg.connect(EmbeddedServer(data_dir).conninfo()) as conn:
        stored = conn.execute(
            "SELECT notification_id, originator_id, originator_version, topic "
            "FROM events.stored_events ORDER BY notification_id"
        ).fetchall()
    shown = [(f["position"], f["stream"], f["version"], f["type"]) for f in facts]
    assert shown == stored
    assert [f["position"] for f in facts] == list(range(1, len(facts) + 1))
    assert [f["recorded_at"] for f in facts] == sorted(f["recorded_at"] for f in facts)


def test_replay_of_one_team_or_stream(service: ServiceProcess, data_dir: Path) -> None:
    assert service.process.poll() is None
    core = replayed(data_dir, "core")
    assert types(core) == [
        *("team.created", "team.member_added", "team.member_added"),
        *("team.budget_changed", "team.member_added"),
    ]
    assert replayed(data_dir, "--stream", "team-core") == core
    assert types(replayed(data_dir, ODD_TEAM)) == ["team.created", "team.member_added"]
    assert types(replayed(data_dir, "--stream", f"user-{ODD_USER}")) == ["user.created"]
    assert replayed(data_dir, "cor") == []


def test_replay_by_type_actor_and_time(service: ServiceProcess, data_dir: Path) -> None:
    assert service.process.poll() is None
    everything = replayed(data_dir)
    two = ("--type", "team.created", "--type", "team.budget_changed")
    assert types(replayed(data_dir, *two)) == [
        "team.created",
        "team.budget_changed",
        "team.created",
    ]
    by_ann = replayed(data_dir, "--actor", "ann")
    assert types(by_ann) == ["user.created", "team.member_added"]
    assert {fact["command"] for fact in by_ann} == {"AddMember"}
    moment = replayed(data_dir, "--type", "team.budget_changed")[0]["recorded_at"]
    since, until = replayed(data_dir, "--since", moment), replayed(data_dir, "--until", moment)
    assert since == [fact for fact in everything if fact["recorded_at"] >= moment]
    assert until == [fact for fact in everything if fact["recorded_at"] <= moment]
    assert 0 < len(since) < len(everything) > len(until) > 0
    both = replayed(data_dir, "core", "--since", moment, "--actor", "ann")
    assert types(both) == ["team.member_added"]
    assert replayed(data_dir, "--until", "2000-01-01") == []


def test_the_table_shows_names_as_they_are(service: ServiceProcess, data_dir: Path) -> None:
    assert service.process.poll() is None
    result = invoked("replay", TEAMLEDGER_DATA_DIR=str(data_dir))
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"team-{ODD_TEAM}" in result.stdout
    assert r"user-esc\x1b[31m\x9b31m\u202euser" in result.stdout
    assert {c for c in result.stdout if not c.isprintable()} == {"\n"}
    empty = invoked("replay", "nothing", TEAMLEDGER_DATA_DIR=str(data_dir))
    assert (empty.exit_code, empty.stdout) == (0, "no facts match\n")


def test_personal_data_and_secrets_stay_sealed(service: ServiceProcess, data_dir: Path) -> None:
    assert service.process.poll() is None
    for arguments in ("replay",), ("replay", "--json"):
        shown = invoked(*arguments, TEAMLEDGER_DATA_DIR=str(data_dir)).stdout
        assert [s for s in ("ann@example.com", MASTER_KEY, "127.0.0.1") if s in shown] == []


# rebuild, while the service is up and written to


def test_rebuild_while_answers_stay_right(service: ServiceProcess, data_dir: Path) -> None:
    env = environment(TEAMLEDGER_DATA_DIR=str(data_dir))
    written = 0
    with (
        service.client() as http,
        subprocess.Popen(
            line("rebuild"), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        while process.poll() is None:
            written += 1
            body = {"team_id": "core", "max_budget": 100 + written}
            assert post(http, "/team/update", body)["data"]["max_budget"] == 100 + written
            shown = http.get("/team/info", params={"team_id": "core"}).json()
            assert shown["team_info"]["max_budget"] == 100 + written
        output, said = process.communicate()
        assert (process.returncode, b"Traceback" in said) == (0, False)
        assert b"rebuilt up to position" in output
        assert_no_difference(output.decode())
        audit = http.get("/audit", params={"object_id": "core", "action": "updated"}).json()
        assert audit["total"] == written + 2
        again = invoked("rebuild", TEAMLEDGER_DATA_DIR=str(data_dir))
        assert again.exit_code == 0
        assert_no_difference(again.stdout)
        assert http.get("/health/readiness").status_code == 200


def test_a_rebuild_shows_what_differs_and_swaps_only_if_told(
    service: ServiceProcess, data_dir: Path
) -> None:
    assert service.process.poll() is None
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir)}

    def alias() -> Any:  # noqa: ANN401
        with psycopg.connect(EmbeddedServer(data_dir).conninfo(), autocommit=True) as conn:
            query = "SELECT team_alias FROM read.teams_1 WHERE team_id = 'core'"
            return conn.execute(query).fetchone()

    before = alias()
    with psycopg.connect(EmbeddedServer(data_dir).conninfo(), autocommit=True) as conn:
        conn.execute("UPDATE read.teams_1 SET team_alias = 'wrong' WHERE team_id = 'core'")
    for arguments in ("rebuild", "--check"), ("rebuild",), ("rebuild", "--check"):
        shown = invoked(*arguments, **env)
        assert (shown.exit_code, shown.stderr.count("error")) == (1, 0)
        assert "teams_1 core/1: differs in team_alias" in shown.stdout
        assert alias() == ("wrong",)
    swapped = invoked("rebuild", "--yes", **env)
    assert (swapped.exit_code, "1 changed" in swapped.stdout) == (0, True)
    assert alias() == before
    checked = invoked("rebuild", "--check", **env)
    assert (checked.exit_code, "nothing was changed" in checked.stdout) == (0, True)
    assert_no_difference(checked.stdout)
    assert invoked("rebuild", "--check", "--yes", **env).exit_code == 2


def assert_no_difference(report: str) -> None:
    rows = [line for line in report.splitlines() if line.startswith("│")]
    assert len(rows) >= 5
    assert [row for row in rows if not row.endswith("│ none       │")] == []


# Refusals: status 2, a text for whoever runs it, no traceback

REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("serve", {"TEAMLEDGER_PORT": "http"}, "TEAMLEDGER_PORT: Input should be a valid integer"),
    ("serve", {"TEAMLEDGER_PORT": "70000"}, "TEAMLEDGER_PORT: Input should be less than or"),
    ("serve", {"TEAMLEDGER_MASTER_KEY": "secret"}, "TEAMLEDGER_MASTER_KEY: must start with 'sk-'"),
    ("serve", {"TEAMLEDGER_ROOT_KEY": "abc"}, "TEAMLEDGER_ROOT_KEY: must be 32 bytes in base64"),
    ("serve", {"TEAMLEDGER_TIMEZONE": "Mars"}, "TEAMLEDGER_TIMEZONE: 'Mars' is not a time zone"),
    ("serve", {"TEAMLEDGER_COMPAT": "odd"}, "TEAMLEDGER_COMPAT: Input should be 'clean' or"),
    ("serve", {"TEAMLEDGER_LOG_LEVEL": "loud"}, "TEAMLEDGER_LOG_LEVEL: Input should be"),
    ("serve", {"TEAMLEDGER_COMMAND_DEADLINE": "nan"}, "TEAMLEDGER_COMMAND_DEADLINE: "),
    ("serve", {"TEAMLEDGER_MAX_JSON_DEPTH": "0"}, "TEAMLEDGER_MAX_JSON_DEPTH: "),
    ("serve", {"TEAMLEDGER_HOST": "0.0.0.0"}, "listens beyond this machine"),
    ("serve", {"TEAMLEDGER_DATABASE_URL": NO_SERVER}, "and TEAMLEDGER_ROOT_KEY must be set too"),
    ("replay", {"TEAMLEDGER_PORT": "http"}, "TEAMLEDGER_PORT: Input should be a valid integer"),
    ("replay", {"TEAMLEDGER_DATABASE_URL": NO_SERVER, **BOTH_KEYS}, "Connection refused"),
    ("replay", {"TEAMLEDGER_DATABASE_URL": "odd://x", **BOTH_KEYS}, "not an address of PostgreSQL"),
    ("rebuild", {"TEAMLEDGER_DATABASE_URL": NO_SERVER, **BOTH_KEYS}, "Connection refused"),
    (
        "command",
        {"TEAMLEDGER_DATABASE_URL": NO_SERVER, "TEAMLEDGER_READ_DATABASE_URL": "odd", **BOTH_KEYS},
        "TEAMLEDGER_READ_DATABASE_URL is not an address of PostgreSQL",
    ),
]


@pytest.mark.parametrize(("name", "env", "says"), REFUSED)
def test_bad_settings(tmp_path: Path, name: str, env: dict[str, str], says: str) -> None:
    result = invoked(name, **{"TEAMLEDGER_DATA_DIR": str(tmp_path / "data"), **env})
    assert_explained(result.exit_code, result.stderr, says)
    assert [v for v in ("secret", "abc") if v in result.output] == []
    assert list(tmp_path.iterdir()) == []


VISITORS = (
    *("replay", "rebuild", "rebuild --check", "backup {}/file", "forget ann", "forgotten"),
    *("audit export {}/file", "audit archive {}/file --before 2026-11-26"),
    *("rotate-root-key {}/new.key", "rotate-signing-key", "dead-letters list"),
)
BROKER = {"TEAMLEDGER_KAFKA_BOOTSTRAP": "127.0.0.1:1"}


def typed_in(folder: Path, typed: str) -> list[str]:
    """With another root key at hand for who needs one."""
    key = folder / "new.key"
    key.touch(0o600)
    key.write_text(base64.b64encode(b"n" * 32).decode())
    return [word.format(folder) for word in typed.split()]


@pytest.mark.parametrize("typed", VISITORS)
def test_visitors_make_no_database(tmp_path: Path, typed: str) -> None:
    words, data_dir = typed_in(tmp_path, typed), tmp_path / "data"
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir), "TEAMLEDGER_ROOT_KEY": ROOT_KEY, **BROKER}
    result = invoked(*words, **env)
    assert_explained(result.exit_code, result.stderr, "data holds no database")
    assert [path.name for path in tmp_path.iterdir()] == ["new.key"]


@pytest.mark.parametrize("typed", VISITORS)
def test_visitors_leave_a_database_of_somebody_else_as_it_is(
    database_url: str, tmp_path: Path, typed: str
) -> None:
    words = typed_in(tmp_path, typed)
    schemas = "SELECT nspname FROM pg_namespace ORDER BY 1"
    with psycopg.connect(database_url, autocommit=True) as conn:
        ensure_service_role(conn)
        before = conn.execute(schemas).fetchall()
        result = invoked(*words, TEAMLEDGER_DATABASE_URL=database_url, **BOTH_KEYS, **BROKER)
        assert_explained(result.exit_code, result.stderr, "it has no events")
        assert conn.execute(schemas).fetchall() == before
    assert [path.name for path in tmp_path.iterdir()] == ["new.key"]


@pytest.mark.parametrize("options", ["export {}", "archive {} --before 2099-01-01"])
def test_a_database_of_an_early_release_is_told_as_such(
    database_url: str, tmp_path: Path, options: str
) -> None:
    migrate(database_url, EVENT_MIGRATIONS, upto=1)
    file = tmp_path / "audit.jsonl.gz"
    words = options.format(file).split()
    result = invoked("audit", *words, TEAMLEDGER_DATABASE_URL=database_url, **BOTH_KEYS)
    assert_explained(result.exit_code, result.stderr, "start a service of this release on it first")
    assert list(tmp_path.iterdir()) == []


def test_whoever_may_not_change_keys_is_told_so(database_url: str, tmp_path: Path) -> None:
    prepare_database(database_url)
    name = f"visitor_{uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
        try:
            conn.execute(SQL("GRANT teamledger_service TO {}").format(Identifier(name)))
            env = {"TEAMLEDGER_DATABASE_URL": database_url.replace("postgres@", f"{name}@", 1)}
            words = typed_in(tmp_path, "rotate-root-key {}/new.key")
            result = invoked(*words, **env, **BOTH_KEYS)
        finally:
            conn.execute(SQL("DROP OWNED BY {}").format(Identifier(name)))
            conn.execute(SQL("DROP ROLE {}").format(Identifier(name)))
    assert_explained(result.exit_code, result.stderr, "permission denied")


@pytest.mark.parametrize("name", ["serve", "command", "projection"])
def test_no_process_starts_under_another_root_key(database_url: str, name: str) -> None:
    prepare_database(database_url)
    fingerprint = root_fingerprint(b"o" * 32)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("INSERT INTO ops.secrets VALUES ('root_fingerprint', %s)", (fingerprint,))
    port = str(free_port())
    refused = command(name, "--port", port, TEAMLEDGER_DATABASE_URL=database_url, **BOTH_KEYS)
    assert_explained(refused.returncode, refused.stderr, "the root key is not the one")
    assert refused.stdout == ""


def test_arguments_that_make_no_sense() -> None:
    for arguments in (("replay", "core", "--stream", "team-core"), ("replay", "--since", "soon")):
        result = invoked(*arguments)
        assert (result.exit_code, "Invalid value" in result.stderr) == (2, True)


def test_serve_on_a_locked_directory(service: ServiceProcess, data_dir: Path) -> None:
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir), "TEAMLEDGER_PORT": str(free_port())}
    refused = command("serve", **env)
    says = f"in use by another teamledger (process {service.process.pid})"
    assert_explained(refused.returncode, refused.stderr, says)
    assert httpx.get(f"{service.base_url}/health/readiness").status_code == 200


def test_serve_on_a_port_in_use(service: ServiceProcess, tmp_path: Path) -> None:
    port = service.base_url.rpartition(":")[2]
    refused = command("serve", TEAMLEDGER_DATA_DIR=str(tmp_path / "data"), TEAMLEDGER_PORT=port)
    assert_explained(refused.returncode, refused.stderr, f"127.0.0.1:{port}: Address already in")
    assert (refused.stdout, list(tmp_path.iterdir())) == ("", [])


def assert_explained(status: int, stderr: str, says: str) -> None:
    assert (status, stderr.startswith("error: "), says in stderr) == (2, True, True), stderr
    assert stderr.count("\n") <= 2


# Once the service is down: the last test, for it stops what the others use


def test_replay_without_a_service_and_the_next_start(
    service: ServiceProcess, data_dir: Path, start_service: Start
) -> None:
    before = replayed(data_dir)
    assert service.stop() == 0
    assert EmbeddedServer(data_dir).postmaster_pid() is None
    assert replayed(data_dir) == before
    assert EmbeddedServer(data_dir).postmaster_pid() is None
    again = start_service({"TEAMLEDGER_DATA_DIR": str(data_dir)})
    with again.client() as http:
        assert http.get("/team/info", params={"team_id": "core"}).status_code == 200
    assert replayed(data_dir) == before
