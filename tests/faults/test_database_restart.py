"""PostgreSQL is restarted under load: clear refusals meanwhile, and recovery without help."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.aftermath import assert_booked, assert_unharmed, ready_again
from tests.support.bystanders import under_load
from tests.support.kills import end, gone, held_up
from tests.support.load import Books
from tests.support.loop import until
from tests.support.postgres import running_server
from tests.support.service import ServiceProcess, Start, on_database

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]
RESTARTS = 3
OUTAGE, HELD_UP = 10.0, 5.0
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


def another_refusal(books: Books) -> Callable[[], bool]:
    """Whether a client has been told 503 since this was asked for."""
    before = books.statuses[503]
    return lambda: books.statuses[503] > before


@pytest.mark.parametrize("how", [FAST, IMMEDIATE, CRASH], ids=["fast", "immediate", "crash"])
async def test_clients_are_told_to_come_again_and_are_served_afterwards(
    server: EmbeddedServer, service: ServiceProcess, how: signal.Signals
) -> None:
    async with under_load(service.base_url) as (books, bystanders):
        for _ in range(RESTARTS):
            await books.wait_for_more(60)
            refused = another_refusal(books)
            pid = end(server, how)
            await until(refused)
            await until(gone(pid))
            await asyncio.to_thread(server.start)
            await ready_again(service)
        await books.wait_for_more(60)
    assert_unharmed(books, server.conninfo())
    assert_booked(bystanders, server.conninfo(), service)


async def test_an_outage_of_ten_seconds_passes(
    server: EmbeddedServer, service: ServiceProcess
) -> None:
    """Longer than a command may take."""
    async with under_load(service.base_url) as (books, bystanders):
        await books.wait_for_more(60)
        pid = end(server, FAST)
        await until(gone(pid))
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(server.start)
        await ready_again(service)
        await books.wait_for_more(60)
    assert books.statuses[503] > 0
    assert_unharmed(books, server.conninfo())
    assert_booked(bystanders, server.conninfo(), service)


@pytest.mark.parametrize("seconds", [HELD_UP, 3 * HELD_UP])
async def test_a_database_that_is_held_up_is_waited_for_or_refused(
    server: EmbeddedServer, service: ServiceProcess, seconds: float
) -> None:
    """It neither answers nor ends a connection, as on a disk or a network that hangs."""
    async with under_load(service.base_url) as (books, bystanders):
        await books.wait_for_more(60)
        with held_up(server):
            await asyncio.sleep(seconds)
        await ready_again(service)
        await books.wait_for_more(60)
    assert books.statuses[503] > 0
    assert_unharmed(books, server.conninfo())
    assert_booked(bystanders, server.conninfo(), service)
