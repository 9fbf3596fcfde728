"""A small HTTP/1.1 client for load: kept-alive connections, one request at a time on each.

It shares two cores with the service it measures, so it does only what the benchmark needs:
bodies framed by Content-Length or chunks, no pipelining, no redirects, no compression.
"""

import asyncio
from time import perf_counter
from typing import NamedTuple, Protocol, cast

MAX_HEAD = 64 * 1024
MAX_ANSWER = 64 * 1024 * 1024
_LINE_END = b"\r\n"
_HEAD_END = b"\r\n\r\n"
_HEX = frozenset(b"0123456789abcdefABCDEF")


class ProtocolError(Exception):
    """The peer sent something that is not one framed answer to the request under way."""


class Response(NamedTuple):
    """One answer; `closes` tells that the peer will close the connection after it.

    `took` is how many seconds the server says that it took, if it does.
    """

    status: int
    body: bytes
    closes: bool
    took: float | None = None


class _Head(NamedTuple):
    status: int
    closes: bool
    body_start: int
    length: int | None  # None: chunked
    took: float | None = None


class ResponseParser:
    """Turns received bytes, cut anywhere, into the answer of one request after another."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._reset()

    def _reset(self) -> None:
        self._head: _Head | None = None
        self._chunks = bytearray()
        self._chunk_at = 0

    def feed(self, data: bytes) -> Response | None:
        """The answer that `data` completes, or None while more is to come.

        Raises ProtocolError when the bytes are no HTTP/1 answer, exceed MAX_HEAD or MAX_ANSWER,
        say no length, or go on after the end of the answer.
        """
        self._buffer += data
        if len(self._buffer) > MAX_ANSWER:
            raise ProtocolError(f"an answer of more than {MAX_ANSWER} bytes")
        while self._head is None or self._head.status < 200:
            if not self._next_head():
                return None
        return self._whole(self._head)

    def _next_head(self) -> bool:
        if self._head is not None:  # an interim answer (1xx): the real one follows
            del self._buffer[: self._head.body_start]
            self._head = None
        end = self._buffer.find(_HEAD_END)
        if end > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise ProtocolError(f"a head of more than {MAX_HEAD} bytes")
        if end < 0:
            return False
        self._head = _parse_head(bytes(self._buffer[:end]).lower(), end + len(_HEAD_END))
        self._chunk_at = self._head.body_start
        return True

    def _whole(self, head: _Head) -> Response | None:
        if head.length is None:
            end = self._take_chunks()
            if end is None:
                return None
            body = bytes(self._chunks)
        else:
            end = head.body_start + head.length
            if len(self._buffer) < end:
                return None
            body = bytes(self._buffer[head.body_start : end])
        if len(self._buffer) > end:
            raise ProtocolError(f"{len(self._buffer) - end} bytes after the end of the answer")
        self._buffer.clear()
        self._reset()
        return Response(head.status, body, head.closes, head.took)

    def _take_chunks(self) -> int | None:
        """Collect the chunks that are complete; the end of the answer once the last one is."""
        while (line_end := self._buffer.find(_LINE_END, self._chunk_at)) >= 0:
            size = _chunk_size(bytes(self._buffer[self._chunk_at : line_end]))
            if size == 0:
                end = self._buffer.find(_HEAD_END, line_end)  # trailers may stand before it
                return None if end < 0 else end + len(_HEAD_END)
            start = line_end + len(_LINE_END)
            stop = start + size
            if len(self._buffer) < stop + len(_LINE_END):
                return None
            if self._buffer[stop : stop + len(_LINE_END)] != _LINE_END:
                raise ProtocolError("a chunk longer than it said")
            self._chunks += self._buffer[start:stop]
            self._chunk_at = stop + len(_LINE_END)
        return None


def _parse_head(head: bytes, body_start: int) -> _Head:
    """`head` in lower case, without the empty line that ends it."""
    if not head.startswith(b"http/1.") or not head[9:12].isdigit():
        raise ProtocolError(f"not an HTTP/1 answer: {head[:40]!r}")
    status = int(head[9:12])
    closes = _field(head, b"connection") == b"close"
    if status < 200 or status in (204, 304):
        return _Head(status, closes, body_start, 0)
    if _field(head, b"transfer-encoding") == b"chunked":
        return _Head(status, closes, body_start, None)
    length = _field(head, b"content-length")
    if length is None or not length.isdigit() or len(length) > len(str(MAX_ANSWER)):
        raise ProtocolError(f"an answer without a usable length: {length!r}")
    return _Head(status, closes, body_start, int(length), _took(head))


def _took(head: bytes) -> float | None:
    """Seconds, from the milliseconds of `Server-Timing: name;dur=1.234`."""
    _, given, milliseconds = (_field(head, b"server-timing") or b"").partition(b";dur=")
    return float(milliseconds) / 1_000 if given else None


def _field(head: bytes, name: bytes) -> bytes | None:
    start = head.find(b"\r\n%b:" % name)
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(_LINE_END, start)
    return head[start : end if end >= 0 else len(head)].strip()


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 8 or not _HEX.issuperset(digits):
        raise ProtocolError(f"not the size of a chunk: {line[:40]!r}")
    return int(digits, 16)


class Source(Protocol):
    """Where a connection takes its requests from and where it reports what came of them."""

    def take(self) -> tuple[int, bytes] | None:
        """The next request and its number; None when there is nothing more to send."""

    def answered(self, number: int, response: Response, seconds: float) -> None:
        """Request `number` was answered, `seconds` after it was sent."""

    def failed(self, number: int, reason: str) -> None:
        """Request `number` will get no answer."""


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered; `closed` is set at the end."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parser = ResponseParser()
        self._number: int | None = None
        self._sent_at = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = self._source.take()
        if request is None:
            self._transport.close()
            return
        self._number, payload = request
        self._sent_at = perf_counter()
        self._transport.write(payload)

    def data_received(self, data: bytes) -> None:
        try:
            response = self._parser.feed(data)
        except ProtocolError as error:
            self.abort(str(error))
            return
        if response is None or self._number is None:
            return
        number, self._number = self._number, None
        self._source.answered(number, response, perf_counter() - self._sent_at)
        if response.closes:
            self._transport.close()
        else:
            self._send()

    def abort(self, reason: str) -> None:
        """Give up the request under way, if any, for `reason`, and drop the connection."""
        number, self._number = self._number, None
        if number is not None:
            self._source.failed(number, reason)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._number is not None:
            self._source.failed(self._number, f"connection lost: {exc or 'closed by the server'}")
        if not self.closed.done():
            self.closed.set_result(None)
