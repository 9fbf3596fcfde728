"""A collector of traces on loopback: OTLP over HTTP, as a real one takes it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SECONDS = 30.0
PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Kept:
    """A span, ids in hex; `process` is the kind of process that it is of."""

    trace: str
    span: str
    parent: str
    name: str
    process: str
    attributes: dict[str, str]
    links: tuple[tuple[str, str], ...]


@dataclass
class Collector:
    """What was exported to it."""

    endpoint: str = ""
    spans: list[Kept] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def env(self) -> dict[str, str]:
        """What has a process export here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def take(self, body: bytes) -> None:
        """Called by the server, in a thread for each export."""
        with self._news:
            self.spans += _kept(body)
            self._news.notify_all()

    def trace(self, trace_id: str, *names: str) -> dict[str, Kept]:
        """The spans of a trace by name, once there are all of these names."""
        self.wait_for(lambda spans: set(names) <= {s.name for s in spans if s.trace == trace_id})
        with self._news:
            return {span.name: span for span in self.spans if span.trace == trace_id}

    def wait_for(self, there: Callable[[list[Kept]], bool]) -> list[Kept]:
        """All spans, once it is so."""
        with self._news:
            if not self._news.wait_for(lambda: there(self.spans), SECONDS):
                found = sorted((span.trace[:6], span.name) for span in self.spans)
                raise AssertionError(f"not among the spans that came: {found}")
            return list(self.spans)


def _kept(body: bytes) -> Iterator[Kept]:
    for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
        told = {a.key: a.value.string_value for a in of_process.resource.attributes}
        for scope in of_process.scope_spans:
            for span in scope.spans:
                yield Kept(
                    trace=span.trace_id.hex(),
                    span=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    name=span.name,
                    process=told["teamledger.kind"],
                    attributes={
                        a.key: a.value.string_value or str(a.value.int_value)
                        for a in span.attributes
                    },
                    links=tuple((x.trace_id.hex(), x.span_id.hex()) for x in span.links),
                )


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listens until the block ends."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == PATH
            collector.take(body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
