"""Traces of OpenTelemetry: from a request through the store and Kafka to the read models.

Off unless the standard variables ask for it, and then the extra `otel` has to be installed. While
off every function returns at once, and nothing of OpenTelemetry is imported. Spans are made when
what they tell of is over, so that none is open where many requests are served at once (decision
022 says how a trace crosses the store).
"""

import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from events.messages import traceparent

if TYPE_CHECKING:
    from services.tracing.sdk import Recorder

Kind = Literal["server", "internal", "client", "producer", "consumer"]
Value = str | int | float | bool
ASKED_BY = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)
MOST_MARKS = 100
"""So many commands of a batch get spans of their own, and are linked to it."""

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TracingUnusable(Exception):
    """Tracing is asked for and cannot be had; the text says what to do."""


class Place(NamedTuple):
    """A span in its trace. `sampled` tells whether whoever began it wants it recorded."""

    trace: int
    span: int
    sampled: bool = True


class Mark(NamedTuple):
    """A command's first event: the place that decision 019 derives for it, and its name."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class Span:
    """Something that is over; `began` and `ended` are in nanoseconds of Unix time.

    `place` is where it is to stand itself, for what others derive; drawn at random without one.
    """

    name: str
    kind: Kind
    began: int
    ended: int
    parent: Place | None = None
    place: Place | None = None
    links: Sequence[Place] = ()
    attributes: Mapping[str, Value] | None = None
    error: bool = False


_recorder: "Recorder | None" = None
_current: ContextVar[Place | None] = ContextVar("trace", default=None)
now = time.time_ns


def active() -> bool:
    """Whether anything is recorded."""
    return _recorder is not None


def configure(kind: str, environment: Mapping[str, str] = os.environ) -> None:
    """Begin to record, for a process of this kind, if the environment asks for it.

    `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_TRACES_EXPORTER` (`otlp`, `console`, `none`) do; all
    other variables of the SDK count, too. Raises TracingUnusable.
    """
    global _recorder  # noqa: PLW0603 - one process, one recorder
    exporter = wanted(environment)
    if exporter is None:
        return
    try:
        from services.tracing.sdk import recorder_to  # noqa: PLC0415 - the extra may be absent
    except ImportError as absent:
        asked = next(name for name in ASKED_BY if environment.get(name))
        raise TracingUnusable(
            f"{asked} is set, and OpenTelemetry's SDK is not installed: install "
            "teamledger[otel], or unset the variable"
        ) from absent
    _recorder = recorder_to(exporter, kind)


def wanted(environment: Mapping[str, str]) -> str | None:
    """The exporter that is asked for, None for none. Raises TracingUnusable for an unknown one."""
    asked = [name for name in ASKED_BY if environment.get(name)]
    if not asked or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    exporter = environment.get(ASKED_BY[0]) or "otlp"
    if exporter == "none":
        return None
    if exporter not in {"otlp", "console"}:
        raise TracingUnusable(f"{ASKED_BY[0]} is {exporter[:40]!r}: use otlp, console or none")
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL"
    )
    if exporter == "otlp" and protocol not in {None, "", "http/protobuf"}:
        raise TracingUnusable("OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken here")
    return exporter


def record_with(recorder: "Recorder | None") -> None:
    """Record to this one from now on, or nowhere."""
    global _recorder  # noqa: PLW0603
    _recorder = recorder


def current() -> Place | None:
    """The place of the request that is served, if it is traced."""
    return None if _recorder is None else _current.get()


def parsed(header: str) -> Place | None:
    """The place that a W3C `traceparent` names; None for what is none (W3C Trace Context 3.2)."""
    found = _TRACEPARENT.fullmatch(header)
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace, span = int(found[2], 16), int(found[3], 16)
    return Place(trace, span, bool(int(found[4], 16) & 1)) if trace and span else None


def derived(correlation: str, event_id: str) -> Place:
    """Where the recording of an event stands: the same for store, topic and followers."""
    _, trace, span, _ = traceparent(correlation, event_id).split("-")
    return Place(int(trace, 16), int(span, 16))


def marks(origins: Iterable[tuple[str | None, str, str]]) -> Sequence[Mark]:
    """Of commands by correlation id, id and name of their first events; none while off."""
    if _recorder is None:
        return ()
    found: list[Mark] = []
    for correlation, event_id, name in origins:
        if len(found) == MOST_MARKS:
            break
        if correlation:
            found.append(Mark(derived(correlation, event_id), name))
    return found


class Served:
    """A request that is being served: its place is current until it has ended."""

    def __init__(self, recorder: "Recorder", place: Place, parent: Place | None) -> None:
        self._recorder, self._place, self._parent = recorder, place, parent
        self._began = now()
        self._before = _current.set(place)

    def ended(self, method: str, route: str, status: int) -> None:
        """Record it; `status` 0 is no answer at all."""
        _current.reset(self._before)
        told: dict[str, Value] = {"http.request.method": method, "http.route": route}
        if status:
            told["http.response.status_code"] = status
        span = Span(
            name=f"{method} {route}",
            kind="server",
            began=self._began,
            ended=now(),
            parent=self._parent,
            place=self._place,
            attributes=told,
            error=not status or status >= 500,  # noqa: PLR2004
        )
        self._recorder.record(span)


def served(correlation: str, header: str | None) -> Served | None:
    """A request begins, for whom `header` is the caller's traceparent; None while off.

    Without one its trace is that of its correlation id.
    """
    if _recorder is None:
        return None
    parent = None if header is None else parsed(header)
    trace = parent.trace if parent is not None else derived(correlation, "").trace
    sampled = parent.sampled if parent is not None else True
    return Served(_recorder, Place(trace, _recorder.new_span(), sampled), parent)


def record(span: Span) -> Place | None:
    """Record something that is over; its place."""
    return None if _recorder is None else _recorder.record(span)


def followed(batch: Span, each: Kind, found: Sequence[Mark]) -> None:
    """Record a batch of commands and, in the trace of each, that it was part of the batch."""
    if _recorder is None:
        return
    of_batch = _recorder.record(batch)
    links = () if of_batch is None else (of_batch,)
    for place, name in found:
        of = {"teamledger.event": name}
        _recorder.record(
            Span(batch.name, each, batch.began, batch.ended, place, links=links, attributes=of)
        )
