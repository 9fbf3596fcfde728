"""A rebuild by several processes is killed anywhere, goes on, and ends as if nothing had been.

Everything runs as it is typed, `teamledger rebuild`, on a store large enough to be shared out.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from tests.benchmarks.projection import history
from tests.support.command_line import command, environment, line
from tests.support.eventlog import append, create_read, create_store, owner
from tests.support.kills import kill_database
from tests.support.postgres import open_directory, running_server
from tests.support.projected import TABLES
from tests.support.service import MASTER_KEY, Start, on_database

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
EVENTS = 45_000
REBUILD = ("rebuild", "--jobs", "3", "--yes")
STATE = (
    'SELECT coalesce(sum(events), 0), count(*) FILTER (WHERE NOT done) FROM read."spans#rebuild"'
)
Sums = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """One of this module alone: it is killed."""
    with open_directory() as parent, running_server(parent / "data") as started:
        yield started


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> str:
    """A store with a history of users, teams and keys, and read models that have never run."""
    url = server.conninfo()
    create_store(url)
    create_read(url)
    with owner(url) as conn:
        append(conn, [at for command in history(EVENTS) for at in command])
    return url


@pytest.fixture(scope="module")
def undisturbed(url: str) -> Sums:
    """What the tables hold after a rebuild that nobody interrupted."""
    assert command(*REBUILD, **settings(url)).returncode == 0
    return sums(url)


def settings(url: str) -> dict[str, str]:
    """For a command on that database."""
    return {**on_database(url), "TEAMLEDGER_MASTER_KEY": MASTER_KEY}


def sums(url: str) -> Sums:
    """For each table the number of rows and a sum over their texts."""
    query = "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM read.{} t"
    with owner(url) as conn:
        return {name: conn.execute(query.format(name).encode()).fetchone() for name in TABLES}


@contextmanager
def rebuilding(url: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        line(*REBUILD),
        env=environment(**settings(url)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def progress(url: str) -> tuple[int, int]:
    """Events that are filled, and spans that are not; none of both without a rebuild."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        try:
            row = conn.execute(STATE.encode()).fetchone()
        except psycopg.errors.UndefinedTable:
            return 0, 0
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def wait_until(process: subprocess.Popen[str], reached: Callable[[], bool]) -> bool:
    """Whether that became true before the process had ended; each look is a round trip."""
    while process.poll() is None:
        if reached():
            return True
    return False


def children(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    return [int(pid) for pid in listed.split()]


def running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def finished(url: str) -> str:
    """Carry a rebuild to its end, however soon after a kill; what it told."""
    for _ in range(40):
        result = command(*REBUILD, **settings(url))
        if "another rebuild" not in result.stderr:
            break
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_killed_at_random_it_goes_on_where_it_was(url: str, undisturbed: Sums) -> None:
    chance = random.Random(5)
    filled = [0]
    while filled[-1] < EVENTS // 2:
        goal = filled[-1] + chance.randrange(1, EVENTS // 6)
        with rebuilding(url) as process:
            assert wait_until(process, lambda goal=goal: progress(url)[0] >= goal)  # type: ignore[misc]
            helpers = children(process)
            process.kill()
            process.wait()
            deadline = time.monotonic() + 20
            while any(map(running, helpers)):
                assert time.monotonic() < deadline, "processes outlive their rebuild"
        filled.append(progress(url)[0])
        assert filled[-1] >= goal
    assert len(filled) > 2
    told = finished(url)
    assert "an earlier run had folded" in told
    assert told.count("none") == len(TABLES)
    assert sums(url) == undisturbed


def test_killed_with_full_tables_it_goes_on_to_the_swap(url: str, undisturbed: Sums) -> None:
    for _ in range(2):
        with rebuilding(url) as process:
            assert wait_until(process, lambda: progress(url)[0] > 0 and progress(url)[1] == 0)
            process.kill()
    told = finished(url)
    assert "an earlier run had folded" in told
    assert sums(url) == undisturbed


def test_a_helper_that_is_killed_costs_nothing(url: str, undisturbed: Sums) -> None:
    with rebuilding(url) as process:
        assert wait_until(process, lambda: progress(url)[0] > 0 and len(children(process)) == 2)
        os.kill(children(process)[0], signal.SIGKILL)
        told, said = process.communicate(timeout=120)
    assert (process.returncode, told.count("none")) == (0, len(TABLES)), said
    assert sums(url) == undisturbed


def test_a_database_that_is_killed_loses_no_part_and_repeats_none(
    url: str, undisturbed: Sums, server: EmbeddedServer
) -> None:
    with rebuilding(url) as process:
        assert wait_until(process, lambda: progress(url)[0] > EVENTS // 4)
        kill_database(server.data_dir)
        _, said = process.communicate(timeout=120)
    assert (process.returncode, said.count("Traceback (most")) == (2, 0), said
    server.start()
    assert finished(url).count("none") == len(TABLES)
    assert sums(url) == undisturbed


def test_the_service_answers_all_the_while(
    url: str, undisturbed: Sums, start_service: Start
) -> None:
    """Whoever writes reads it at once, and others read, while other processes fill and swap."""
    service = start_service(on_database(url))
    teams = undisturbed["teams_1"][0]
    errors: list[str] = []
    ended = threading.Event()

    def read() -> None:
        with service.client() as http:
            while not ended.is_set():
                answer = http.get("/v2/team/list", params={"page_size": 5})
                if answer.status_code != httpx.codes.OK or answer.json()["total"] < teams:
                    errors.append(answer.text)

    reader = threading.Thread(target=read)
    reader.start()
    written = 0
    try:
        with rebuilding(url) as process, service.client() as http:
            while process.poll() is None:
                written += 1
                body = {"team_id": f"during-{written}", "team_alias": f"during {written}"}
                assert http.post("/team/new", json=body).status_code == httpx.codes.OK
                shown = http.get("/team/info", params={"team_id": body["team_id"]})
                assert shown.json()["team_info"]["team_alias"] == body["team_alias"]
            told, said = process.communicate()
    finally:
        ended.set()
        reader.join()
    assert (process.returncode, errors) == (0, []), said
    assert told.count("none") == len(TABLES)
    assert written > 5
    assert sums(url)["teams_1"][0] == teams + written
    assert service.stop() == 0
