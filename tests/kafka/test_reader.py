"""The process that reads a topic ends with the one it reads for."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.consuming import readers
from tests.support.kills import gone
from tests.support.loop import until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]

PARENT = """
import time, uuid
from services.broker.cluster import Cluster
from services.projection.feed.reader import Reader
from services.projection.feed.run import Run
Reader(Cluster(("127.0.0.1:1",)), "topic", Run(), print).begin(0, uuid.uuid4())
time.sleep(600)
"""


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has a topic read which no broker has."""
    with subprocess.Popen((sys.executable, "-c", PARENT), stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    "how", [(signal.SIGTERM,), (signal.SIGKILL,), (signal.SIGSTOP, signal.SIGKILL)]
)
async def test_however_that_ends(
    parent: "subprocess.Popen[bytes]", how: tuple[signal.Signals, ...]
) -> None:
    await until(lambda: len(readers(parent.pid)) == 1)
    [reader] = readers(parent.pid)
    for number in how:
        parent.send_signal(number)
    parent.wait()
    await until(gone(reader))
