"""A real Apache Kafka for tests: one node for the whole run, three where a test asks for them."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.support.postgres import open_directory

SCRIPT = Path(__file__).parents[2] / "deploy/kafka/kafka.sh"
START_SECONDS = 60.0
FETCH_SECONDS = 500
TRIES = 20


@dataclass
class Broker:
    """A cluster in a directory; its nodes are numbered from 1 and killed or stopped by tests."""

    directory: Path
    port: int
    nodes: int
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{self.port + n}" for n in range(self.nodes))

    def start(self, *nodes: int) -> None:
        """Run these nodes, all of them without any named."""
        for node in nodes or range(1, self.nodes + 1):
            with (self.directory / f"node-{node}.log").open("ab") as log:
                command = [str(SCRIPT), "node", str(self.directory), str(node)]
                self.running[node] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, *nodes: int) -> None:
        """SIGKILL these nodes, all that run without any named."""
        for node in nodes or tuple(self.running):
            process = self.running.pop(node)
            process.send_signal(signal.SIGKILL)
            process.wait()

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Return once all nodes that run are members of the cluster."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.members() >= len(self.running):
                return
            if any(process.poll() is not None for process in self.running.values()):
                break
        logs = [path.read_text()[-2000:] for path in self.directory.glob("*.log")]
        pytest.fail("\n".join([f"Kafka is not ready after {seconds} s:", *logs]))

    def members(self) -> int:
        """How many nodes the cluster says that it has now."""
        if not any(_listens(self.port + n) for n in range(self.nodes)):
            return 0  # kafka-python leaves sockets open where nobody listens
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=1_000)
        except KafkaError:
            return 0
        try:
            brokers = admin.describe_cluster()["brokers"]
            return sum(not broker["is_fenced"] for broker in brokers)
        except KafkaError:
            return 0
        finally:
            admin.close()


@contextmanager
def running_broker(nodes: int) -> Iterator[Broker]:
    """A new cluster, ended with whatever is left of it."""
    with open_directory() as parent:
        broker = Broker(parent / "kafka", free_ports(nodes), nodes)
        format_it = [str(SCRIPT), "format", str(broker.directory), str(nodes), str(broker.port)]
        subprocess.run(format_it, check=True, timeout=FETCH_SECONDS)
        broker.start()
        try:
            broker.wait_until_ready()
            yield broker
        finally:
            broker.kill()


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """One node for all tests of this process: each names topics of its own."""
    require_kafka()
    with running_broker(1) as broker:
        yield broker


@pytest.fixture
def topic() -> str:
    """The name of a topic that no other test knows."""
    return f"test.{uuid.uuid4().hex}.events"


def require_kafka() -> None:
    """Skip where Kafka cannot be run; in CI, which has to bring what is needed, fail instead."""
    absent = [program for program in ("java", "mvn", "bash") if shutil.which(program) is None]
    if absent:
        told = f"a real Kafka needs {' and '.join(absent)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(nodes: int) -> int:
    """The first of adjacent free ports for listeners, with as many 100 above for controllers.

    Below those that clients are given: one of a client's own would be in the way of a restart.
    """
    for port in random.sample(range(12_000, 30_000, 10), TRIES):
        if _all_free([port + n + above for n in range(nodes) for above in (0, 100)]):
            return port
    raise OSError("no adjacent ports are free")


def _all_free(ports: Sequence[int]) -> bool:
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
