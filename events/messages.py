"""Events as messages of a topic: CloudEvents 1.0 in Kafka's binary mode.

The value is the event's state as the store keeps it, byte for byte; what routes, orders and
recognises it stands in headers, so that a consumer drops repeats without parsing the value.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from uuid import UUID

import orjson

from events.record import record
from events.streams import kind_and_id, stream

TOPIC = "teamledger.events.v1"
PARTITIONS = 1
"""The order of the topic is the order of the log (architecture, section 6): never more."""
RETENTION_DAYS = 7
CONTENT_TYPE = "application/json"
TYPE = re.compile(r"teamledger\.(.+)\.v([1-9][0-9]*)")
REQUIRED = ("subject", "type", "version", "position", "commandindex", "commandcount", "epoch")
_required = itemgetter(*(f"ce_{name}" for name in REQUIRED))
_TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}")
_LARGEST = 2**63 - 1

Headers = list[tuple[str, bytes]]


class NotAnEvent(ValueError):
    """A message that no relay of ours made: its headers lack something or make no sense."""


@record
class Stored:
    """One row of the log."""

    stream: str
    version: int
    position: int
    name: str
    state: bytes


@record
class Message:
    """What a relay sends: `key` is the name of the stream."""

    key: bytes
    value: bytes
    headers: Headers


@record
class Received:
    """A row of the log as it arrived; `ends_command` where no more of its command follows."""

    stored: Stored
    epoch: UUID
    ends_command: bool

    @property
    def position(self) -> int:
        return self.stored.position


def message(row: Stored, epoch: UUID) -> Message:
    """The message of a stored event, in the store that `epoch` names."""
    body = orjson.loads(row.state)
    kind, identity = kind_and_id(row.stream)
    index, count = body["n"]
    attributes = {
        "specversion": "1.0",
        "id": body["id"],
        "source": f"/teamledger/{epoch}",
        "type": f"teamledger.{row.name}.v{body['v']}",
        "subject": f"{kind}/{identity}",
        "time": body["at"],
        "epoch": epoch,
        "position": row.position,
        "version": row.version,
        "commandindex": index,
        "commandcount": count,
    }
    headers: Headers = [("content-type", CONTENT_TYPE.encode())]
    headers += [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    if correlation := body["meta"].get("correlation_id"):
        headers.append(("ce_correlationid", correlation.encode()))
        headers.append(("traceparent", traceparent(correlation, body["id"]).encode()))
    return Message(row.stream.encode(), row.state, headers)


def first_of_command(row: Stored) -> tuple[str | None, str, str] | None:
    """Correlation id, id and name of a command's first event; None of any other event."""
    body = orjson.loads(row.state)
    if body["n"][0]:
        return None
    return body["meta"].get("correlation_id"), body["id"], row.name


def received(headers: Iterable[tuple[str, bytes]], value: bytes) -> Received:
    """The row of the log that a message carries; raises NotAnEvent."""
    try:
        subject, type_, *numbers, epoch = _required(dict(headers))
        version, position, index, count = map(int, numbers)
        if not 0 < position <= _LARGEST:
            raise NotAnEvent(f"position {position}")
        row = Stored(_stream(subject.decode()), version, position, _name(type_), value)
        return Received(row, _epoch(epoch), index + 1 == count)
    except KeyError as absent:
        raise NotAnEvent(f"there is no header {absent.args[0]}") from None
    except (ValueError, TypeError, AttributeError) as wrong:
        raise NotAnEvent(str(wrong)) from None


def _stream(subject: str) -> str:
    kind, slash, identity = subject.partition("/")
    if not slash:
        raise NotAnEvent(f"subject {subject!r}")
    return stream(kind, identity)


@lru_cache(maxsize=1_024)
def _name(type_: bytes) -> str:
    if (named := TYPE.fullmatch(type_.decode())) is None:
        raise NotAnEvent(f"type {type_!r}")
    return named[1]


@lru_cache(maxsize=16)
def _epoch(text: bytes) -> UUID:
    return UUID(text.decode())


def traceparent(correlation: str, event_id: str) -> str:
    """W3C trace context: one trace for a request and all that follows from it.

    A correlation id of 32 hexadecimal digits, as ours are, is the trace id; of others it is made
    by SHA-256. The span is made of the event's id.
    """
    trace = correlation if _TRACE.fullmatch(correlation) else _digest(correlation)[:32]
    return f"00-{trace}-{_digest(event_id)[:16]}-01"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
