"""A record of a topic as it was read, whoever made it, and what there is to read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

RecordHeaders = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Message:
    """`timestamp` is the record's own, in milliseconds since 1970, and may be anything."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        parts = [self.key, self.value, *(part for _, part in self.headers)]
        names = sum(len(name.encode(errors="replace")) for name, _ in self.headers)
        return names + sum(len(part) for part in parts if part is not None)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a topic holds of some partitions: offsets of the first record and of the next one."""

    topic_id: UUID
    begins: Mapping[int, int]
    ends: Mapping[int, int]


def message(record: Any) -> Message:  # noqa: ANN401
    """The message that kafka-python has read."""
    place = record.partition, record.offset, record.timestamp
    return Message(*place, record.key, record.value, record.headers or ())
