"""Commands, relays, projections and a broker apart, under load, killed one after the other.

What was acknowledged is stored once and in the read models once, whoever was killed meanwhile, and
the read models equal a fold that knows none of our code.
"""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.broker import Broker
from tests.support.load import Books, load
from tests.support.oracle import assert_projected
from tests.support.postgres import fresh_database
from tests.support.relaying import in_order, make_topic, on_broker, published, start_relay
from tests.support.service import MASTER_KEY, ServiceProcess, Start, free_port, on_database
from tests.support.stored import count, stored_facts

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(240)]
READY_AGAIN = 15.0
TAKEN_UP = 30.0  # a process has to start first, beside all others on two cores


@dataclass
class Deployment:
    """Two of each, read models in a database of their own; ports outlive processes."""

    start: Start
    broker: Broker
    topic: str
    url: str
    read_url: str
    commands: list[ServiceProcess] = field(default_factory=list)
    projections: list[ServiceProcess] = field(default_factory=list)

    def command(self) -> ServiceProcess:
        env = on_database(self.url) | {"TEAMLEDGER_PORT": str(free_port())}
        return self.start(env, ready=False, role="command")

    def projection(self, port: str | None = None) -> ServiceProcess:
        env = on_database(self.url, self.read_url) | on_broker(self.broker, self.topic)
        env["TEAMLEDGER_PORT"] = port or str(free_port())
        return self.start(env, ready=False, role="projection")

    def kill_and_start_projection(self, number: int) -> None:
        old = self.projections[number]
        old.kill()
        self.projections[number] = self.projection(old.base_url.rpartition(":")[2])


@pytest.fixture
def deployment(
    postgres_server: EmbeddedServer, kafka: Broker, topic: str, start_service: Start
) -> Iterator[Deployment]:
    make_topic(kafka, topic)
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(postgres_server))
        read_url = stack.enter_context(fresh_database(postgres_server))
        made = Deployment(start_service, kafka, topic, url, read_url)
        made.commands = [made.command() for _ in range(2)]
        made.projections = [made.projection() for _ in range(2)]
        for service in (*made.commands, *made.projections):
            service.wait_until_ready()
        yield made
        for service in (*made.commands, *made.projections):
            service.kill()


@asynccontextmanager
async def readers(deployment: Deployment, seen: list[int]) -> AsyncIterator[None]:
    """Ask both projections all the while; note every status."""
    over = asyncio.Event()

    async def read(number: int) -> None:
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        async with httpx.AsyncClient(headers=headers, timeout=10) as client:
            while not over.is_set():
                base = deployment.projections[number].base_url
                try:
                    answer = await client.get(f"{base}/v2/team/list", params={"page_size": 5})
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                seen.append(answer.status_code)

    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(read(number))
        try:
            yield
        finally:
            over.set()


async def ready_again(service: ServiceProcess) -> None:
    await asyncio.to_thread(service.wait_until_ready, READY_AGAIN)


async def test_whoever_is_killed_nothing_is_lost_or_doubled(
    deployment: Deployment, kafka: Broker, topic: str
) -> None:
    seen: list[int] = []
    bases = [service.base_url for service in deployment.commands]
    with running_relays(deployment) as relays:
        async with load(*bases, clients=4) as books, readers(deployment, seen):
            await disturb(deployment, relays, books)
        facts = stored_facts(deployment.url)
        told = await asyncio.to_thread(published, kafka, topic, len(facts))
    books.check(facts)
    assert books.unclear == []
    assert in_order(told) == [fact.position for fact in facts]
    assert set(seen) <= {200, 503}
    assert seen.count(200) > seen.count(503)
    for service in deployment.projections:
        await ready_again(service)
    assert_projected(deployment.url, deployment.read_url)


@contextmanager
def running_relays(deployment: Deployment) -> Iterator[list[subprocess.Popen[bytes]]]:
    def start() -> subprocess.Popen[bytes]:
        return start_relay(deployment.url, deployment.broker, deployment.topic)

    relays = [start(), start()]
    try:
        yield relays
    finally:
        for relay in relays:
            relay.kill()
            relay.wait()


async def disturb(
    deployment: Deployment, relays: list[subprocess.Popen[bytes]], books: Books
) -> None:
    """One after the other: either relay, either projection, the broker."""
    broker = deployment.broker
    for number in range(2):
        await books.wait_for_more(40)
        await asyncio.to_thread(published_more, deployment)
        relays[number].kill()
        relays.append(start_relay(deployment.url, broker, deployment.topic))
        await books.wait_for_more(40)
        deployment.kill_and_start_projection(number)
    await books.wait_for_more(40)
    broker.kill()
    await books.wait_for_more(40)
    broker.start()
    await asyncio.to_thread(broker.wait_until_ready)
    for service in deployment.projections:
        await ready_again(service)
    await books.wait_for_more(40)
    await asyncio.to_thread(published_more, deployment)


def published_more(deployment: Deployment) -> None:
    """Return once a relay has gone on."""
    noted = "SELECT coalesce(max(position), 0) FROM ops.relay"
    before = count(deployment.url, noted)
    deadline = time.monotonic() + TAKEN_UP
    while count(deployment.url, noted) <= before:
        assert time.monotonic() < deadline, "nobody publishes"
        time.sleep(0.1)
