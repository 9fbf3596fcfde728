"""When traces are recorded, and where spans stand that others derive."""

import sys

import pytest

from events.messages import traceparent
from services import tracing
from services.tracing import Place, TracingUnusable, derived, marks, parsed, wanted

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("environment", "exporter"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_SERVICE_NAME": "ledger"}, None),
        ({"OTEL_TRACES_EXPORTER": ""}, None),
    ],
)
def test_the_standard_variables_ask_for_it(
    environment: dict[str, str], exporter: str | None
) -> None:
    assert wanted(environment) == exporter


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, "use otlp, console or none"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "only http/protobuf",
        ),
    ],
)
def test_what_cannot_be_had_is_refused(environment: dict[str, str], text: str) -> None:
    with pytest.raises(TracingUnusable, match=text):
        wanted(environment)


def test_without_the_extra_it_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "services.tracing.sdk", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(TracingUnusable, match=r"install teamledger\[otel\]"):
        tracing.configure("serve", {"OTEL_TRACES_EXPORTER": "otlp"})
    assert not tracing.active()


def test_nothing_is_made_while_it_is_off() -> None:
    assert tracing.current() is None
    assert tracing.served("a" * 32, f"00-{TRACE}-{SPAN}-01") is None
    assert marks([("a" * 32, "event", "team.created")]) == ()


@pytest.mark.parametrize(
    ("header", "place"),
    [
        (f"00-{TRACE}-{SPAN}-01", Place(int(TRACE, 16), int(SPAN, 16))),
        (f"00-{TRACE}-{SPAN}-00", Place(int(TRACE, 16), int(SPAN, 16), sampled=False)),
        (f"cc-{TRACE}-{SPAN}-01-later", Place(int(TRACE, 16), int(SPAN, 16))),
        (f"00-{TRACE}-{SPAN}-01-later", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        ("", None),
    ],
)
def test_a_traceparent_is_read_as_w3c_has_it(header: str, place: Place | None) -> None:
    assert parsed(header) == place


def test_the_place_of_an_event_is_that_of_its_message() -> None:
    place = derived(TRACE, "event")
    assert traceparent(TRACE, "event") == f"00-{place.trace:032x}-{place.span:016x}-01"
    assert f"{place.trace:032x}" == TRACE
