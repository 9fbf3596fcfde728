"""Messages of usage as they were read, to be booked together; and where the fuse cuts them off."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from events.usage import Usage
from services.broker.message import Message

AT_ONCE = 5_000
BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read:
    """A message, and the usage that it tells of, or why it tells of none."""

    message: Message
    usage: Usage | None
    reason: str = ""


@dataclass(slots=True)
class Batch:
    """What follows `before`, the next offset of each partition; in each in the order of offsets."""

    before: Mapping[int, int]
    read: list[Read] = field(default_factory=list)
    bytes: int = 0

    def add(self, read: Iterable[Read]) -> None:
        for each in read:
            self.read.append(each)
            self.bytes += each.message.size

    @property
    def full(self) -> bool:
        return len(self.read) >= AT_ONCE or self.bytes >= BYTES

    @property
    def after(self) -> dict[int, int]:
        """The next offset of those partitions that something was read of."""
        return {each.message.partition: each.message.offset + 1 for each in self.read}

    def following(self) -> "Batch":
        """An empty one behind this."""
        return Batch({**self.before, **self.after})

    def until(self, number: int) -> "Batch":
        """The first so many messages."""
        return Batch(self.before, self.read[:number])


def cut(refused: Sequence[int], allowed: int) -> int | None:
    """How many messages come before the first one that may not become a dead letter any more.

    `refused` are places of messages in a batch, in order; None where all of them may.
    """
    return None if len(refused) <= allowed else refused[max(allowed, 0)]
