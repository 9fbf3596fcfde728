"""A relay in a thread of the test, and what is in its topic as a stranger to our code reads it."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from services.broker.cluster import Cluster
from services.broker.topics import Topic, ensure
from services.command.application.relay import Relay
from services.database.connections import relay_conninfo
from tests.support.broker import Broker
from tests.support.command_line import environment, line
from tests.support.service import free_port

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Published:
    """A record of the topic: its headers as text, its value parsed as JSON."""

    offset: int
    key: str
    headers: dict[str, str]
    value: dict[str, Any]
    raw: bytes

    @property
    def position(self) -> int:
        return int(self.headers["ce_position"])


def cluster_of(broker: Broker) -> Cluster:
    return Cluster((broker.bootstrap,))


def make_topic(broker: Broker, topic: str) -> None:
    ensure(cluster_of(broker), [Topic(topic, replication=1)])


@contextmanager
def relaying(url: str, broker: Broker, topic: str, *, page: int = 2_000) -> Iterator[Relay]:
    """A relay that runs beside the block and is stopped with it; its failure is the test's."""
    relay = Relay(relay_conninfo(url), cluster_of(broker), topic, page=page)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            relay.run()
        except Exception as error:  # noqa: BLE001 raised below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield relay
    finally:
        relay.stop()
        thread.join(SECONDS)
        if failed:
            raise failed[0]
        assert not thread.is_alive()


@contextmanager
def reading(broker: Broker, topic: str) -> Iterator[KafkaConsumer]:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 0)])
    try:
        yield consumer
    finally:
        consumer.close()


def published(broker: Broker, topic: str, upto: int) -> list[Published]:
    """All records up to the first of the position `upto`, in the order of the topic."""
    found: list[Published] = []
    with reading(broker, topic) as consumer:
        while not found or found[-1].position < upto:
            polled = consumer.poll(timeout_ms=int(SECONDS * 1000), max_records=500)
            assert polled, f"{topic} ends at {found[-1].position if found else 'its beginning'}"
            found += [_parsed(record) for records in polled.values() for record in records]
    return found


def _parsed(record: Any) -> Published:  # noqa: ANN401
    headers = {name: value.decode() for name, value in record.headers}
    value = json.loads(record.value)
    return Published(record.offset, record.key.decode(), headers, value, record.value)


def in_order(records: list[Published]) -> list[int]:
    """The positions that are left when a consumer drops whatever it has seen; none is skipped."""
    seen = 0
    for record in records:
        assert record.position <= seen + 1, f"{record.position} follows {seen}"
        seen = max(seen, record.position)
    return list(range(1, seen + 1))


def start_relay(url: str, broker: Broker, topic: str, **own: str) -> subprocess.Popen[bytes]:
    """`teamledger relay` as an operator starts it: with the log and the brokers, without keys.

    `own` is added to its environment.
    """
    settings = {"TEAMLEDGER_RELAY_PORT": str(free_port()), **on_broker(broker, topic), **own}
    env = environment(TEAMLEDGER_DATABASE_URL=url, **settings)
    with (broker.directory / "relay.log").open("ab") as log:
        return subprocess.Popen(line("relay"), env=env, stdout=log, stderr=log)


def on_broker(broker: Broker, topic: str) -> dict[str, str]:
    return {
        "TEAMLEDGER_KAFKA_BOOTSTRAP": broker.bootstrap,
        "TEAMLEDGER_KAFKA_EVENTS_TOPIC": topic,
    }
