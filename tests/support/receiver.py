"""A receiver of webhooks: a real HTTP server, which answers as it is told and keeps what it got."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

Answer = Callable[[int], int | tuple[int, Mapping[str, str]]]
"""The status, or status and headers, of the request of this number, from 1."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:  # noqa: ANN401
        """The message; raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, dict(self.headers))


@dataclass
class Receiver:
    """`answer` may be changed while it runs; requests wait while `held` is not set."""

    url: str = ""
    answer: Answer = lambda _: 204
    received: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    most_at_once: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)

    def take(self, one: Received) -> int | tuple[int, Mapping[str, str]]:
        """Called by the server, in a thread for each request."""
        with self._news:
            self.received.append(one)
            number = len(self.received)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self._news.notify_all()
        self.released.wait(30)
        with self._news:
            self.at_once -= 1
        return self.answer(number)

    def wait_for(self, count: int, seconds: float = 30) -> list[Received]:
        """Return once so many requests came in; AssertionError if that takes too long."""
        deadline = time.monotonic() + seconds
        with self._news:
            while len(self.received) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(self.received)} requests came in, not {count}"
                self._news.wait(left)
            return list(self.received)

    def ids(self) -> set[str]:
        with self._news:
            return {one.id for one in self.received}


@contextmanager
def receiving(*, held: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of 127.0.0.1; a `held` one answers once it is `released`."""
    receiver = Receiver()
    if not held:
        receiver.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = receiver.take(Received(self.path, headers, self.rfile.read(length)))
            status, extra = told if isinstance(told, tuple) else (told, {})
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        scheme = "http" if tls is None else "https"
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        receiver.url = f"{scheme}://127.0.0.1:{server.server_port}/alerts"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.released.set()
            server.shutdown()
            thread.join()
