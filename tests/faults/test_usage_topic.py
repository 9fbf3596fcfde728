"""Usage over Kafka while consumers are killed or frozen, and the broker goes away.

Every sum is in the end the one that the files say, to the last digit.
"""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.test_usage import CLAIMS, TEAMS, USERS, check, make_world
from tests.support.broker import Broker
from tests.support.deliveries import Gateways, Item, sent
from tests.support.service import ServiceProcess, Start, on_database
from tests.support.spend_oracle import Owner, SpendOracle
from tests.support.usage import rows
from tests.support.usage_topic import ConsumerProcess, Sent, Topics, ends, places, start_consumer

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(300)]
RECORDS, PARTITIONS, PORTIONS = 30_000, 6, 30
SECONDS = 90.0
HEAD = "SELECT coalesce(max(position), 0) FROM usage.batches"


@dataclass
class World:
    """A service with teams and keys, and a topic that gateways send files to."""

    service: ServiceProcess
    url: str
    topics: Topics
    owners: dict[str, Owner]
    gateways: Gateways
    paths: list[Path]
    consumers: list[ConsumerProcess] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        return list(sent(self.paths))

    def start(self) -> ConsumerProcess:
        self.consumers.append(start_consumer(self.url, self.topics))
        return self.consumers[-1]

    def head(self) -> int:
        return int(rows(self.url, HEAD)[0][0])

    def wait(self, reached: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not reached():
            assert time.monotonic() < deadline, f"{what}:\n{self.log[-8_000:]}"
            time.sleep(0.01)

    def read_up(self) -> None:
        """Return once everything is read that is there now."""
        last = ends(self.topics)
        self.wait(lambda: places(self.url, self.topics) == last, "not everything is read")

    def check(self) -> None:
        """All is read, and what is booked is what was sent."""
        self.read_up()
        oracle = SpendOracle(self.owners, TEAMS, USERS)
        oracle.read(sent(self.paths))
        check(self.service, self.url, oracle, self.gateways.now)

    @property
    def log(self) -> str:
        """What all consumers told."""
        return "\n".join(each.told for each in self.consumers)

    def stop(self) -> None:
        """Those that still run end as they are asked to."""
        running = [each for each in self.consumers if each.runs]
        self.wait(lambda: all(each.has_begun for each in running), "it has not begun")
        for each in running:
            each.process.send_signal(signal.SIGTERM)
        assert [each.process.wait(timeout=30) for each in running] == [0] * len(running)


@pytest.fixture
def world(
    database_url: str, kafka: Broker, topic: str, start_service: Start, tmp_path: Path
) -> Iterator[World]:
    service = start_service(on_database(database_url))
    owners = make_world(service)
    chance = random.Random(11)
    gateways = Gateways([*owners, "sk-unknown"], CLAIMS, datetime.now(UTC), chance)
    paths = gateways.write(tmp_path, RECORDS, 2)
    topics = Topics(kafka, topic)
    topics.make(PARTITIONS)
    made = World(service, database_url, topics, owners, gateways, paths)
    yield made
    for each in made.consumers:
        each.kill()
    service.stop()


def keyed(item: Item) -> Sent:
    """What is about one call goes to one partition: of an id the first counts."""
    return Sent(item, key=item.get("corrects", item["id"]))


@contextmanager
def sending(world: World, bad: int = 0) -> Iterator[None]:
    """A gateway beside the block, which sends everything, with so many messages nobody can book."""
    items, chance = world.items, random.Random(5)
    messages = [keyed(item) for item in items]
    for number in range(bad):
        messages.insert(chance.randrange(len(messages)), Sent(b"{", key=f"bad-{number}"))
    size = len(messages) // PORTIONS + 1

    def send() -> None:
        for start in range(0, len(messages), size):
            world.topics.send(messages[start : start + size])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join(SECONDS)
    assert not thread.is_alive()


@contextmanager
def watching(world: World) -> Iterator[None]:
    """While the block runs, no place moves back."""
    done = threading.Event()
    backward: list[tuple[Mapping[int, int], Mapping[int, int]]] = []

    def watch() -> None:
        before: Mapping[int, int] = {}
        while not done.is_set():
            now = places(world.url, world.topics)
            if any(now[partition] < offset for partition, offset in before.items()):
                backward.append((before, now))
            before = now
            done.wait(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert backward == []


def test_sums_are_those_of_what_was_sent_whoever_is_killed(world: World) -> None:
    """In the middle of booking, and while partitions are shared out anew."""
    moments, bad = random.Random(3), 40
    for _ in range(3):
        world.start()
    with watching(world), sending(world, bad):
        for number in range(1, 7):
            moment = RECORDS * number // 8
            world.wait(lambda moment=moment: world.head() >= moment, "nobody books")  # type: ignore[misc]
            victim = moments.choice([each for each in world.consumers if each.runs])
            if number % 2:
                world.start()  # it joins, and the other one goes while it does
                time.sleep(moments.uniform(0, 2))
            victim.kill()
            if not number % 2:
                world.start()
    world.check()
    letters = {origin(letter) for letter in world.topics.letters()}
    assert len(letters) == bad
    world.stop()


def origin(letter: object) -> tuple[bytes, bytes]:
    headers = dict(letter.headers)  # type: ignore[attr-defined]
    return headers["dead_partition"], headers["dead_offset"]


def test_a_frozen_consumer_that_returns_books_nothing_twice(world: World) -> None:
    frozen = world.start()
    with watching(world):
        with sending(world):
            world.wait(lambda: world.head() > RECORDS // 6, "nobody books")
            frozen.process.send_signal(signal.SIGSTOP)
            world.start()
        world.read_up()
        booked, ended = world.head(), ends(world.topics)
        frozen.process.send_signal(signal.SIGCONT)
        again = world.items[:2_000]
        world.topics.send(map(keyed, again))
        world.check()
        assert world.head() == booked
        assert sum(ends(world.topics).values()) == sum(ended.values()) + len(again)
    assert frozen.runs
    world.stop()


def test_a_broker_that_restarts_loses_and_doubles_nothing(world: World, kafka: Broker) -> None:
    world.topics.send(map(keyed, world.items))
    for _ in range(2):
        world.start()
    with watching(world):
        for number in (1, 3):
            moment = RECORDS * number // 5
            world.wait(lambda moment=moment: world.head() >= moment, "nobody books")  # type: ignore[misc]
            kafka.kill()
            kafka.start()
            kafka.wait_until_ready()
        world.check()
    assert all(each.runs for each in world.consumers)
    world.stop()
