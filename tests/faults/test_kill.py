"""kill -9 of the service and of its PostgreSQL while clients write: nothing acknowledged is lost.

Everything runs as a user starts it: `teamledger serve` on a data directory with its own database.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.aftermath import assert_booked, assert_unharmed, ready_again
from tests.support.bystanders import under_load
from tests.support.kills import (
    Kill,
    kill_both,
    kill_database,
    kill_database_and_stop_service,
    kill_service,
)
from tests.support.load import Books, load
from tests.support.loop import until
from tests.support.postgres import running_server
from tests.support.service import ServiceProcess, Start, free_port
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]


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
            await asyncio.to_thread(kill, service, data_dir)  # clients go on
            service = await asyncio.to_thread(start, env)
        await books.wait_for_more(50)
        await ready_again(service)
    yield service, books


@pytest.mark.parametrize(
    ("kill", "times"), [(kill_service, 3), (kill_both, 3), (kill_database_and_stop_service, 1)]
)
async def test_what_was_acknowledged_survives(
    start_service: Start, abandoned: Path, kill: Kill, times: int
) -> None:
    async with killed_under_load(start_service, abandoned, kill, times) as (service, books):
        assert books.lost_connections > 0
        url = EmbeddedServer(abandoned).conninfo()
        assert_unharmed(books, url, killed=True)
        facts = stored_facts(url)
        assert service.stop() == 0
    with running_server(abandoned) as server:
        assert stored_facts(server.conninfo()) == facts


async def test_a_database_that_is_killed_alone_is_started_again(
    start_service: Start, abandoned: Path
) -> None:
    """By the service that brought it, which goes on answering."""
    service = start_service({"TEAMLEDGER_DATA_DIR": str(abandoned)})
    url = EmbeddedServer(abandoned).conninfo()
    async with under_load(service.base_url) as (books, bystanders):
        for _ in range(2):
            await books.wait_for_more(60)
            refused = books.statuses[503]
            kill_database(abandoned)
            await until(lambda refused=refused: books.statuses[503] > refused)  # type: ignore[misc]
            await ready_again(service)
        await books.wait_for_more(60)
    assert_unharmed(books, url)
    assert_booked(bystanders, url, service)
    assert service.stop() == 0
    assert EmbeddedServer(abandoned).postmaster_pid() is None
