"""Back to a moment, as docs/operations/guide.md says: PostgreSQL's own archive, then a backup."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from services.database.data_directory import server_account
from services.database.programs import installed_programs
from tests.support.command_line import command
from tests.support.oracle import assert_projected
from tests.support.postgres import open_directory
from tests.support.service import MASTER_KEY, Start, free_port, on_database
from tests.support.stored import created

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
RECOVERED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL of an operator's own, in a directory of it, on a port of this machine."""

    data: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str) -> None:
        installed_programs().run(program, *arguments, folder=self.data.parent)

    def configure(self, **settings: str) -> None:
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        where = f"-p {self.port} -h 127.0.0.1 -k {self.data.parent}"
        log = f"{self.data}.log"
        self.run("pg_ctl", "-w", "-D", str(self.data), "-o", where, "-l", log, "start")

    def stop(self) -> None:
        """Whatever was written is archived once this returns."""
        self.run("pg_ctl", "-w", "-D", str(self.data), "-m", "fast", "stop")

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.stop()

    def make(self, *databases: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as conn:
            for name in databases:
                conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of the account that servers run as, with one for the archive."""
    with open_directory() as directory:
        (directory / "archive").mkdir()
        if (account := server_account()) is not None:
            for path in (directory, directory / "archive"):
                os.chown(path, account.uid, account.gid)
        yield directory


def test_what_was_deleted_after_the_moment_is_there_again(
    place: Path, start_service: Start
) -> None:
    main, scratch = Cluster(place / "main", free_port()), Cluster(place / "base", free_port())
    main.run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", str(main.data))
    kept = f"test ! -f {place}/archive/%f && cp %p {place}/archive/%f"
    main.configure(archive_mode="on", archive_command=kept)
    with main.running():
        moment = lived(main, scratch, start_service)
    restore = f"cp {place}/archive/%f %p"
    scratch.configure(restore_command=restore, recovery_target_time=moment)
    scratch.configure(recovery_target_action="promote", archive_mode="off")
    (scratch.data / "recovery.signal").touch()
    with scratch.running():
        wait_until_recovered(scratch)
        restored(scratch, place / "recovered.zip")
        env = on_database(scratch.url("events_2"), scratch.url("reads_2"))
        service = start_service(env)
        with service.client() as client:
            for team_id in ("before", "deleted later"):
                told = client.get("/team/info", params={"team_id": team_id})
                assert told.status_code == 200
            assert client.get("/team/info", params={"team_id": "made later"}).status_code == 404
        assert service.stop() == 0
        assert created(scratch.url("events_2"), "made later") == 0
        assert_projected(scratch.url("events_2"), scratch.url("reads_2"))


def lived(main: Cluster, scratch: Cluster, start_service: Start) -> str:
    """A base backup with a life around it; the moment before something is deleted."""
    main.make("events", "reads")
    service = start_service(on_database(main.url("events"), main.url("reads")))
    with service.client() as client:
        team(client, "before")
        whole = ("-X", "none", "-c", "fast", "-D", str(scratch.data))
        main.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(main.port), "-U", "postgres", *whole)
        team(client, "deleted later")
        with psycopg.connect(main.url()) as conn:
            row = conn.execute("SELECT clock_timestamp()::text").fetchone()
        gone = {"team_ids": ["deleted later"]}
        assert client.post("/team/delete", json=gone).status_code == 200
        team(client, "made later")
    assert service.stop() == 0
    assert row is not None
    return str(row[0])


def team(client: httpx.Client, team_id: str) -> None:
    made = client.post("/team/new", json={"team_id": team_id, "team_alias": "a"})
    assert made.status_code == 200


def wait_until_recovered(cluster: Cluster) -> None:
    deadline = time.monotonic() + RECOVERED_SECONDS
    with psycopg.connect(cluster.url(), autocommit=True) as conn:
        while conn.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
            assert time.monotonic() < deadline, "it is still recovering"
            time.sleep(0.1)


def restored(scratch: Cluster, archive: Path) -> None:
    """By a backup of what was recovered into databases of their own, under a new epoch."""
    keys = {"TEAMLEDGER_MASTER_KEY": MASTER_KEY}
    taken = command("backup", str(archive), **keys, **on_database(scratch.url("events")))
    assert taken.returncode == 0, taken.stderr
    scratch.make("events_2", "reads_2")
    there = on_database(scratch.url("events_2"), scratch.url("reads_2"))
    done = command("restore", str(archive), **keys, **there)
    assert done.returncode == 0, done.stderr
