"""Two service processes on one database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.pair import Clients
from tests.support.postgres import fresh_database
from tests.support.service import ServiceProcess, Start, on_database


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(postgres_server) as address:
        yield address


@pytest.fixture(scope="module")
def services(url: str, start_service: Start) -> Iterator[list[ServiceProcess]]:
    """Both are started at once: either may be the one that migrates."""
    started = [start_service(on_database(url), ready=False) for _ in range(2)]
    for service in started:
        service.wait_until_ready()
    yield started
    assert [service.stop() for service in started] == [0, 0]


@pytest.fixture
async def clients(services: list[ServiceProcess]) -> AsyncIterator[Clients]:
    a, b = services
    async with client_of(a) as first, client_of(b) as second:
        yield first, second


def client_of(service: ServiceProcess) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=50)
    return httpx.AsyncClient(base_url=service.base_url, timeout=30, limits=limits)
