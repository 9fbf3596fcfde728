"""Events as messages of a topic: what consumers may rely on, and what is none of ours."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from events.envelope import Envelope, Meta, decode, encode
from events.messages import Message, NotAnEvent, Stored, message, received, traceparent
from events.registry import UnknownFact
from events.streams import stream
from events.team import MemberAdded
from services.edge.shapes.change import cloud_event

EPOCH = UUID("5f0c1a35-7a39-4b1b-9d4e-3f6a1f3c2b10")
CORRELATION = "4bf92f3577b34da6a3ce929d0e0e4736"
FACT = Envelope(
    originator_id=stream("team", "a-team/ü"),
    originator_version=4,
    position=17,
    event_id="01950000-0000-7000-8000-000000000017",
    recorded_at=datetime(2026, 3, 11, 13, 27, 45, 123456, tzinfo=UTC),
    incarnation=1,
    index=1,
    count=2,
    meta=Meta("c", "/team/member_add", actor="ann", correlation_id=CORRELATION),
    event=MemberAdded(user_id="bob", role="user"),
)


def sent(fact: Envelope = FACT) -> Message:
    name, state = encode(fact)
    row = Stored(fact.originator_id, fact.originator_version, fact.position, name, state)
    return message(row, EPOCH)


def headers(fact: Envelope = FACT) -> dict[str, str]:
    return {name: value.decode() for name, value in sent(fact).headers}


def test_the_value_is_what_the_store_keeps_and_the_key_its_stream() -> None:
    assert sent().value == encode(FACT)[1]
    assert sent().key.decode() == "team-a-team/ü"


def test_a_fact_of_a_newer_release_is_sent_as_it_is_stored() -> None:
    unknown = UnknownFact(name="team.painted", version=3, data={"colour": "red"})
    fact = replace(FACT, event=unknown)
    assert headers(fact)["ce_type"] == "teamledger.team.painted.v3"
    assert sent(fact).value == encode(fact)[1]
    assert received(sent(fact).headers, sent(fact).value).stored.state == encode(fact)[1]


def test_the_attributes_are_those_of_the_change_feed() -> None:
    told = cloud_event(FACT, EPOCH)
    shared = (
        *("specversion", "id", "source", "type", "subject", "time", "position", "version"),
        *("commandindex", "commandcount", "correlationid"),
    )
    assert {name: headers()[f"ce_{name}"] for name in shared} == {
        name: str(told[name]) for name in shared
    }
    assert headers()["content-type"] == "application/json"
    assert headers()["ce_epoch"] == str(EPOCH)


def test_a_message_is_the_row_it_was_made_of() -> None:
    arrived = received(sent().headers, sent().value)
    row = arrived.stored
    assert decode(row.stream, row.version, row.position, row.name, row.state) == FACT
    assert (arrived.epoch, arrived.position, arrived.ends_command) == (EPOCH, 17, True)
    first = replace(FACT, index=0)
    assert not received(sent(first).headers, b"").ends_command


def test_one_request_is_one_trace() -> None:
    assert headers()["traceparent"].split("-")[:2] == ["00", CORRELATION]
    other = replace(FACT, event_id="01950000-0000-7000-8000-000000000018")
    trace, another = headers()["traceparent"].split("-"), headers(other)["traceparent"].split("-")
    assert trace[1] == another[1]
    assert trace[2] != another[2]


@pytest.mark.parametrize("correlation", ["order 66", "0" * 32, CORRELATION.upper()])
def test_a_callers_own_correlation_id_becomes_a_trace_id(correlation: str) -> None:
    version, trace, span, flags = traceparent(correlation, "e").split("-")
    assert (version, flags) == ("00", "01")
    assert (len(trace), len(span)) == (32, 16)
    assert int(trace, 16)
    assert int(span, 16)
    assert trace != correlation.lower()


def test_a_fact_of_no_request_has_no_trace() -> None:
    assert "traceparent" not in headers(replace(FACT, meta=Meta("c", "/test")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("position", b"0"),
        ("position", b"-1"),
        ("position", b"9223372036854775808"),
        ("position", b"first"),
        ("position", b"\xff"),
        ("epoch", b"none"),
        ("type", b"com.example.order.v1"),
        ("type", b"teamledger.team.created"),
        ("subject", b"team"),
        ("version", b""),
        ("commandcount", b"many"),
    ],
)
def test_a_message_of_somebody_else_is_recognised(name: str, value: bytes) -> None:
    forged = [(key, value if key == f"ce_{name}" else kept) for key, kept in sent().headers]
    with pytest.raises(NotAnEvent):
        received(forged, sent().value)
    lacking = [(key, kept) for key, kept in sent().headers if key != f"ce_{name}"]
    with pytest.raises(NotAnEvent, match=f"ce_{name}"):
        received(lacking, sent().value)
