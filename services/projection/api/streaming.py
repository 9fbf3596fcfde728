"""Answers of any size: written piece by piece at the speed of the database, then sent.

Whole rosters do not fit into one piece of memory, nor may their making hold up other requests.
They are spooled first: a slow client keeps no snapshot open, and a failure is still an answer.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

_KEPT_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Items:
    """The elements of a JSON array, as many at a time as are rendered in one go."""

    chunks: AsyncIterator[Sequence[object]]


async def spooled(content: Items | Mapping[str, object], headers: Mapping[str, str]) -> "Spooled":
    """An answer with this content, in which objects may hold Items wherever a value may stand."""
    return await spooled_text(pieces(content), headers, "application/json")


async def spooled_text(
    text: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str
) -> "Spooled":
    """An answer made of these pieces."""
    spool: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(_KEPT_IN_MEMORY)  # noqa: SIM115
    try:
        async for piece in text:
            spool.write(piece)
            await asyncio.sleep(0)
    except BaseException:
        spool.close()
        raise
    return Spooled(spool, headers, media_type)


class Spooled(StreamingResponse):
    """Sends what was spooled, and gives the space back whether it arrives or not."""

    def __init__(
        self, spool: SpooledTemporaryFile[bytes], headers: Mapping[str, str], media_type: str
    ) -> None:
        length = {"content-length": str(spool.tell())}
        super().__init__(_read(spool), 200, {**headers, **length}, media_type)
        self._spool = spool

    def discard(self) -> None:
        """Give the space back of an answer that is not sent after all."""
        self._spool.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.discard()


async def pieces(value: object) -> AsyncIterator[bytes]:
    """The JSON text of a value, cut where Items begin, end or come in another chunk."""
    if isinstance(value, Items):
        opening = b"["
        async for chunk in value.chunks:
            if chunk:
                yield opening + orjson.dumps(chunk)[1:-1]
                opening = b","
        yield b"[]" if opening == b"[" else b"]"
    elif isinstance(value, Mapping) and _holds_items(value):
        opening = b"{"
        for name, part in value.items():
            yield opening + orjson.dumps(name) + b":"
            async for piece in pieces(part):
                yield piece
            opening = b","
        yield b"}"
    else:
        yield orjson.dumps(value)


def _holds_items(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_items(part) for part in value.values())
    return isinstance(value, Items)


async def _read(spool: SpooledTemporaryFile[bytes]) -> AsyncIterator[bytes]:
    spool.seek(0)
    while piece := spool.read(_PIECE):
        yield piece
