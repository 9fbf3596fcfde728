"""PostgreSQL is restarted under load: clear refusals meanwhile, and recovery without help."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.load import Books, load
from tests.support.loop import until
from tests.support.oracle import assert_projected
from tests.support.postgres import running_server
from tests.support.service import ServiceProcess, Start, on_database
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]
RESTARTS = 3
FAST, IMMEDIATE, CRASH = signal.SIGINT, signal.SIGQUIT, signal.SIGKILL


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedServer]:
    """A database server apart from the service, which knows no more of it than its address."""
    with running_server(data_dir) as running:
        yield running


@pytest.fixture
def service(server: EmbeddedServer, start_service: Start) -> Iterator[ServiceProcess]:
    started = start_service(on_database(server.conninfo()))
    yield started
    assert started.stop() == 0


def end(server: EmbeddedServer, how: signal.Signals) -> int:
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


def another_refusal(books: Books) -> Callable[[], bool]:
    """Whether a client has been told 503 since this was asked for."""
    before = books.statuses[503]
    return lambda: books.statuses[503] > before


@pytest.mark.parametrize("how", [FAST, IMMEDIATE, CRASH], ids=["fast", "immediate", "crash"])
async def test_clients_are_told_to_come_again_and_are_served_afterwards(
    server: EmbeddedServer, service: ServiceProcess, how: signal.Signals
) -> None:
    async with load(service.base_url) as books:
        for _ in range(RESTARTS):
            await books.wait_for_more(60)
            refused = another_refusal(books)
            pid = end(server, how)
            await until(refused)
            await until(gone(pid))
            await asyncio.to_thread(server.start)
        await books.wait_for_more(60)
    assert (books.unclear, books.lost_connections) == ([], 0)
    assert set(books.statuses) <= {200, 404, 503}
    service.wait_until_ready()
    books.check(stored_facts(server.conninfo()))
    assert_projected(server.conninfo())
