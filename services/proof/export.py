"""An export of the log that proves itself offline: JSON lines, gzip, in the order of the leaves.

The first line is the header; then come checkpoints, tiles of leaf hashes, and the log. Personal
data stays sealed in it. Nothing that is read is believed: see `services.proof.verify`.
"""

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

FORMAT = "teamledger-audit/1"
Line = dict[str, Any]


class BadExport(ValueError):
    """The file is no export, or is cut off."""


def write(path: Path, lines: Iterator[Line]) -> int:
    """Write the lines, the whole file or none; how many there were."""
    draft, count = path.with_name(f".{path.name}.part"), 0
    try:
        with gzip.open(draft, "wb", compresslevel=3) as file:
            for line in lines:
                file.write(orjson.dumps(line) + b"\n")
                count += 1
            file.write(orjson.dumps({"end": count}) + b"\n")
        draft.replace(path)
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
                if "end" in line:
                    if line["end"] == count:
                        return
                    break
                count += 1
                yield line
    except (OSError, EOFError, orjson.JSONDecodeError, TypeError) as error:
        raise BadExport(f"{path} is damaged: {error}") from None
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
