"""What a leaf of the tree is made of: stored bytes and the columns around them, framed.

An event's leaf holds everything that its row does. The leaf of a batch of usage holds the lines of
its records, in order, as `usage_lines` writes them. Framing gives every field its length, so that
no two rows have the same bytes.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

EVENT, USAGE = b"teamledger/event/1", b"teamledger/usage/1"


class StoredRow(NamedTuple):
    """One row of the event store."""

    stream: str
    version: int
    position: int
    topic: str
    state: bytes


def event_leaf(row: StoredRow) -> bytes:
    """The bytes whose hash stands in the tree for an event."""
    fields = (row.stream.encode(), row.topic.encode(), row.state)
    framed = b"".join(struct.pack(">Q", len(field)) + field for field in fields)
    return EVENT + struct.pack(">qq", row.position, row.version) + framed


def usage_leaf(position: int, lines: Iterable[bytes]) -> bytes:
    """The bytes whose hash stands in the tree for one batch of usage, which ends at a position."""
    framed = b"".join(struct.pack(">Q", len(line)) + line for line in lines)
    return USAGE + struct.pack(">q", position) + framed
