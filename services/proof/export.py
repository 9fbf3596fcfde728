"""An export of the log that proves itself offline: JSON lines, gzip, in the order of the leaves.

The first line is the header; then come checkpoints, tiles of leaf hashes, and the log. Personal
data stays sealed in it. Nothing that is read is believed: see `services.proof.verify`.
"""

import base64
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

FORMAT = "teamledger-audit/1"
Line = dict[str, Any]


class BadExport(ValueError):
    """The file is no export, or is cut off."""


class Unwritable(Exception):
    """The export cannot be written where it is to be; what is there is as it was."""


def check_writable(path: Path) -> None:
    """Raise Unwritable unless a file can be made there; one that is there may be replaced."""
    with _explained(path):
        if path.exists() and not path.is_file():
            raise Unwritable(f"{path} is no regular file, and nothing else is replaced")
        _draft(path).touch()
        _draft(path).unlink()


def write(path: Path, lines: Iterator[Line]) -> int:
    """Write the lines, the whole file or none; how many there were. Raises Unwritable."""
    check_writable(path)
    draft, count = _draft(path), 0
    with _explained(path):
        try:
            with gzip.open(draft, "wb", compresslevel=3) as file:
                for line in lines:
                    file.write(orjson.dumps(line) + b"\n")
                    count += 1
                file.write(orjson.dumps({"end": count}) + b"\n")
            draft.replace(path.resolve())
        finally:
            draft.unlink(missing_ok=True)
    return count


def read(path: Path) -> Iterator[Line]:
    """The lines of an export; raises BadExport, at the latest where the file ends too early."""
    count = 0
    try:
        with gzip.open(path, "rb") as file:
            for text in file:
                line: Line = orjson.loads(text)
                if not isinstance(line, dict):
                    raise BadExport(f"{path} is damaged: line {count + 1} is no JSON object")
                if "end" in line:
                    if line["end"] == count:
                        return
                    break
                count += 1
                yield line
    except (gzip.BadGzipFile, EOFError, zlib.error, orjson.JSONDecodeError) as error:
        raise BadExport(f"{path} is damaged, or no export: {error}") from None
    except OSError as failed:
        raise BadExport(f"{path} cannot be read: {failed.strerror}") from None
    raise BadExport(f"{path} is cut off")


def header(log: str, verifier: str, size: int, spans: list[tuple[Any, ...]]) -> Line:
    """What to read the rest by; spans: (first leaf, kind, first and last position, leaves)."""
    return {"format": FORMAT, "log": log, "verifier": verifier, "size": size, "spans": spans}


def event_line(row: tuple[str, int, int, str, bytes]) -> Line:
    """An event with its stored bytes."""
    stream, version, position, topic, state = row
    return {"event": [stream, version, position, topic, text(bytes(state))]}


def text(data: bytes) -> str:
    """Bytes in JSON."""
    return base64.b64encode(data).decode()


def data_of(given: str) -> bytes:
    """The inverse of `text`."""
    return base64.b64decode(given, validate=True)


def _draft(path: Path) -> Path:
    """Beside what it will be; whoever names a link means what that leads to."""
    whole = path.resolve()
    return whole.with_name(f".{whole.name}.part")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise Unwritable(f"{path} cannot be written: {failed.strerror}") from None
