"""Ends of a service and of its database that nobody prepared them for."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
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
