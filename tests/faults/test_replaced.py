"""Processes are replaced one after another behind the router: nobody is refused, or asks twice."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.load import LONGEST_ANSWER, load
from tests.support.oracle import assert_projected
from tests.support.postgres import fresh_database
from tests.support.router import Router, running_router
from tests.support.service import ServiceProcess, Start, free_port, on_database
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
CLIENTS, MEANWHILE = 4, 20


@dataclass
class Deployment:
    """Two processes of either side, each of which may be replaced, and the router before them."""

    start: Start
    url: str
    router: Router
    ports: dict[str, list[int]]
    running: dict[int, ServiceProcess]

    def replace(self, role: str, port: int) -> None:
        """End what runs there, as an operator does, and start it anew; returns when it is ready."""
        if port in self.running:
            assert self.running.pop(port).stop() == 0
        env = on_database(self.url) | {"TEAMLEDGER_PORT": str(port)}
        self.running[port] = self.start(env, ready=False, role=role)
        self.running[port].wait_until_ready()


@pytest.fixture
def deployment(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Deployment]:
    ports = {role: [free_port(), free_port()] for role in ("command", "projection")}
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(postgres_server))
        router = stack.enter_context(running_router(ports["command"], ports["projection"]))
        made = Deployment(start_service, url, router, ports, {})
        for role, each in ports.items():
            for port in each:
                made.replace(role, port)
        yield made
        for service in made.running.values():
            service.kill()


async def test_nobody_is_refused_while_all_are_replaced(deployment: Deployment) -> None:
    async with load(deployment.router.base_url, clients=CLIENTS) as books:
        for role, ports in deployment.ports.items():
            for port in ports:
                await books.wait_for_more(MEANWHILE)
                await asyncio.to_thread(deployment.replace, role, port)
        await books.wait_for_more(MEANWHILE)
    assert (books.unclear, books.lost_connections) == ([], 0)
    assert books.statuses.keys() == {httpx.codes.OK, httpx.codes.NOT_FOUND}  # what was deleted
    assert books.longest < LONGEST_ANSWER
    books.check(stored_facts(deployment.url))
    assert_projected(deployment.url)
