"""`python -m tests.benchmarks.usage_kafka`: usage through Kafka beside HTTP and the ledger itself.

One service as a user starts it, one database, one broker. Each round books calls of the same keys
and models in three ways: over the topic by `teamledger usage-consumer`, by POST /v1/usage, and
directly in the ledger by this process. Rates are of calls booked; compare those of one run.

Exit code 0: measured; 2: it could not be, and why.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Annotated

import psycopg
import typer
from kafka import KafkaProducer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from services.broker.topics import Topic, ensure
from services.command.application.ledger import Ledger
from services.command.application.ledger_page import Entry
from services.command.application.ledger_store import LedgerStore
from services.command.application.usage_batch import AT_ONCE
from services.database.connections import open_pool, service_conninfo
from services.database.embedded import EmbeddedServer
from tests.benchmarks.calls import KEYS, SOURCE, Calls
from tests.benchmarks.processes import BenchmarkError, teamledger, workspace
from tests.benchmarks.usage_http import item, prepare, round_of
from tests.support.broker import Broker, running_broker
from tests.support.command_line import line
from tests.support.relaying import cluster_of

USAGE, DEAD = "bench.usage", "bench.usage.dead"
HTTP_BATCH, SENDERS = 1_000, 4
SLOWEST = 1_000  # calls per second
_HEAD = "SELECT coalesce(max(position), 0) FROM usage.batches"


class Round(BaseModel):
    """Calls per second in each of the ways, one after the other."""

    model_config = ConfigDict(frozen=True)
    kafka: float
    http: float
    ledger: float


class Bench:
    """A broker, and a service with its database, in which the same calls are booked."""

    def __init__(self, broker: Broker, port: int, data: Path, gateway: str) -> None:
        self._broker, self._port, self._data, self._gateway = broker, port, data, gateway
        self._url = service_conninfo(EmbeddedServer(data).conninfo())
        self._calls = Calls(datetime.now(UTC))
        self._chance = Random(secrets.randbits(64))
        topics = [Topic(USAGE, replication=1, partitions=12), Topic(DEAD, replication=1)]
        ensure(cluster_of(broker), topics)

    def round(self, calls: int, seconds: float) -> Round:
        """So many calls over Kafka, and the others for so long."""
        kafka = self._over_kafka(calls)
        http = round_of(self._port, self._gateway, HTTP_BATCH, seconds, SENDERS).calls
        return Round(kafka=kafka, http=http, ledger=asyncio.run(self._direct(seconds)))

    def _over_kafka(self, calls: int) -> float:
        """From the first batch that is booked to the last: the start of a process is not in it."""
        self._produce(calls)
        with psycopg.connect(self._url, autocommit=True) as connection:
            before = self._head(connection)
            with self._consumer() as process:
                deadline = monotonic() + 30 + calls / SLOWEST
                first, began = before, 0.0
                while (head := self._head(connection)) < before + calls:
                    if first == before and head > before:
                        first, began = head, perf_counter()
                    if process.poll() is not None or monotonic() > deadline:
                        raise BenchmarkError(f"of {calls} calls {head - before} were booked")
                    sleep(0.002)
                return (before + calls - first) / (perf_counter() - began)

    def _head(self, connection: psycopg.Connection[tuple[int]]) -> int:
        row = connection.execute(_HEAD).fetchone()
        return 0 if row is None else row[0]

    def _produce(self, calls: int) -> None:
        producer = KafkaProducer(
            bootstrap_servers=self._broker.bootstrap,
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            linger_ms=20,
            batch_size=128 * 1024,
        )
        for number in range(calls):
            producer.send(USAGE, item(self._chance), key=b"key-%d" % (number % KEYS))
        producer.flush(timeout=120)
        producer.close(timeout=10)

    @contextmanager
    def _consumer(self) -> Iterator["subprocess.Popen[bytes]"]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("TEAMLEDGER_")} | {
            "TEAMLEDGER_DATA_DIR": str(self._data),
            "TEAMLEDGER_KAFKA_BOOTSTRAP": self._broker.bootstrap,
            "TEAMLEDGER_KAFKA_USAGE_TOPIC": USAGE,
            "TEAMLEDGER_KAFKA_USAGE_DEAD_TOPIC": DEAD,
            "TEAMLEDGER_KAFKA_USAGE_SOURCE": SOURCE,
        }
        with (self._broker.directory / "consumer.log").open("ab") as log:
            process = subprocess.Popen(line("usage-consumer"), env=env, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    async def _direct(self, seconds: float) -> float:
        pool = await open_pool(self._url, 1, 2, "benchmark")
        ledger = Ledger(LedgerStore(pool), deadline=60)
        ledger.start()
        booked, took = 0, 0.0
        while took < seconds:
            self._calls.now = datetime.now(UTC)
            calls = self._calls.batch(AT_ONCE)
            began = perf_counter()
            await ledger.book([Entry(SOURCE, *call) for call in calls])
            took += perf_counter() - began
            booked += len(calls)
        await ledger.stop()
        await pool.close()
        return booked / took


def measure(rounds: int, calls: int, seconds: float, directory: Path | None) -> list[Round]:
    """On a data directory and a broker of their own. Raises BenchmarkError."""
    master_key = f"sk-{secrets.token_hex(16)}"
    with (
        workspace(directory) as place,
        running_broker(1) as broker,
        teamledger(None, place / "served", master_key) as server,
    ):
        gateway = prepare(server.port, master_key)
        bench = Bench(broker, server.port, place / "served", gateway)
        bench.round(20_000, seconds)  # every series is there afterwards
        return [bench.round(calls, seconds) for _ in range(rounds)]


def table(rounds: list[Round]) -> Table:
    """The rounds as they are printed."""
    shown = Table(title="calls per second; median of the rounds")
    for heading in ("way", "calls/s", "lowest–highest", "Kafka by it"):
        shown.add_column(heading, justify="right", no_wrap=True)
    names = {
        "kafka": "usage-consumer",
        "http": f"POST /v1/usage, {HTTP_BATCH:,} at once",
        "ledger": f"ledger alone, {AT_ONCE:,} at once",
    }
    for field, name in names.items():
        rates = [getattr(each, field) for each in rounds]
        share = median(each.kafka / getattr(each, field) for each in rounds)
        spread = f"{min(rates):,.0f}–{max(rates):,.0f}"
        shown.add_row(name, f"{median(rates):,.0f}", spread, f"{share:.0%}")
    return shown


def main(
    rounds: Annotated[int, typer.Option(min=1, max=100)] = 3,
    calls: Annotated[int, typer.Option(min=1_000, help="Over Kafka, each round.")] = 100_000,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="Each other way.")] = 3.0,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure usage through Kafka beside the other ways into the ledger."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        found = measure(rounds, calls, seconds, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(table(found))


if __name__ == "__main__":
    typer.run(main)
