"""A process that reads a topic: its orders are the lines of its standard input.

What arrives goes to its standard output. It ends when that input ends: with whoever started it.
"""

import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from events.messages import Received
from services.projection.feed.pipe import Task, Wanted, frame
from services.projection.feed.topic import TopicReader
from services.telemetry import configure_logging


def main() -> None:
    """Read as ordered."""
    orders, out = sys.stdin.buffer, _output()
    task = Task.of(orders.readline())
    configure_logging(task.log_level)

    def tell(arrived: Sequence[Received] | None) -> None:
        out.write(frame(arrived))
        out.flush()

    reader = TopicReader(task.cluster, task.topic, tell)
    _obey(reader, orders.readline())
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # records are many, and hold no cycles
    threading.Thread(target=_take_orders, args=(reader, orders), daemon=True).start()
    reader.follow()


def _output() -> BinaryIO:
    """For frames only: what anybody prints goes where the log goes."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _take_orders(reader: TopicReader, orders: BinaryIO) -> None:
    with suppress(OSError, ValueError):
        for line in orders:
            _obey(reader, line)
    os._exit(0)


def _obey(reader: TopicReader, line: bytes) -> None:
    wanted = Wanted.of(line)
    reader.begin(wanted.position, wanted.epoch)


if __name__ == "__main__":
    main()
