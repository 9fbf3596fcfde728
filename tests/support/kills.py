"""Ends of a service and of its database that nobody prepared them for."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.service import ServiceProcess

Kill = Callable[[ServiceProcess, Path], None]


@pytest.fixture
def abandoned(data_dir: Path) -> Iterator[Path]:
    """A data directory whose database is ended with the test, if a failure left it running."""
    yield data_dir
    if (pid := EmbeddedServer(data_dir).postmaster_pid()) is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)


def kill_service(service: ServiceProcess, _: Path) -> None:
    service.kill()


def kill_both(service: ServiceProcess, data_dir: Path) -> None:
    """The database first: the service is still answering when it goes."""
    kill_database(data_dir)
    service.kill()


def kill_database_and_stop_service(service: ServiceProcess, data_dir: Path) -> None:
    """A service whose database is gone still ends when it is asked to."""
    kill_database(data_dir)
    assert service.stop() == 0


def kill_database(data_dir: Path) -> None:
    pid = EmbeddedServer(data_dir).postmaster_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@contextmanager
def held_up(server: EmbeddedServer) -> Iterator[None]:
    """All processes of the database stand still: nothing answers and no connection ends."""
    postmaster = server.postmaster_pid()
    assert postmaster is not None
    stopped = [postmaster]
    os.kill(postmaster, signal.SIGSTOP)  # first: it starts no more of them
    try:
        for pid in children(postmaster):
            stopped.append(pid)
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def frozen(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """The process stands still, with all that it holds."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def children(pid: int) -> list[int]:
    """The processes that this one, in whichever thread, has started and that still run."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text("utf-8").split()]


def end(server: EmbeddedServer, how: signal.Signals) -> int:
    """Have the database end; the process that does."""
    pid = server.postmaster_pid()
    assert pid is not None
    os.kill(pid, how)
    return pid


def gone(pid: int) -> Callable[[], bool]:
    """Whether the process has ended; where we are its parent we have to take note of it."""

    def ended() -> bool:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    return ended
