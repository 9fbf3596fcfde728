"""Records whose headers are called by what is no UTF-8, as clients written in C may send them.

Brokers take any name; kafka-python 3.0 decodes strictly, and would be stopped by one such record in
front of all that is behind it. After `accept_any_names` it reads on: what does not decode in a name
is replaced (U+FFFD).
"""

from typing import Any, SupportsIndex

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class _AnyText(bytearray):
    """Bytes whose slices decode, whatever they are."""

    def __getitem__(self, place: SupportsIndex | slice) -> Any:  # noqa: ANN401
        found = super().__getitem__(place)
        return _AnyText(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:  # noqa: ARG002
        return super().decode(encoding, "replace")


class AnyNames(DefaultRecordBatch):  # type: ignore[misc]
    """A batch of records; only behind a name that does not decode it is read by slower bytes."""

    _buffer: bytearray

    def _read_msg(self) -> Any:  # noqa: ANN401
        try:
            return super()._read_msg()
        except UnicodeDecodeError:  # the place in the batch has not moved
            self._buffer = _AnyText(self._buffer)
            return super()._read_msg()


def accept_any_names() -> None:
    """For all consumers of this process; may be called again."""
    memory_records.DefaultRecordBatch = AnyNames
