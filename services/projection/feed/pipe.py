"""What passes between a feed and the process that reads a topic for it: orders, and arrivals.

Orders are lines, the first one says which topic of which cluster. Arrivals are frames of pickled
tuples behind their length: far cheaper to take in than to read the records of the topic.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

import orjson

from events.messages import Received, Stored
from services.broker.cluster import Cluster

_LENGTH = 4
Row = tuple[str, int, int, str, bytes]
Rows = tuple[bytes, list[tuple[Row, bool]]]


@dataclass(frozen=True, slots=True)
class Task:
    """What to read, and which lines to log."""

    cluster: Cluster
    topic: str
    log_level: str

    def line(self) -> bytes:
        """The task in one line; it holds the password."""
        told = {
            "bootstrap": self.cluster.bootstrap,
            "security": dict(self.cluster.security),
            "topic": self.topic,
            "log_level": self.log_level,
        }
        return orjson.dumps(told) + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "Task":
        """The inverse of `line`."""
        told = orjson.loads(line)
        cluster = Cluster(tuple(told["bootstrap"]), told["security"])
        return cls(cluster, told["topic"], told["log_level"])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is behind `position`, of one epoch."""

    position: int
    epoch: UUID

    def line(self) -> bytes:
        """The order in one line."""
        return f"{self.position} {self.epoch}\n".encode()

    @classmethod
    def of(cls, line: bytes) -> "Wanted":
        """The inverse of `line`."""
        position, epoch = line.decode().split()
        return cls(int(position), UUID(epoch))


def frame(arrived: Sequence[Received] | None) -> bytes:
    """Records of one epoch, at least one; None where those before count no more."""
    rows: Rows | None = None
    if arrived is not None:
        told = [(record.stored, record.ends_command) for record in arrived]
        rows = (
            arrived[0].epoch.bytes,
            [
                ((row.stream, row.version, row.position, row.name, row.state), ends)
                for row, ends in told
            ],
        )
    body = pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(_LENGTH) + body


def read_frame(pipe: BinaryIO) -> list[Received] | None:
    """The inverse of `frame`. Raises EOFError where the pipe has ended."""
    length = int.from_bytes(_exactly(pipe, _LENGTH))
    rows: Rows | None = pickle.loads(_exactly(pipe, length))  # noqa: S301 a process of our own
    if rows is None:
        return None
    epoch = UUID(bytes=rows[0])
    return [Received(Stored(*row), epoch, ends) for row, ends in rows[1]]


def _exactly(pipe: BinaryIO, length: int) -> bytes:
    found = pipe.read(length)
    if len(found) < length:
        raise EOFError
    return found
