"""No room is left on the data directory's file system while clients write, and then there is."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from tests.support.aftermath import assert_booked, assert_unharmed, ready_again
from tests.support.bystanders import under_load
from tests.support.load import Books
from tests.support.loop import until
from tests.support.service import ServiceProcess, Start
from tests.support.small_disk import fill

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
NO_MORE_LOG = """
SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000)), pg_switch_wal()
"""


async def test_a_full_disk_is_refused_clearly_and_room_is_all_that_it_takes(
    start_service: Start, small_disk: Path
) -> None:
    """Tables cannot grow: whoever writes is refused."""
    service = start_service({"TEAMLEDGER_DATA_DIR": str(small_disk / "data")})
    url = EmbeddedServer(small_disk / "data").conninfo()
    async with under_load(service.base_url) as (books, bystanders):
        await books.wait_for_more(60)
        ballast = await asyncio.to_thread(fill, small_disk)
        await until(another_refusal(books, 20))
        refused = await asyncio.to_thread(write, service)
        ballast.unlink()
        await ready_again(service)
        await books.wait_for_more(60)
    assert refused.status_code == 503
    assert "no room left, outcome: not executed" in refused.text
    assert_unharmed(books, url)
    assert_booked(bystanders, url, service)
    assert service.stop() == 0


async def test_a_database_that_ended_for_want_of_room_is_started_again(
    start_service: Start, small_disk: Path
) -> None:
    """It may not go on without its write-ahead log, nor start."""
    service = start_service({"TEAMLEDGER_DATA_DIR": str(small_disk / "data")})
    server = EmbeddedServer(small_disk / "data")
    async with under_load(service.base_url) as (books, bystanders):
        await books.wait_for_more(60)
        ballast = await asyncio.to_thread(fill, small_disk)
        await asyncio.to_thread(write_until_it_ends, server)
        await until(another_refusal(books, 20))
        assert not server.listens()
        ballast.unlink()
        await ready_again(service)
        await books.wait_for_more(60)
    assert "the embedded database does not start" in service.log.read_text()
    assert_unharmed(books, server.conninfo())
    assert_booked(bystanders, server.conninfo(), service)
    assert service.stop() == 0


def write(service: ServiceProcess) -> httpx.Response:
    with service.client() as http:
        return http.post("/team/new", json={"team_id": "no room", "metadata": {"x": "x" * 10_000}})


def another_refusal(books: Books, times: int) -> Callable[[], bool]:
    before = books.statuses[503]
    return lambda: books.statuses[503] >= before + times


def write_until_it_ends(server: EmbeddedServer) -> None:
    """Whatever log the server had put by for later is used up."""
    while server.listens():
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(owner_conninfo(server.conninfo()), autocommit=True) as conn,
        ):
            while True:
                conn.execute(NO_MORE_LOG)
