"""Messages that could not be booked, kept in a topic of their own with the reason (decision 021).

A dead letter is the message as it was, key, value and headers, and in headers of its own where it
came from. It may be there twice: topic id, partition and offset tell it apart from others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from kafka import KafkaProducer

from events.usage_topics import CUT_BYTES, CUT_HEADER, DEAD_HEADERS, MOST_BYTES
from services.broker.cluster import CLOSE_SECONDS, Cluster
from services.broker.message import Message

_OWN = "dead_"
_LONGEST_REASON = 1_000
_FLUSH_SECONDS = 30.0


class NotADeadLetter(ValueError):
    """A message that no consumer of ours made: its headers lack something or make no sense."""


class Origin(NamedTuple):
    """The place of a message: what tells it apart from every other one."""

    topic_id: UUID
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`message` is as it came, under its own partition, offset and timestamp.

    `dead_at` is when it became a letter, in milliseconds since 1970; a `cut` one is not whole.
    """

    topic: str
    topic_id: UUID
    message: Message
    reason: str
    dead_at: int = 0
    cut: bool = False

    @property
    def origin(self) -> Origin:
        return Origin(self.topic_id, self.message.partition, self.message.offset)


class Record(NamedTuple):
    """What is sent to the topic of dead letters."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def record(letter: DeadLetter) -> Record:
    """Of a message beyond MOST_BYTES only the beginning goes along."""
    message = letter.message
    told = {
        "dead_reason": letter.reason[:_LONGEST_REASON],
        "dead_topic": letter.topic,
        "dead_topicid": letter.topic_id,
        "dead_partition": message.partition,
        "dead_offset": message.offset,
        "dead_timestamp": message.timestamp,
    }
    own = [(name, str(value).encode(errors="replace")) for name, value in told.items()]
    if message.size > MOST_BYTES:
        cut = [*own, (CUT_HEADER, b"true")]
        return Record(_beginning(message.key), _beginning(message.value), cut)
    kept = [
        (name, raw)
        for name, raw in message.headers
        if raw is not None and not name.startswith(_OWN)
    ]
    return Record(message.key, message.value, [*own, *kept])


def _beginning(part: bytes | None) -> bytes | None:
    return None if part is None else part[:CUT_BYTES]


def letter(found: Message) -> DeadLetter:
    """The dead letter that a record of its topic is; raises NotADeadLetter."""
    own = {name: raw for name, raw in found.headers if name.startswith(_OWN) and raw is not None}
    kept = tuple((name, raw) for name, raw in found.headers if not name.startswith(_OWN))
    try:
        texts = (own[name].decode() for name in DEAD_HEADERS)
        reason, topic, topic_id, partition, offset, timestamp = texts
        place = int(partition), int(offset), int(timestamp)
        message = Message(*place, found.key, found.value, kept)
        cut = own.get(CUT_HEADER) == b"true"
        return DeadLetter(topic, UUID(topic_id), message, reason, found.timestamp, cut)
    except KeyError as absent:
        raise NotADeadLetter(f"there is no header {absent.args[0]}") from None
    except ValueError as wrong:
        raise NotADeadLetter(str(wrong)) from None


def unique(letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    """Each message once, by its first letter, in the order of these."""
    seen: set[Origin] = set()
    for each in letters:
        if each.origin not in seen:
            seen.add(each.origin)
            yield each


class DeadLetterBox:
    """Puts letters into the topic; used by one thread at a time."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._cluster, self._topic = cluster, topic
        self._producer: KafkaProducer | None = None

    def put(self, letters: Iterable[DeadLetter]) -> None:
        """Return once all are acknowledged by all replicas in sync. Raises KafkaError."""
        if self._producer is None:
            self._producer = self._cluster.producer("usage-dead")
        try:
            sent = [self._sent(self._producer, record(each)) for each in letters]
            self._producer.flush(timeout=_FLUSH_SECONDS)
            for future in sent:
                future.get(timeout=0)
        except Exception:
            self.close()  # what it still holds must not come later than its repetition
            raise

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=CLOSE_SECONDS)
            self._producer = None

    def _sent(self, producer: KafkaProducer, told: Record) -> Any:  # noqa: ANN401
        return producer.send(self._topic, told.value, key=told.key, headers=told.headers)
