"""Commands, relays, projections and a broker apart, under load, killed one after the other.

What was acknowledged is stored once and in the read models once, whoever was killed meanwhile, and
the read models equal a fold that knows none of our code.
"""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from services.projection.projectors import GROUP
from tests.support.aftermath import assert_booked, assert_unharmed, ready_again
from tests.support.broker import Broker
from tests.support.bystanders import Bystanders, looking_on
from tests.support.kills import end, frozen, gone
from tests.support.load import Books, load
from tests.support.loop import until
from tests.support.postgres import open_directory, running_server
from tests.support.relaying import in_order, make_topic, on_broker, published, start_relay
from tests.support.service import ServiceProcess, Start, free_port, on_database
from tests.support.stored import count, stored_facts

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(240)]
FROZEN, TRIES, HELD = 5.0, 100, 0.5
TAKEN_UP = 30.0  # a process has to start first, beside all others on two cores

HOLDER = """
SELECT a.pid, a.xact_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.database = a.datid
  AND a.datname = current_database() AND a.state = 'idle in transaction'
  AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0)
"""


@dataclass
class Deployment:
    """Two of each, read models in a database of their own; ports outlive processes."""

    start: Start
    server: EmbeddedServer
    broker: Broker
    topic: str
    url: str
    read_url: str
    commands: list[ServiceProcess] = field(default_factory=list)
    projections: list[ServiceProcess] = field(default_factory=list)

    def command(self, port: str | None = None) -> ServiceProcess:
        env = on_database(self.url) | {"TEAMLEDGER_PORT": port or str(free_port())}
        return self.start(env, ready=False, role="command")

    def projection(self, port: str | None = None) -> ServiceProcess:
        env = on_database(self.url, self.read_url) | on_broker(self.broker, self.topic)
        env["TEAMLEDGER_PORT"] = port or str(free_port())
        return self.start(env, ready=False, role="projection")

    def kill_and_start_command(self, number: int) -> None:
        old = self.commands[number]
        old.kill()
        self.commands[number] = self.command(old.base_url.rpartition(":")[2])

    def kill_and_start_projection(self, number: int) -> None:
        old = self.projections[number]
        old.kill()
        self.projections[number] = self.projection(old.base_url.rpartition(":")[2])


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """One of this module alone: it is restarted."""
    with open_directory() as parent, running_server(parent / "data") as started:
        yield started


@pytest.fixture
def deployment(
    server: EmbeddedServer, kafka: Broker, topic: str, start_service: Start
) -> Iterator[Deployment]:
    make_topic(kafka, topic)
    urls = new_database(server), new_database(server)
    made = Deployment(start_service, server, kafka, topic, *urls)
    made.commands = [made.command() for _ in range(2)]
    made.projections = [made.projection() for _ in range(2)]
    for service in (*made.commands, *made.projections):
        service.wait_until_ready()
    yield made
    for service in (*made.commands, *made.projections):
        service.kill()


def new_database(server: EmbeddedServer) -> str:
    """Not dropped in the end: no session outlives a restart."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server.conninfo(name)


@asynccontextmanager
async def at_work(deployment: Deployment) -> AsyncIterator[tuple[Books, Bystanders]]:
    """Clients write through both commands, and others ask both projections all the while."""
    commands = [service.base_url for service in deployment.commands]
    reads = [service.base_url for service in deployment.projections]
    async with (
        load(*commands, clients=4) as books,
        looking_on(*reads, commands=commands[0], books=books) as bystanders,
    ):
        yield books, bystanders


async def test_whoever_is_killed_nothing_is_lost_or_doubled(
    deployment: Deployment, kafka: Broker, topic: str
) -> None:
    with running_relays(deployment) as relays:
        async with at_work(deployment) as (books, bystanders):
            await disturb(deployment, relays, books)
        facts = stored_facts(deployment.url)
        told = await asyncio.to_thread(published, kafka, topic, len(facts))
    assert in_order(told) == [fact.position for fact in facts]
    await ready_again(*deployment.commands, *deployment.projections)
    assert books.statuses[200] > books.statuses[503]
    assert_unharmed(books, deployment.url, deployment.read_url, killed=True)
    assert_booked(bystanders, deployment.url, deployment.projections[0])


async def test_a_frozen_projection_does_not_keep_the_other_from_answering(
    deployment: Deployment,
) -> None:
    """Not for long, though it holds the lock of those who write read models all the while."""
    with running_relays(deployment):
        async with at_work(deployment) as (books, bystanders):
            await books.wait_for_more(40)
            async with frozen_at_work(deployment) as other:
                await asyncio.sleep(FROZEN)
                await ready_again(other)
            await ready_again(*deployment.projections)
            await books.wait_for_more(40)
    await ready_again(*deployment.projections)
    assert books.statuses[503] > 0
    assert_unharmed(books, deployment.url, deployment.read_url)
    assert_booked(bystanders, deployment.url, deployment.projections[0])


@asynccontextmanager
async def frozen_at_work(deployment: Deployment) -> AsyncIterator[ServiceProcess]:
    """One projection stands still in the middle of a batch; the other one."""
    for _ in range(TRIES):
        for one, other in permutations(deployment.projections):
            with frozen(one.process):
                if await asyncio.to_thread(held_for_a_while, deployment.read_url):
                    yield other
                    return
            await asyncio.sleep(0.01)
    pytest.fail("no projection was met in the middle of a batch")


def held_for_a_while(read_url: str) -> bool:
    """Whether one transaction has the lock of the read models, and keeps it."""
    with psycopg.connect(owner_conninfo(read_url), autocommit=True) as conn:
        ends, first = time.monotonic() + HELD, holder(conn)
        while first is not None and time.monotonic() < ends:
            if holder(conn) != first:
                return False
    return first is not None


def holder(conn: psycopg.Connection[Any]) -> tuple[Any, ...] | None:
    return conn.execute(HOLDER, (f"read.groups {GROUP}",)).fetchone()


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
    """One after the other: either relay and projection, a command, the broker, the database."""
    broker = deployment.broker
    for number in range(2):
        await books.wait_for_more(40)
        await asyncio.to_thread(published_more, deployment)
        relays[number].kill()
        relays.append(start_relay(deployment.url, broker, deployment.topic))
        await books.wait_for_more(40)
        deployment.kill_and_start_projection(number)
    await books.wait_for_more(40)
    deployment.kill_and_start_command(1)
    await asyncio.to_thread(deployment.commands[1].wait_until_ready)
    await books.wait_for_more(40)
    broker.kill()
    await books.wait_for_more(40)
    broker.start()
    await asyncio.to_thread(broker.wait_until_ready)
    await ready_again(*deployment.projections)
    await books.wait_for_more(40)
    await until(gone(end(deployment.server, signal.SIGQUIT)))
    await asyncio.to_thread(deployment.server.start)
    await ready_again(*deployment.commands, *deployment.projections)
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
