"""Backup and restore as an operator lives through them: under load, after a loss, interrupted."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from services.database.embedded import EmbeddedServer
from tests.benchmarks.bulk import write
from tests.benchmarks.history import history
from tests.support.archives import epoch, without_events
from tests.support.command_line import command, environment, line
from tests.support.eventlog import START, owner
from tests.support.load import Books, effect_of, load
from tests.support.loop import opened_writer
from tests.support.oracle import assert_projected
from tests.support.postgres import fresh_database, open_directory, running_server
from tests.support.replaced import keep, new_epoch, put_back
from tests.support.service import MASTER_KEY, ROOT_KEY, ServiceProcess, Start, on_database
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
LONG = 60_000


def on_directory(data_dir: Path) -> dict[str, str]:
    """The settings of an operator who has kept his keys."""
    return {
        "TEAMLEDGER_DATA_DIR": str(data_dir),
        "TEAMLEDGER_MASTER_KEY": MASTER_KEY,
        "TEAMLEDGER_ROOT_KEY": ROOT_KEY,
    }


def done(*arguments: str, **env: str) -> str:
    """The output of a command that has to succeed."""
    ended = command(*arguments, **env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def refused(says: str, *arguments: str, **env: str) -> None:
    ended = command(*arguments, **env)
    assert (ended.returncode, says in ended.stderr) == (2, True), ended.stderr
    assert "Traceback" not in ended.stderr


def kill_everything(data_dir: Path) -> None:
    """The database that a killed process has left running."""
    pid = EmbeddedServer(data_dir).postmaster_pid()
    assert pid is not None
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def abandoned(data_dir: Path) -> Iterator[Path]:
    """A data directory whose database is ended with the test, if a failure left it running."""
    yield data_dir
    if EmbeddedServer(data_dir).postmaster_pid() is not None:
        kill_everything(data_dir)


async def test_what_was_acknowledged_before_a_backup_survives_the_loss_of_everything(
    start_service: Start, abandoned: Path, tmp_path: Path
) -> None:
    archive, env = str(tmp_path / "ledger.zip"), on_directory(abandoned)
    service = start_service(env)
    async with load(service.base_url) as books:
        await books.wait_for_more(150)
        before = set(books.acknowledged)
        made = json.loads(await asyncio.to_thread(done, "backup", "--json", archive, **env))
        await books.wait_for_more(50)
        assert books.unclear == []
        service.kill()
        kill_everything(abandoned)
    shutil.rmtree(abandoned)
    checks = json.loads(done("restore", "--check", "--json", archive))
    assert {**made, "seconds": 0} == {**checks, "seconds": 0}
    done("restore", archive, **env)
    await assert_goes_on(start_service(env), abandoned, before, books, made["epoch"])


async def assert_goes_on(
    service: ServiceProcess, data_dir: Path, before: set[tuple[str, ...]], books: Books, old: str
) -> None:
    """Everything from before is there, once; what came later may be; new writes are taken."""
    url = EmbeddedServer(data_dir).conninfo()
    assert epoch(url) != old
    stored = Counter(effect for fact in stored_facts(url) if (effect := effect_of(fact)))
    assert before - stored.keys() == set()
    assert stored.keys() - books.attempted.keys() == set()
    assert max(stored.values()) == 1
    assert_projected(url)
    async with load(service.base_url, name="later") as later:
        await later.wait_for_more(50)
    service.wait_until_ready()
    assert (later.unclear, later.lost_connections) == ([], 0)
    assert_projected(url)
    assert service.stop() == 0


# An older copy, put back by hand. `read` is ahead of it.


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with open_directory() as parent, running_server(parent / "data") as running:
        yield running


@pytest.fixture
def url(server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(server) as address:
        yield address


def settings(url: str) -> dict[str, str]:
    return {**on_database(url), "TEAMLEDGER_MASTER_KEY": MASTER_KEY}


def created(service: ServiceProcess, *team_ids: str) -> None:
    """Teams that are stored and in the read models."""
    with service.client() as http:
        for team_id in team_ids:
            assert http.post("/team/new", json={"team_id": team_id}).status_code == 200
            assert http.get("/team/info", params={"team_id": team_id}).status_code == 200


def replace_log(url: str, how: str) -> None:
    """What was kept comes back: as it was, or with another history behind it, or a new epoch."""
    with owner(url) as conn:
        put_back(conn)
        if how == "new epoch":
            new_epoch(conn)


REASONS = {
    "shorter": "position",
    "new epoch": "the store has a new epoch",
    "another event": "the store holds event",
}


@pytest.mark.parametrize(("how", "reason"), REASONS.items())
def test_an_older_copy_is_not_served_until_it_is_rebuilt(
    start_service: Start, url: str, how: str, reason: str
) -> None:
    """Put back while the service was down."""
    service = start_service(settings(url))
    created(service, "a")
    with owner(url) as conn:
        keep(conn)
    created(service, "lost")
    assert service.stop() == 0
    replace_log(url, how)
    if how == "another event":
        regrow(url)
    service = start_service(settings(url), ready=False)
    wait_for_refusal(service, reason)
    assert service.stop() == 0
    assert_rebuilt(start_service, service, url)


@pytest.mark.parametrize(("how", "reason"), REASONS.items())
def test_a_running_service_stops_over_an_older_copy(
    start_service: Start, url: str, how: str, reason: str
) -> None:
    service = start_service(settings(url))
    created(service, "a")
    with owner(url) as conn:
        keep(conn)
    created(service, "lost")
    replace_log(url, how)
    if how == "another event":
        regrow(url)
    with service.client() as http:
        for _ in range(2):
            answer = http.post("/team/new", json={"team_id": "b"})
            assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
            assert "teamledger rebuild" in answer.text
            assert http.get("/team/info", params={"team_id": "lost"}).status_code == 503
    wait_for_refusal(service, reason)
    assert "commands are taken no more" in service.log.read_text()
    assert service.stop() == 0
    assert_rebuilt(start_service, service, url)


def regrow(url: str) -> None:
    """A process without read models goes on from the older copy until it is longer than it was."""

    async def write() -> None:
        async with opened_writer(url) as writer:
            for team_id in ("b", "c", "d"):
                await writer.create(team_id)

    asyncio.run(write())


def wait_until_alive(service: ServiceProcess) -> None:
    while service.process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"{service.base_url}/health/liveliness")
            return
    pytest.fail(service.log.read_text())


def wait_for_refusal(service: ServiceProcess, reason: str) -> None:
    """Red for good, for a reason that says what to do, and no GET is answered meanwhile."""
    wait_until_alive(service)
    with service.client() as http:
        while True:
            ready = http.get("/health/readiness")
            assert ready.status_code == 503, ready.text
            assert http.get("/team/list").status_code == 503
            found, log = ready.json()["reason"], service.log.read_text()
            if "teamledger rebuild" in found and "projections of group contract have stop" in log:
                break
    assert reason in found


def assert_rebuilt(start: Start, before: ServiceProcess, url: str) -> None:
    assert before.process.poll() is not None
    assert "rebuilt up to position" in done("rebuild", **settings(url))
    service = start(settings(url))
    with service.client() as http:
        assert http.get("/team/info", params={"team_id": "a"}).status_code == 200
        assert http.get("/team/info", params={"team_id": "lost"}).status_code == 404
    created(service, "lost")
    service.wait_until_ready()
    assert_projected(url)
    assert service.stop() == 0


# Restores that come to nothing


@pytest.fixture(scope="module")
def long_archive(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So long that a restore can be interrupted half-way."""
    file = tmp_path_factory.mktemp("long") / "ledger.zip"
    with open_directory() as parent:
        data_dir = parent / "data"
        write(data_dir, history(LONG, START))
        done("rebuild", **on_directory(data_dir))
        done("backup", str(file), **on_directory(data_dir))
    assert server.exists
    return file


def copied_rows(server: EmbeddedServer) -> int:
    """How many rows a COPY under way has brought in."""
    query = "SELECT tuples_processed FROM pg_stat_progress_copy WHERE command = 'COPY FROM'"
    with suppress(psycopg.OperationalError), psycopg.connect(server.conninfo()) as conn:
        row = conn.execute(query).fetchone()
        return int(row[0]) if row else 0
    return 0


@pytest.mark.parametrize("database_too", [False, True])
def test_a_restore_that_was_killed_half_way_can_be_repeated(
    long_archive: Path, abandoned: Path, *, database_too: bool
) -> None:
    server, env = EmbeddedServer(abandoned), on_directory(abandoned)
    arguments = line("restore", str(long_archive))
    with subprocess.Popen(
        arguments, env=environment(**env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not (server.exists and 0 < copied_rows(server) < LONG):
            assert process.poll() is None
        process.kill()
    if database_too:
        kill_everything(abandoned)
    with running_server(abandoned):
        assert without_events(server.conninfo())
    done("restore", str(long_archive), **env)
    refused("holds 60000 events already", "restore", str(long_archive), **env)
    with running_server(abandoned), owner(server.conninfo()) as conn:
        positions = conn.execute("SELECT position FROM read.groups").fetchall()
        assert positions == [(LONG,)]
        assert conn.execute("SELECT count(*) FROM events.stored_events").fetchone() == (LONG,)


def test_a_restore_asked_to_stop_leaves_no_database_running(
    long_archive: Path, abandoned: Path
) -> None:
    server, env = EmbeddedServer(abandoned), environment(**on_directory(abandoned))
    with subprocess.Popen(line("restore", str(long_archive)), env=env) as process:
        while not (server.exists and copied_rows(server) > 0):
            assert process.poll() is None
        process.terminate()
        assert process.wait() == 128 + signal.SIGTERM
    assert server.postmaster_pid() is None
    with running_server(abandoned):
        assert without_events(server.conninfo())


def test_an_archive_that_is_damaged_is_refused_before_anything_is_made(
    long_archive: Path, data_dir: Path, tmp_path: Path
) -> None:
    env, damaged = on_directory(data_dir), tmp_path / "damaged"
    damaged.write_bytes(long_archive.read_bytes()[: long_archive.stat().st_size // 2])
    refused("truncated, damaged, or no backup", "restore", str(damaged), **env)
    flip_a_bit_in_the_middle(long_archive, damaged)
    refused(str(damaged), "restore", str(damaged), **env)
    refused(str(damaged), "restore", "--check", str(damaged))
    refused("No such file", "restore", str(tmp_path / "none"), **env)
    assert not data_dir.exists()


def flip_a_bit_in_the_middle(file: Path, to: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 16
    to.write_bytes(content)


def test_another_root_key_is_refused_before_anything_is_made(
    long_archive: Path, data_dir: Path
) -> None:
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir)}
    refused("no root key is given", "restore", str(long_archive), **env)
    other = {**env, "TEAMLEDGER_ROOT_KEY": "A" * 43 + "="}
    refused("the root key is another one", "restore", str(long_archive), **other)
    assert not data_dir.exists()


def test_a_running_service_is_not_restored_over(
    start_service: Start, url: str, tmp_path: Path
) -> None:
    """Neither the embedded one, which locks its directory, nor one on a database by URL."""
    with open_directory() as parent:
        env = on_directory(parent / "data")
        service = start_service(env)
        archive = str(tmp_path / "a")
        done("backup", archive, **env)
        refused(f"(process {service.process.pid})", "restore", archive, **env)
        assert service.stop() == 0
    other = start_service(settings(url))
    refused("service is connected", "restore", archive, **settings(url))
    assert other.stop() == 0
    done("restore", archive, **settings(url))


def test_a_backup_by_url_goes_into_a_data_directory(
    url: str, tmp_path: Path, data_dir: Path, start_service: Start
) -> None:
    """With the file of the root key put where the service had it."""
    service = start_service(settings(url))
    created(service, "core")
    done("backup", str(tmp_path / "a"), **settings(url))
    assert service.stop() == 0
    secrets = data_dir / "secrets"
    data_dir.mkdir()
    secrets.mkdir(mode=0o700)
    (secrets / "root.key").write_text(ROOT_KEY)
    (secrets / "root.key").chmod(0o600)
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir)}
    done("restore", str(tmp_path / "a"), **env)
    again = start_service(env)
    with again.client() as http:
        assert http.get("/team/info", params={"team_id": "core"}).status_code == 200
    assert again.stop() == 0
