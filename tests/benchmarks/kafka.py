"""Events per second over a real Kafka and beside it: `python -m tests.benchmarks.kafka`.

One store with the history of a gateway that grows. A relay publishes it; then the running group of
projectors fills empty read models by turns from the topic and from the log itself. Needs Java and
Maven.
"""

import asyncio
import gc
import statistics
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

import psycopg
import typer
import uvloop
from rich.console import Console
from rich.table import Table

from services.command.application.relay import Relay
from services.database.connections import open_pool, relay_conninfo, service_conninfo
from services.projection.feed.kafka import KafkaFeed
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
from tests.benchmarks.projection import history
from tests.support.broker import Broker, running_broker
from tests.support.eventlog import append, create_read, create_store, owner
from tests.support.postgres import fresh_database, open_directory, running_server
from tests.support.projected import open_sealed
from tests.support.relaying import cluster_of, make_topic

LONGEST_SECONDS = 600
NEVER = 10_000.0
_PLACE = "SELECT position FROM ops.relay WHERE topic = %s"


@dataclass
class Rates:
    """Events per second, round by round, of what was measured under this name."""

    name: str
    rates: list[float] = field(default_factory=list)

    def row(self) -> tuple[str, str, str]:
        low, high = min(self.rates), max(self.rates)
        return self.name, f"{statistics.median(self.rates):,.0f}", f"{low:,.0f}–{high:,.0f}"


class Bench:
    """A store of `count` events and a broker."""

    def __init__(self, url: str, broker: Broker, count: int) -> None:
        self._url, self._broker, self._count = url, broker, count

    def relay(self) -> tuple[str, float]:
        """Publish everything to a topic of its own; its name, and events per second."""
        topic = f"bench.{uuid.uuid4().hex}"
        make_topic(self._broker, topic)
        relay = Relay(relay_conninfo(self._url), cluster_of(self._broker), topic)
        thread = threading.Thread(target=relay.run)
        began = time.perf_counter()
        thread.start()
        with psycopg.connect(self._url, autocommit=True) as connection:
            while connection.execute(_PLACE, (topic,)).fetchone() != (self._count,):
                if time.perf_counter() - began > LONGEST_SECONDS or not thread.is_alive():
                    raise TimeoutError("the relay has not published everything")
                time.sleep(0.01)
        seconds = time.perf_counter() - began
        relay.stop()
        thread.join()
        return topic, self._count / seconds

    async def project(self, topic: str | None) -> float:
        """Fill empty read models from the topic, or from the log; events per second."""
        create_read(self._url)
        async with self._group(topic) as group:
            began = time.perf_counter()
            running = asyncio.create_task(group.run())
            await group.wait_for(self._count, LONGEST_SECONDS)
            seconds = time.perf_counter() - began
            await group.stop()
            await running
        with owner(self._url) as connection:
            connection.execute("DROP SCHEMA read CASCADE")
        return self._count / seconds

    @asynccontextmanager
    async def _group(self, topic: str | None) -> AsyncIterator[ProjectionGroup]:
        pool = await open_pool(service_conninfo(self._url), 2, 8, "benchmark")
        store, head = StoreFeed(pool, service_conninfo(self._url)), Head(pool)
        feed: StoreFeed | KafkaFeed = store
        if topic is not None:
            feed = KafkaFeed(cluster_of(self._broker), topic, store, head, patience=NEVER)
        try:
            yield ProjectionGroup(GROUP, contract_projectors(open_sealed), feed, pool, head)
        finally:
            await feed.close()
            await store.close()
            await pool.close()


def measure(events: int, rounds: int) -> list[Rates]:
    """All of it, in turns."""
    relayed, topic, log = Rates("relay"), Rates("projection, topic"), Rates("projection, log")
    with (
        open_directory() as parent,
        running_server(parent / "data") as server,
        fresh_database(server) as url,
        running_broker(1) as broker,
    ):
        bench = Bench(url, broker, _fill(url, events))
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)  # as the service sets them
        for _ in range(rounds):
            name, rate = bench.relay()
            relayed.rates.append(rate)
            topic.rates.append(uvloop.run(bench.project(name)))
            log.rates.append(uvloop.run(bench.project(None)))
    return [relayed, topic, log]


def _fill(url: str, count: int) -> int:
    create_store(url)
    envelopes = [at for command in history(count) for at in command]
    with owner(url) as conn:
        append(conn, envelopes)
        conn.execute("VACUUM ANALYZE events.stored_events")
    return envelopes[-1].position


def main(
    events: Annotated[int, typer.Option(min=1_000)] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, max=50)] = 3,
) -> None:
    """Measure the relay, and projections from the topic beside those from the log."""
    shown = Table(title=f"{events:,} events over Kafka; per second")
    for heading in ("", "median", "lowest–highest"):
        shown.add_column(heading, justify="right" if heading else "left")
    for rates in measure(events, rounds):
        shown.add_row(*rates.row())
    Console().print(shown)


if __name__ == "__main__":
    typer.run(main)
