"""The embedded server: safe beside other directories, and not to be lost by killing anything."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.database import revival
from services.database.data_directory import (
    DataDirectoryError,
    prepare_data_directory,
    server_account,
)
from services.database.embedded import EmbeddedServer
from services.database.programs import EmbeddedServerError, installed_programs, passable_folder
from tests.support.postgres import open_directory, running_server

AS_ROOT = os.geteuid() == 0
SERVE_UNTIL_KILLED = """
import sys
from pathlib import Path
from services.database.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.start()
print(server.postmaster_pid(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """A server of this module's own: its tests kill it."""
    with open_directory() as parent, running_server(parent / "data") as server:
        yield server


def write_note(url: str, note: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS notes (note text)")
        conn.execute("INSERT INTO notes VALUES (%s)", (note,))


def notes(url: str) -> set[str]:
    with psycopg.connect(url) as conn:
        return {note for (note,) in conn.execute("SELECT note FROM notes")}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def modes_around(data_dir: Path) -> dict[Path, int]:
    folder = installed_programs().folder
    return {path: mode(path) for path in (*data_dir.parents, folder, *folder.parents)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("shared_buffers", "256MB"),
        ("max_wal_size", "4GB"),
        ("checkpoint_timeout", "15min"),
        ("jit", "off"),
        ("max_connections", "200"),
        ("listen_addresses", ""),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ],
)
def test_it_is_durable_tuned_and_not_on_the_network(
    postgres_server: EmbeddedServer, name: str, value: str
) -> None:
    with psycopg.connect(postgres_server.conninfo()) as conn:
        row = conn.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row == (value,)


def test_only_its_own_directories_get_modes(data_dir: Path) -> None:
    data_dir = data_dir.parent / "not" / "there" / "yet"
    around = modes_around(data_dir.parent.parent)
    with running_server(data_dir):
        assert modes_around(data_dir.parent.parent) == around
        assert mode(data_dir) == (0o710 if AS_ROOT else 0o700)
        assert mode(data_dir / "postgres") == 0o700
        assert mode(data_dir.parent) == (0o755 if AS_ROOT else 0o700)


def test_an_existing_directory_keeps_its_mode(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o751)
    with running_server(data_dir):
        assert mode(data_dir) == 0o751


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user's server runs as that user")
def test_root_does_not_open_a_closed_directory(data_dir: Path) -> None:
    home = data_dir.parent / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(DataDirectoryError, match=f"{home} \\(mode 0700\\) is closed"):
        EmbeddedServer(home / "sub" / "data").start()
    assert mode(home) == 0o700
    assert list(home.iterdir()) == []


def test_a_directory_others_may_write_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o777)
    with pytest.raises(DataDirectoryError, match="may be written by others"):
        EmbeddedServer(data_dir).start()
    assert mode(data_dir) == 0o777
    assert list(data_dir.iterdir()) == []


def test_an_impossible_directory_is_an_error_with_its_name(data_dir: Path) -> None:
    data_dir.write_text("a file")
    with pytest.raises(DataDirectoryError, match="TEAMLEDGER_DATA_DIR"):
        prepare_data_directory(data_dir / "below")


def test_blanks_and_quotes_in_the_path_are_nothing_special(data_dir: Path) -> None:
    with running_server(data_dir / "it's a \"team's\" $HOME?x=%20&y") as server:
        write_note(server.conninfo(), "here")
        assert notes(server.conninfo()) == {"here"}


def test_a_path_too_long_for_a_socket_is_refused(data_dir: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="too long"):
        EmbeddedServer(data_dir / ("d" * 80)).start()
    assert not data_dir.exists()


def test_a_second_start_is_told_who_holds_the_directory(server: EmbeddedServer) -> None:
    second = EmbeddedServer(server.data_dir)
    with pytest.raises(DataDirectoryError, match=f"process {os.getpid()}\\b"):
        second.start()
    assert second.stop() is False
    write_note(server.conninfo(), "the first is untouched")


def test_starting_again_while_running_changes_nothing(server: EmbeddedServer) -> None:
    pid = server.postmaster_pid()
    assert server.start() == server.conninfo()
    assert server.postmaster_pid() == pid


def test_a_killed_service_loses_nothing(data_dir: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", SERVE_UNTIL_KILLED, str(data_dir)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        pid = int(service.stdout.readline())
        server = EmbeddedServer(data_dir)
        with pytest.raises(DataDirectoryError, match=f"process {service.pid}\\b"):
            server.start()
        write_note(server.conninfo(), "before the kill")
        service.kill()
    with running_server(data_dir) as again:
        assert again.postmaster_pid() == pid
        assert notes(again.conninfo()) == {"before the kill"}


def test_a_killed_server_is_started_again_with_its_data(server: EmbeddedServer) -> None:
    write_note(server.conninfo(), "before the crash")
    pid = server.postmaster_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.start()
    assert server.postmaster_pid() not in {None, pid}
    assert "before the crash" in notes(server.conninfo())


def test_a_server_that_ended_is_missed_and_revived(server: EmbeddedServer) -> None:
    write_note(server.conninfo(), "before it ended")
    pid = server.postmaster_pid()
    assert pid is not None
    assert server.listens()
    os.kill(pid, signal.SIGQUIT)
    while server.listens():
        pass
    server.revive()
    assert server.listens()
    assert "before it ended" in notes(server.conninfo())


def test_whose_files_are_all_open_does_not_take_it_for_ended(server: EmbeddedServer) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        listens = server.listens()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert listens


class SeesNothingAtFirst(EmbeddedServer):
    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.failed = threading.Event()

    def listens(self) -> bool:
        if self.failed.is_set():
            return super().listens()
        self.failed.set()
        raise RuntimeError("no thread, no memory, or whatever else")


def test_it_is_looked_after_whatever_happened_before(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revival, "LOOK_SECONDS", 0.05)
    with SeesNothingAtFirst(data_dir) as server, revival.Revival(server):
        assert server.failed.wait(30)
        pid = server.postmaster_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + 30
        while server.postmaster_pid() in {None, pid} or not server.listens():
            assert time.monotonic() < deadline


def test_a_cluster_that_is_gone_is_not_made_anew(data_dir: Path) -> None:
    with EmbeddedServer(data_dir) as server:
        pass
    assert not server.listens()
    (data_dir / "postgres").rename(data_dir / "elsewhere")
    with pytest.raises(EmbeddedServerError, match="is not a readable database cluster"):
        server.revive()
    assert not (data_dir / "postgres").exists()


def test_it_stops_when_the_last_user_is_gone(data_dir: Path) -> None:
    with running_server(data_dir) as server:
        with psycopg.connect(server.conninfo()) as guest:
            assert server.stop() is False
            assert guest.execute("SELECT 1").fetchone() == (1,)
        server.start()
        assert server.stop() is True
        assert server.postmaster_pid() is None
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.conninfo())


def test_a_context_stops_it(data_dir: Path) -> None:
    with EmbeddedServer(data_dir) as server:
        write_note(server.conninfo(), "kept")
    assert server.postmaster_pid() is None
    with EmbeddedServer(data_dir) as server:
        assert notes(server.conninfo()) == {"kept"}


def test_another_major_version_is_refused_and_left_alone(data_dir: Path) -> None:
    with EmbeddedServer(data_dir):
        pass
    noted = data_dir / "postgres" / "PG_VERSION"
    noted.write_text("17\n")
    files = {path: path.stat().st_mtime_ns for path in (data_dir / "postgres").rglob("*")}
    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 17 .*teamledger backup"):
        EmbeddedServer(data_dir).start()
    assert {path: path.stat().st_mtime_ns for path in files} == files
    noted.write_text(f"{installed_programs().major}\n")
    with EmbeddedServer(data_dir):  # a refused start does not keep the lock
        pass


def test_half_a_cluster_is_never_taken_for_one(data_dir: Path) -> None:
    prepare_data_directory(data_dir)
    unfinished = data_dir / "postgres.unfinished-before"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with running_server(data_dir) as server:
        write_note(server.conninfo(), "a whole one")
    assert not unfinished.exists()


def test_what_is_not_a_cluster_is_left_alone(data_dir: Path) -> None:
    prepare_data_directory(data_dir)
    (data_dir / "postgres").mkdir(mode=0o700)
    (data_dir / "postgres" / "letter.txt").write_text("dear")
    with pytest.raises(EmbeddedServerError, match="is not a readable database cluster"):
        EmbeddedServer(data_dir).start()
    assert [path.name for path in (data_dir / "postgres").iterdir()] == ["letter.txt"]


def test_an_opened_cluster_is_refused(data_dir: Path) -> None:
    with EmbeddedServer(data_dir):
        pass
    (data_dir / "postgres").chmod(0o750)
    with pytest.raises(EmbeddedServerError, match="has mode 0750"):
        EmbeddedServer(data_dir).start()


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    with EmbeddedServer(data_dir):
        pass
    with (data_dir / "postgres" / "postgresql.conf").open("a") as configuration:
        configuration.write("max_connections = many\n")
    with pytest.raises(EmbeddedServerError, match="max_connections"):
        EmbeddedServer(data_dir).start()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_our_environment_stays_with_us(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMLEDGER_ROOT_KEY", "confidential")
    monkeypatch.setenv("PGPORT", "1")
    with running_server(data_dir) as server:
        pid = server.postmaster_pid()
        assert b"PATH=" in Path(f"/proc/{pid}/environ").read_bytes()
        assert b"TEAMLEDGER" not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_programs_below_a_private_home_are_copied_and_the_home_stays_closed(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    folder = home / "installed" / "bin"
    folder.mkdir(parents=True)
    (folder / "postgres").write_text("program")
    home.chmod(0o700)
    tmp_path.chmod(0o755)
    account = server_account()
    found = passable_folder(folder, account, tmp_path / "copies")
    again = passable_folder(folder, account, tmp_path / "copies")
    assert found == again
    assert (found / "postgres").read_text() == "program"
    assert folder not in (found, *found.parents)
    assert home.stat().st_mode & 0o777 == 0o700
