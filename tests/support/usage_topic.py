"""Usage over a real Kafka: what gateways send, who consumes it, and what became of it."""

import asyncio
import json
import signal
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from services.broker.topics import Topic, ensure
from services.cli.usage_work import opened_loop
from services.command.api.usage_messages import reading
from services.command.application.usage_consumer import UsageBooker, UsageConsumer, UsageTopic
from services.database.connections import service_conninfo
from tests.support.broker import Broker
from tests.support.command_line import environment, line
from tests.support.relaying import cluster_of
from tests.support.usage import rows

SECONDS = 30.0
PARTITIONS = 3
SOURCE = "eu"
Headers = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as a gateway sends it; `value` is JSON unless it is bytes already."""

    value: object
    key: str | None = None
    headers: Headers = field(default_factory=dict)
    partition: int | None = None

    @property
    def raw(self) -> bytes | None:
        if self.value is None or isinstance(self.value, bytes):
            return self.value
        return json.dumps(self.value).encode()


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one test on one broker."""

    broker: Broker
    usage: str
    dead_per_hour: int = 1_000
    source: str = SOURCE

    @property
    def dead(self) -> str:
        return f"{self.usage}.dead"

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process of ours."""
        return {
            "TEAMLEDGER_KAFKA_BOOTSTRAP": self.broker.bootstrap,
            "TEAMLEDGER_KAFKA_USAGE_TOPIC": self.usage,
            "TEAMLEDGER_KAFKA_USAGE_DEAD_TOPIC": self.dead,
            "TEAMLEDGER_KAFKA_USAGE_SOURCE": self.source,
            "TEAMLEDGER_KAFKA_USAGE_DEAD_PER_HOUR": str(self.dead_per_hour),
        }

    def allowing(self, dead_per_hour: int) -> "Topics":
        return replace(self, dead_per_hour=dead_per_hour)

    def make(self, partitions: int = PARTITIONS) -> None:
        wanted = [Topic(self.usage, partitions, 1), Topic(self.dead, 1, 1)]
        ensure(cluster_of(self.broker), wanted)

    def send(self, messages: Iterable[Sent], codec: str | None = None) -> None:
        """All of them are acknowledged when this returns."""
        with producing(self.broker, codec) as producer:
            for one in messages:
                told: dict[str, Any] = {
                    "key": None if one.key is None else one.key.encode(),
                    "headers": [(name, _bytes(text)) for name, text in one.headers.items()],
                }
                if one.partition is not None:
                    told["partition"] = one.partition
                producer.send(self.usage, one.raw, **told)

    def damage(self, partition: int, text: bytes) -> None:
        """Change a byte of where this text stands in the file of a partition."""
        [segment] = self.broker.directory.glob(f"**/{self.usage}-{partition}/*.log")
        with segment.open("r+b") as file:
            file.seek(file.read().index(text))
            file.write(bytes([text[0] ^ 1]))

    def letters(self) -> list[Any]:
        """The records of the topic of dead letters."""
        consumer = KafkaConsumer(bootstrap_servers=self.broker.bootstrap)
        place = TopicPartition(self.dead, 0)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end, found = consumer.end_offsets([place])[place], []
        while consumer.position(place) < end:
            polled = consumer.poll(timeout_ms=1_000)
            found += [record for records in polled.values() for record in records]
        consumer.close()
        return found

    @property
    def consumed(self) -> UsageTopic:
        return UsageTopic(
            cluster_of(self.broker), self.usage, self.dead, self.source, self.dead_per_hour
        )


@contextmanager
def producing(broker: Broker, codec: str | None = None) -> Iterator[KafkaProducer]:
    """A gateway's producer; what it sent is acknowledged when the block ends."""
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap,
        compression_type=codec,
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
    )
    try:
        yield producer
        producer.flush(timeout=SECONDS)
    finally:
        producer.close(timeout=5)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def item(number: int, cost: str = "1", **told: object) -> dict[str, Any]:
    """A call as a gateway writes it, that began a minute ago."""
    began = datetime.now(UTC) - timedelta(minutes=1)
    return {
        "id": f"call-{number}",
        "started_at": began.isoformat(),
        "model": "gpt-4o",
        "cost": cost,
        **told,
    }


@asynccontextmanager
async def _opened(url: str, topics: Topics) -> AsyncIterator[UsageConsumer]:
    topic = topics.consumed
    async with opened_loop(service_conninfo(url)) as (loop, pool):
        booker = UsageBooker(topic, loop, pool)
        yield UsageConsumer(topic, booker, reading(topic.source))


async def consume_until_it_ends(url: str, topics: Topics) -> None:
    """Raises why it does."""
    async with _opened(url, topics) as consumer, asyncio.timeout(SECONDS):
        await consumer.run()


@asynccontextmanager
async def consuming_usage(url: str, topics: Topics) -> AsyncIterator[UsageConsumer]:
    """A consumer beside the block, stopped with it; its failure is the test's."""
    async with _opened(url, topics) as consumer:
        running = asyncio.create_task(consumer.run())
        try:
            yield consumer
        finally:
            consumer.stop()
            async with asyncio.timeout(SECONDS):
                await running


async def consumed(url: str, topics: Topics) -> None:
    """Consume until everything is read that is there now."""
    async with consuming_usage(url, topics):
        await eventually(lambda: read_up(url, topics))


async def eventually(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not await asyncio.to_thread(reached):
        assert time.monotonic() < deadline, "it does not come to pass"
        await asyncio.sleep(0.02)


def read_up(url: str, topics: Topics) -> bool:
    """Whether the places in the ledger are where the topic ends."""
    return places(url, topics) == ends(topics)


def places(url: str, topics: Topics) -> dict[int, int]:
    found = rows(
        url, "SELECT partition, next_offset FROM usage.places WHERE topic = %s", topics.usage
    )
    return {row[0]: row[1] for row in found}


def ends(topics: Topics) -> dict[int, int]:
    consumer = KafkaConsumer(bootstrap_servers=topics.broker.bootstrap)
    try:
        partitions = consumer.partitions_for_topic(topics.usage) or set()
        there = [TopicPartition(topics.usage, partition) for partition in partitions]
        return {place.partition: end for place, end in consumer.end_offsets(there).items()}
    finally:
        consumer.close()


@dataclass(frozen=True, slots=True)
class ConsumerProcess:
    """`teamledger usage-consumer`; tests kill and freeze `process`."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def told(self) -> str:
        return self.log.read_text()

    @property
    def has_begun(self) -> bool:
        """Whether it can be asked to stop: before that a signal ends it like any other program."""
        return "teamledger books usage from" in self.told

    def kill(self) -> None:
        """However it is, frozen or gone, it is gone afterwards."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


def start_consumer(url: str, topics: Topics) -> ConsumerProcess:
    """As an operator starts it: with the brokers, without keys."""
    env = environment(TEAMLEDGER_DATABASE_URL=url, **topics.env)
    path = topics.broker.directory / f"usage-consumer-{uuid.uuid4().hex}.log"
    with path.open("ab") as log:
        process = subprocess.Popen(line("usage-consumer"), env=env, stdout=log, stderr=log)
    return ConsumerProcess(process, path)
