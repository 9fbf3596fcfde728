"""kill -9 of the service and of its PostgreSQL while clients write: nothing acknowledged is lost.

Everything runs as a user starts it: `teamledger serve` on a data directory with its own database.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.load import Books, load
from tests.support.oracle import assert_projected
from tests.support.postgres import running_server
from tests.support.service import ServiceProcess, Start, free_port
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]
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


@asynccontextmanager
async def killed_under_load(
    start: Start, data_dir: Path, kill: Kill, times: int
) -> AsyncIterator[tuple[ServiceProcess, Books]]:
    """A service that was killed and started again and again while clients wrote."""
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir), "TEAMLEDGER_PORT": str(free_port())}
    moments = random.Random(11)
    service = start(env)
    async with load(service.base_url) as books:
        for _ in range(times):
            await books.wait_for_more(moments.randint(40, 160))
            kill(service, data_dir)
            service = await asyncio.to_thread(start, env)
        await books.wait_for_more(50)
    yield service, books


@pytest.mark.parametrize(
    ("kill", "times"), [(kill_service, 3), (kill_both, 3), (kill_database_and_stop_service, 1)]
)
async def test_what_was_acknowledged_survives(
    start_service: Start, abandoned: Path, kill: Kill, times: int
) -> None:
    async with killed_under_load(start_service, abandoned, kill, times) as (service, books):
        assert books.unclear == []
        assert books.lost_connections > 0
        service.wait_until_ready()
        url = EmbeddedServer(abandoned).conninfo()
        facts = stored_facts(url)
        books.check(facts)
        assert_projected(url)
        assert service.stop() == 0
    with running_server(abandoned) as server:
        assert stored_facts(server.conninfo()) == facts
