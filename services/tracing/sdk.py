"""Spans as OpenTelemetry's SDK takes them; imported only where tracing is on (extra `otel`)."""

import os
from importlib.metadata import version
from threading import local

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from services.tracing import Place, Span

_KINDS = {
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class _Ids(RandomIdGenerator):
    """Random ids, but for a span whose place is known already."""

    def __init__(self) -> None:
        self.next = local()

    def generate_span_id(self) -> int:
        place = getattr(self.next, "place", None)
        return super().generate_span_id() if place is None else place.span

    def generate_trace_id(self) -> int:
        place = getattr(self.next, "place", None)
        return super().generate_trace_id() if place is None else place.trace


class Recorder:
    """Hands spans to a provider of its own: whatever else uses OpenTelemetry here is not traced."""

    def __init__(self, provider: TracerProvider, ids: _Ids) -> None:
        self._provider, self._ids = provider, ids
        self._tracer = provider.get_tracer("teamledger", version("teamledger"))

    def new_span(self) -> int:
        """A random id of a span."""
        return self._ids.generate_span_id()

    def record(self, span: Span) -> Place | None:
        """The place it has; None for one that is not sampled."""
        self._ids.next.place = span.place
        try:
            made = self._tracer.start_span(
                span.name,
                context=self._within(span.parent),
                kind=_KINDS[span.kind],
                attributes=dict(span.attributes or {}),
                links=[Link(_context(link)) for link in span.links],
                start_time=span.began,
            )
        finally:
            self._ids.next.place = None
        if span.error:
            made.set_status(StatusCode.ERROR)
        made.end(span.ended)
        if not made.is_recording() and not made.get_span_context().trace_flags.sampled:
            return None
        found = made.get_span_context()
        return Place(found.trace_id, found.span_id)

    def close(self) -> None:
        """Export what waits."""
        self._provider.shutdown()

    def _within(self, parent: Place | None) -> Context:
        if parent is None:
            return Context()
        sampled = parent.sampled and self._samples(parent.trace)
        return set_span_in_context(NonRecordingSpan(_context(parent._replace(sampled=sampled))))

    def _samples(self, trace: int) -> bool:
        """Whether the sampler takes a trace: every process comes to the same, by its id."""
        decided = self._provider.sampler.should_sample(Context(), trace, "teamledger").decision
        return decided is Decision.RECORD_AND_SAMPLE


def recorder_to(exporter: str, kind: str) -> Recorder:
    """To `otlp` by the standard variables, or to the `console`, which is standard output."""
    return recording(_exporter(exporter), kind)


def recording(exporter: SpanExporter, kind: str) -> Recorder:
    """To an exporter; spans are sent in batches, what waits at the end of the process too."""
    ids = _Ids()
    told = {"service.version": version("teamledger"), "teamledger.kind": kind}
    if "OTEL_SERVICE_NAME" not in os.environ:
        told["service.name"] = "teamledger"
    provider = TracerProvider(resource=Resource.create(told), id_generator=ids)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Recorder(provider, ids)


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()


def _context(place: Place) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT)
    return SpanContext(place.trace, place.span, is_remote=True, trace_flags=flags)
