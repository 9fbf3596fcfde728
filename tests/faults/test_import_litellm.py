"""kill -9 of an import, and an import of a large database."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.command_line import command, environment, line
from tests.support.litellm_bulk import generate
from tests.support.peak import peak_bytes, weighed
from tests.support.postgres import fresh_database
from tests.support.service import MASTER_KEY, Start, on_database
from tests.support.stored import stored_facts

TEAMS, KEYS, USERS = 600, 3_000, 1_500
LARGE = {"users": 50_000, "teams": 20_000, "keys": 100_000}


def env(url: str) -> dict[str, str]:
    return {"TEAMLEDGER_MASTER_KEY": MASTER_KEY, **on_database(url)}


def started(source: str, target: str, output: Path) -> subprocess.Popen[bytes]:
    arguments = line("import-litellm", "--database-url", source, "--json")
    with output.open("wb") as out:
        return subprocess.Popen(
            arguments, env=environment(**env(target)), stdout=out, stderr=subprocess.DEVNULL
        )


def events(url: str) -> int:
    with psycopg.connect(url) as conn:
        if conn.execute("SELECT to_regclass('events.stored_events')").fetchone() == (None,):
            return 0
        row = conn.execute("SELECT count(*) FROM events.stored_events").fetchone()
    return int(row[0]) if row else 0


def content(url: str) -> Counter[tuple[str, str]]:
    return Counter((fact.stream, fact.topic) for fact in stored_facts(url))


@pytest.fixture
def source(postgres_server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        yield url


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_killed_import_is_finished_by_the_next_one(
    postgres_server: EmbeddedServer, database_url: str, source: str, tmp_path: Path
) -> None:
    generate(source, users=USERS, teams=TEAMS, keys=KEYS)
    with fresh_database(postgres_server) as whole:
        arguments = ("import-litellm", "--database-url", source)
        assert command(*arguments, **env(whole)).returncode == 0
        expected = without_names(content(whole))
    total = sum(expected.values())
    killed = 0
    for part in sorted(random.Random(7).uniform(0.1, 0.9) for _ in range(3)):
        process = started(source, database_url, tmp_path / "out")
        while process.poll() is None and events(database_url) < part * total:
            time.sleep(0.01)
        process.kill()
        killed += process.wait() < 0
        assert events(database_url) > 0
    assert killed
    assert command(*arguments, **env(database_url)).returncode == 0
    assert without_names(content(database_url)) == expected


def without_names(found: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Names of addresses depend on the secrets of each store."""
    renamed: Counter[tuple[str, str]] = Counter()
    for (name, topic), times in found.items():
        renamed["email" if name.startswith("email-") else name, topic] += times
    return renamed


@pytest.mark.scale
@pytest.mark.timeout(3600)
def test_a_large_database_is_imported_in_bounded_memory(
    database_url: str, source: str, tmp_path: Path, start_service: Start
) -> None:
    generate(source, **LARGE)
    began = time.monotonic()
    arguments = weighed(line("import-litellm", "--database-url", source), tmp_path / "peak")
    ended = subprocess.run(
        arguments, env=environment(**env(database_url)), capture_output=True, check=False
    )
    seconds = time.monotonic() - began
    megabytes = peak_bytes(tmp_path / "peak") / 1024**2
    stored = events(database_url)
    print(f"\n{stored} events in {seconds:.0f} s, {megabytes:.0f} MB at most")  # noqa: T201
    assert ended.returncode == 0
    assert megabytes < 400
    service = start_service(on_database(database_url), ready=False)
    began = time.monotonic()
    with service.client("sk-99") as client:
        while not answers(client, "/health/readiness"):
            time.sleep(1)
        print(f"served after {time.monotonic() - began:.0f} s")  # noqa: T201
        assert client.get("/key/info").json()["info"]["key_alias"] == "key-99"
    service.stop()


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.HTTPError:
        return False
