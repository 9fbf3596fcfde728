"""A message of the topic of usage: one item in any form, or the reason why it is none."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.usage import Usage, UsageCorrected, UsageRecorded
from events.usage_topics import CUT_BYTES, DEAD_HEADERS, MOST_BYTES
from services.broker.message import Message
from services.command.application.dead_letters import (
    DeadLetter,
    NotADeadLetter,
    letter,
    record,
    unique,
)
from services.command.application.usage_batch import Batch, Read, cut
from services.command.application.usage_places import place
from services.edge.usage.cloudevents import RECORDED
from services.edge.usage.delivery import EVENT, EVENTS, Unread
from services.edge.usage.message import read
from tests.spec.test_usage_deliveries import EVENT_1, FIX, JSON, PAYLOADS, RECORD, one

TOPIC_ID, OTHER_ID = uuid.UUID(int=1), uuid.UUID(int=2)
EVENT_HEADERS = {
    "ce_specversion": "1.0",
    "ce_type": RECORDED,
    "ce_source": "eu",
    "ce_id": "50% öl",
    "ce_time": "2026-11-18T12:00:00Z",
}


def found(value: object, size: int | None = None, /, **headers: str | bytes) -> Usage | Unread:
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    named = [
        (
            name.replace("content_type", "content-type"),
            text.encode() if isinstance(text, str) else text,
        )
        for name, text in headers.items()
    ]
    return read(named, raw, len(raw or b"") if size is None else size, "eu")


def reason(value: object, size: int | None = None, /, **headers: str | bytes) -> str:
    refused = found(value, size, **headers)
    assert isinstance(refused, Unread), refused
    return refused.reason


# Forms


@pytest.mark.parametrize("body", [RECORD, FIX, *PAYLOADS])
def test_a_plain_object_is_what_it_is_over_http(body: dict[str, Any]) -> None:
    assert found(body) == one(body, content_type=JSON["content-type"])


def test_an_event_in_structured_mode_is_what_it_is_over_http() -> None:
    assert found(EVENT_1, content_type=f"{EVENT}; charset=utf-8") == one(
        EVENT_1, content_type=EVENT
    )


def test_headers_of_an_event_in_binary_mode_are_text_as_it_is() -> None:
    data = {"model": "gpt-4o", "cost": "0.5"}
    usage = found(data, **EVENT_HEADERS, content_type="application/json")
    assert isinstance(usage, UsageRecorded)
    assert (usage.id, usage.started_at.isoformat()) == ("50% öl", "2026-11-18T12:00:00+00:00")


def test_a_correction_is_one() -> None:
    assert isinstance(found(FIX), UsageCorrected)


# Refusals


@pytest.mark.parametrize(
    ("value", "headers", "says"),
    [
        (None, {}, "the message has no value"),
        (b"", {}, "the value is no JSON: Expecting value at line 1, column 1"),
        (b"\xff", {}, "the value is no JSON: not UTF-8 at byte 0"),
        (b"[" * 100_000, {}, "the value is no JSON: nested too deep"),
        ([RECORD], {}, "the value must be one object"),
        (7, {}, "the value must be one object"),
        ({**RECORD, "cost": -1}, {}, "cost: Input should be greater than or equal to 0"),
        ({**RECORD, "costs": 1}, {}, "costs: is not known here"),
        ({"id": "x"}, {}, "started_at: Field required; model: Field required"),
        ([EVENT_1], {"content_type": EVENTS}, "the value must be one object"),
        (EVENT_1, {"content_type": EVENTS}, "a message must be one event, not a batch of them"),
        (
            {**EVENT_1, "source": "us"},
            {"content_type": EVENT},
            "source: is not that of the gateway",
        ),
        (RECORD, {**EVENT_HEADERS, "ce_specversion": "0.3"}, "specversion: must be 1.0"),
        (RECORD, {**EVENT_HEADERS, "ce_id": b"\xff"}, "header ce_id: not UTF-8"),
    ],
)
def test_what_is_no_item_is_refused_with_the_reason(
    value: object, headers: dict[str, str | bytes], says: str
) -> None:
    assert reason(value, **headers).startswith(says)


def test_a_message_has_a_size() -> None:
    assert not isinstance(found(RECORD, MOST_BYTES), Unread)
    assert (
        reason(RECORD, MOST_BYTES + 1) == "a message must have at most 1000000 bytes, not 1000001"
    )


@given(
    value=st.none() | st.binary() | st.dictionaries(st.text(), st.text()).map(json.dumps),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["content-type", "ce_specversion", "ce_type", "ce_source", "x"]),
            st.none() | st.binary() | st.sampled_from([b"1.0", b"eu", EVENT.encode()]),
        )
    ),
)
def test_nothing_is_beyond_reading(
    value: bytes | str | None, headers: list[tuple[str, bytes | None]]
) -> None:
    raw = value.encode() if isinstance(value, str) else value
    refused = read(headers, raw, 1, "eu")
    assert isinstance(refused, Unread)
    assert refused.reason.encode()


# Dead letters


def message(**told: Any) -> Message:  # noqa: ANN401
    given = {
        "partition": 7,
        "offset": 41,
        "timestamp": 1_763_467_200_000,
        "key": b"core",
        "value": b"{",
        "headers": (("ce_id", b"e-1"), ("trace", b"\xff")),
    }
    return Message(**{**given, **told})


def sent(dead: DeadLetter, at: int = 5) -> Message:
    """As it is read from the topic of dead letters."""
    key, value, headers = record(dead)
    return Message(0, 3, at, key, value, tuple(headers))


def test_a_dead_letter_is_the_message_with_its_origin_and_the_reason() -> None:
    dead = DeadLetter("usage", TOPIC_ID, message(), "no JSON: ö", 5)
    assert letter(sent(dead)) == dead
    assert {name for name, _ in record(dead).headers} == {*DEAD_HEADERS, "ce_id", "trace"}


def test_a_message_cannot_pretend_an_origin() -> None:
    forged = message(headers=(("dead_offset", b"1"), ("dead_cut", b"true"), ("x", None)))
    dead = letter(sent(DeadLetter("usage", TOPIC_ID, forged, "why", 5)))
    assert (dead.message.offset, dead.cut, dead.message.headers) == (41, False, ())


def test_of_a_message_that_is_too_large_the_beginning_is_kept() -> None:
    large = message(value=b"x" * MOST_BYTES, key=b"k" * 5_000)
    dead = letter(sent(DeadLetter("usage", TOPIC_ID, large, "large")))
    assert dead.cut
    assert (dead.message.value, dead.message.key) == (b"x" * CUT_BYTES, b"k" * CUT_BYTES)


@pytest.mark.parametrize("absent", [*DEAD_HEADERS])
def test_what_nobody_of_ours_sent_is_no_dead_letter(absent: str) -> None:
    whole = sent(DeadLetter("usage", TOPIC_ID, message(), "why"))
    lacking = tuple(each for each in whole.headers if each[0] != absent)
    with pytest.raises(NotADeadLetter, match=absent):
        letter(Message(0, 3, 5, whole.key, whole.value, lacking))
    if absent in {"dead_topicid", "dead_offset"}:
        with pytest.raises(NotADeadLetter):
            letter(Message(0, 3, 5, whole.key, whole.value, (*lacking, (absent, b"\xffx"))))


def test_repeats_are_told_by_where_they_come_from() -> None:
    first = DeadLetter("usage", TOPIC_ID, message(), "why", 5)
    again = DeadLetter("usage", TOPIC_ID, message(), "why", 9)
    another = DeadLetter("usage", OTHER_ID, message(), "why", 9)
    assert list(unique([first, again, another])) == [first, another]


# Batches, and the fuse


def batch(*places: tuple[int, int]) -> Batch:
    made = Batch({0: 5, 1: 0, 2: 9})
    made.add(Read(message(partition=p, offset=o), None, "why") for p, o in places)
    return made


def test_a_batch_ends_behind_the_last_of_each_partition() -> None:
    whole = batch((0, 5), (1, 3), (0, 7))
    assert whole.after == {0: 8, 1: 4}
    assert whole.following().before == {0: 8, 1: 4, 2: 9}
    assert whole.until(1).after == {0: 6}
    assert whole.until(1).before == whole.before


@pytest.mark.parametrize(
    ("refused", "allowed", "before"),
    [
        ([], 0, None),
        ([4], 1, None),
        ([4], 0, 4),
        ([4], -3, 4),
        ([0, 2, 5], 2, 5),
        ([0, 2, 5], 3, None),
    ],
)
def test_the_fuse_cuts_before_the_first_that_is_not_allowed(
    refused: list[int], allowed: int, before: int | None
) -> None:
    assert cut(refused, allowed) == before


# Where reading goes on


@pytest.mark.parametrize(
    ("kept", "begin", "end", "offset", "says"),
    [
        ((TOPIC_ID, 7), 0, 9, 7, None),
        ((TOPIC_ID, 9), 0, 9, 9, None),
        ((TOPIC_ID, 0), 0, 0, 0, None),
        ((TOPIC_ID, 7), 8, 9, 8, "1 messages were removed before they were read"),
        ((TOPIC_ID, 7), 2, 5, 2, "the topic ends at 5 and was read up to 7"),
        ((OTHER_ID, 7), 0, 9, 0, "the topic was made again"),
    ],
)
def test_what_may_not_have_been_read_is_read(
    kept: tuple[uuid.UUID, int], begin: int, end: int, offset: int, says: str | None
) -> None:
    found_offset, happened = place(kept, TOPIC_ID, begin, end)
    assert found_offset == offset
    assert (happened or "").startswith(says or "")
    assert (happened is None) == (says is None)
