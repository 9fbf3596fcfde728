"""Requests that bring usage: forms and limits, CloudEvents, and LiteLLM's own payloads."""

import gzip
import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.usage import Usage, UsageCorrected, UsageRecorded
from services.access.credentials import hash_key
from services.edge.errors import Problem, ShapeB
from services.edge.usage.cloudevents import CORRECTED, RECORDED
from services.edge.usage.delivery import EVENT, EVENTS, Unread, UsageLimits, delivered

PAYLOADS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "contract" / "generic_api_batch.json").read_text(encoding="utf-8")
)
"""What LiteLLM 1.82.2 posted: a success, a streamed success, a failure (gateway.md)."""

NOON = "2026-11-18T12:00:00Z"
RECORD: Mapping[str, Any] = {"id": "call-1", "started_at": NOON, "model": "gpt-4o"}
FIX: Mapping[str, Any] = {"id": "fix-1", "corrects": "call-1", "cost": -0.5}
EVENT_1 = {"specversion": "1.0", "type": RECORDED, "source": "eu", "id": "e-1", "data": RECORD}
JSON = {"content-type": "application/json"}
LIMITS = UsageLimits()


def items(body: object, limits: UsageLimits = LIMITS, /, **headers: str) -> list[Usage | Unread]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    delivery = delivered(named or JSON, content, "eu", limits)
    return [item for portion in delivery.portions(2) for item in portion]


def one(body: object, /, **headers: str) -> Usage:
    [found] = items(body, **headers)
    assert not isinstance(found, Unread), found
    return found


def reason(body: object, /, **headers: str) -> str:
    [found] = items(body, **headers)
    assert isinstance(found, Unread), found
    return found.reason


def problem(body: object, limits: UsageLimits = LIMITS, /, **headers: str) -> tuple[int, str]:
    with pytest.raises((Problem, ShapeB)) as refused:
        items(body, limits, **headers)
    return refused.value.status_code, str(refused.value.detail)


# Plain JSON


def test_one_object_or_many() -> None:
    assert one(RECORD) == one([RECORD])
    assert len(items([RECORD] * 5)) == 5


def test_a_bad_item_stands_in_nobodys_way() -> None:
    found = items([RECORD, 7, {**RECORD, "id": "call-2", "cost": "x"}, FIX, {"id": ["a"]}])
    kinds = [type(item) for item in found]
    assert kinds == [UsageRecorded, Unread, Unread, UsageCorrected, Unread]
    assert found[1:3] == [
        Unread(None, "an item must be an object"),
        Unread("call-2", "cost: must be a number"),
    ]
    assert isinstance(found[4], Unread)
    assert found[4].id is None


def test_halves_of_surrogate_pairs_are_not_answered() -> None:
    [found] = items(rb'{"id": "\ud800", "\udfff": 1, "model": "m", "started_at": 1}')
    assert isinstance(found, Unread)
    assert found.id == "?"
    assert found.reason.startswith("a name: Input should be a valid string")
    [found] = items(rb'{"id": "x", "costs \ud800": 1, "model": "\ud800", "started_at": 1}')
    assert isinstance(found, Unread)
    assert orjson.dumps(found.reason)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "The body is no JSON: Expecting value at line 1, column 1."),
        (b"[1,", 400, "The body is no JSON"),
        (b"7", 422, "the body must be an object"),
        (b"null", 422, "the body must be an object"),
        (b"[]", 422, "an array must have 1 to 10000 items, not 0"),
        ([7] * 10_001, 422, "an array must have 1 to 10000 items, not 10001"),
    ],
)
def test_a_body_without_items_is_refused_whole(body: object, status: int, says: str) -> None:
    found, text = problem(body)
    assert found == status
    assert says in text


def test_an_installation_may_take_less() -> None:
    limits = UsageLimits(max_items=2)
    assert len(items([RECORD] * 2, limits)) == 2
    assert problem([RECORD] * 3, limits)[0] == 422


# Packed bodies


def test_a_packed_body_is_unpacked() -> None:
    assert one(gzip.compress(orjson.dumps(RECORD)), content_encoding="gzip") == one(RECORD)


def test_a_packed_body_may_not_unpack_to_more_than_any_other() -> None:
    bomb = gzip.compress(b"[" + b" " * 2**20 + b"]", mtime=0)
    assert len(bomb) < 2_000
    limits = UsageLimits(max_bytes=2**20)
    assert problem(bomb, limits, content_encoding="gzip")[0] == 413


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"{}", "gzip", 400),
        (gzip.compress(b"{}", mtime=0)[:-1], "gzip", 400),
        (gzip.compress(b"{}", mtime=0) + b"x", "gzip", 400),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
    ],
    ids=["plain", "cut off", "with more behind", "another packing", "packed twice"],
)
def test_what_cannot_be_unpacked_is_refused(body: bytes, encoding: str, status: int) -> None:
    assert problem(body, content_encoding=encoding)[0] == status


# CloudEvents


def test_an_event_by_itself_in_a_batch_and_in_headers() -> None:
    plain = one(RECORD)
    assert one(EVENT_1, content_type=f"{EVENT}; charset=utf-8") == plain
    assert one([EVENT_1], content_type=EVENTS) == plain
    headers = {f"ce_{name}": str(value) for name, value in EVENT_1.items() if name != "data"}
    assert one(RECORD, content_type="application/json", **headers) == plain


def test_an_event_says_what_its_data_does_not() -> None:
    event = {**EVENT_1, "time": NOON, "data": {"model": "gpt-4o"}}
    expected = UsageRecorded(
        id="e-1", started_at=datetime(2026, 11, 18, 12, tzinfo=UTC), model="gpt-4o"
    )
    assert one(event, content_type=EVENT) == expected
    fix = {**event, "type": CORRECTED, "data": {"corrects": "call-1", "cost": -0.5}}
    corrected = one(fix, content_type=EVENT)
    assert corrected == UsageCorrected(id="e-1", corrects="call-1", cost=Decimal("-0.5"))


def test_headers_are_percent_encoded() -> None:
    headers = {"ce_specversion": "1.0", "ce_type": RECORDED, "ce_source": "eu"}
    found = one({"model": "m", "started_at": 1}, ce_id="caf%C3%A9", **headers)
    assert found.id == "café"
    refused = reason({"model": "m", "started_at": 1}, ce_id="a%00", **headers)
    assert refused.startswith("id: String should match pattern")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source": "us"}, "source: is not that of the gateway whose key this is"),
        ({"source": None}, "source: is not that of the gateway whose key this is"),
        ({"specversion": "0.3"}, "specversion: must be 1.0"),
        ({"type": "com.example.other"}, f"type: must be {RECORDED} or {CORRECTED}"),
        ({"type": [RECORDED]}, f"type: must be {RECORDED} or {CORRECTED}"),
        ({"type": CORRECTED}, f"type: {CORRECTED} is for data with corrects, and for no other"),
        ({"data": FIX}, f"type: {CORRECTED} is for data with corrects, and for no other"),
        ({"data": None}, "data: must be an object; data_base64 is not read"),
        ({"datacontenttype": "text/xml"}, "datacontenttype: must be application/json"),
        ({"datacontenttype": 7}, "datacontenttype: must be application/json"),
        ({"data": {"id": "x"}}, "started_at: Field required; model: Field required"),
    ],
)
def test_an_event_says_which_attribute_is_wrong(change: dict[str, Any], says: str) -> None:
    assert reason({**EVENT_1, **change}, content_type=EVENT) == says


def test_extensions_of_events_are_left_out_of_account() -> None:
    event = {**EVENT_1, "traceparent": "00-1", "subject": "x", "datacontenttype": "text/json"}
    assert reason(event, content_type=EVENT) == "datacontenttype: must be application/json"
    event["datacontenttype"] = "application/vnd.x+json"
    assert one(event, content_type=EVENT) == one(RECORD)


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (EVENT_1, {"content_type": EVENTS}, "a batch of events must be an array"),
        ([], {"content_type": EVENTS}, "an array must have 1 to"),
        ([EVENT_1], {"content_type": EVENT}, "the body must be an object"),
        ([RECORD], {"ce_specversion": "1.0"}, "the body must be an object"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_whole(
    body: object, headers: dict[str, str], says: str
) -> None:
    status, text = problem(body, **headers)
    assert status == 422
    assert says in text


# LiteLLM's payloads


def logged(payload: Mapping[str, Any]) -> UsageRecorded:
    found = one([payload])
    assert isinstance(found, UsageRecorded)
    return found


def test_the_payloads_of_a_real_proxy() -> None:
    success, streamed, failure = items(PAYLOADS)
    assert success == UsageRecorded(
        id=PAYLOADS[0]["id"],
        started_at=datetime.fromtimestamp(PAYLOADS[0]["startTime"], UTC),
        ended_at=datetime.fromtimestamp(PAYLOADS[0]["endTime"], UTC),
        key_hash=PAYLOADS[0]["metadata"]["user_api_key_hash"],
        team_id="t1",
        user_id="ann",
        model="openai/gpt-4o-mini",
        model_group="gpt-4o-mini",
        provider="openai",
        endpoint="/v1/chat/completions",
        cost=Decimal(repr(PAYLOADS[0]["response_cost"])),
        prompt_tokens=PAYLOADS[0]["prompt_tokens"],
        completion_tokens=PAYLOADS[0]["completion_tokens"],
        tags=("a", "User-Agent: curl", "User-Agent: curl/7.88.1"),
    )
    assert isinstance(streamed, UsageRecorded)
    assert (streamed.cost, streamed.prompt_tokens) == (Decimal("0.0000036"), 8)
    assert isinstance(failure, UsageRecorded)
    assert (failure.status, failure.cost, failure.model) == ("failure", Decimal(0), "nope")
    assert (failure.model_group, failure.provider) == (None, None)


def changed(**parts: object) -> dict[str, Any]:
    """The first payload with other parts; of `metadata` only what is given is other."""
    payload = deepcopy(PAYLOADS[0])
    metadata = parts.pop("metadata", {})
    assert isinstance(metadata, dict)
    return {**payload, **parts, "metadata": {**payload["metadata"], **metadata}}


def test_what_our_authenticator_said_goes_before_what_the_proxy_knows() -> None:
    own = {"teamledger": {"team_id": "core", "reservation": str(UUID(int=7))}}
    metadata = {"user_api_key_auth_metadata": own, "user_api_key_team_id": "other"}
    found = logged(changed(metadata=metadata))
    assert (found.team_id, found.reservation) == ("core", UUID(int=7))
    nothing: dict[str, Any] = {"user_api_key_auth_metadata": None, "user_api_key_team_id": "other"}
    assert logged(changed(metadata=nothing)).team_id == "other"


@pytest.mark.parametrize(
    ("presented", "key_hash"),
    [
        ("ab" * 32, "ab" * 32),
        ("sk-plain", hash_key("sk-plain")),
        ("litellm_proxy_master_key", None),
        ("", None),
        (None, None),
    ],
)
def test_keys_come_as_hashes(presented: object, key_hash: str | None) -> None:
    assert logged(changed(metadata={"user_api_key_hash": presented})).key_hash == key_hash


@pytest.mark.parametrize(
    ("used", "tokens"),
    [
        ({"cache_read_input_tokens": 5, "cache_creation_input_tokens": 7}, (5, 7)),
        ({"prompt_tokens_details": {"cached_tokens": 6}}, (6, 0)),
        ({"prompt_tokens_details": None}, (0, 0)),
        (None, (0, 0)),
    ],
)
def test_tokens_of_caches_are_counted(used: object, tokens: tuple[int, int]) -> None:
    found = logged(changed(metadata={"usage_object": used}))
    assert (found.cache_read_tokens, found.cache_creation_tokens) == tokens


def test_a_call_of_unknown_price_costs_nothing() -> None:
    assert logged(changed(response_cost=None)).cost == Decimal(0)


def test_no_name_that_a_caller_may_choose_keeps_his_call_from_being_counted() -> None:
    long = "x" * 1_000
    found = one(
        orjson.dumps(
            changed(
                model=long,
                model_group=long,
                request_tags=[long, "a\0b", "", 7, None, *(f"tag-{n}" for n in range(50))],
                metadata={
                    "user_api_key_request_route": f"/openai/{long}",
                    "mcp_tool_call_metadata": {"namespaced_tool_name": long},
                },
            )
        ).replace(b"tag-1", rb"\ud800")
    )
    assert isinstance(found, UsageRecorded)
    assert len(found.model) == len(found.endpoint or "") == len(found.mcp_tool or "") == 255
    assert found.tags[:3] == ("x" * 255, "ab", "tag-0")
    assert found.tags[3] == "?"
    assert len(found.tags) == 32


def test_a_failure_without_a_model_is_counted() -> None:
    assert logged(changed(model="", model_group=None, status="failure")).model == "unknown"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": ""}, "id: String should have at least 1 character"),
        ({"startTime": None}, "started_at: Field required"),
        ({"status": "odd"}, "status: Input should be 'success' or 'failure'"),
        ({"response_cost": "much"}, "cost: must be a number"),
        ({"metadata": 7}, "metadata: must be an object"),
        ({"prompt_tokens": "x"}, "prompt_tokens: Input should be a valid integer"),
    ],
)
def test_a_payload_that_cannot_be_booked_says_why(change: dict[str, Any], says: str) -> None:
    assert reason([{**PAYLOADS[0], **change}]) == says


any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


def mutated(template: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The template with other values under some of its names."""
    return st.dictionaries(st.sampled_from(sorted(template)), any_json, max_size=4).map(
        lambda parts: {**template, **parts}
    )


ANY_ITEM = any_json | mutated(PAYLOADS[0]) | mutated(EVENT_1) | mutated(RECORD) | mutated(FIX)


@given(
    st.lists(ANY_ITEM, max_size=4) | ANY_ITEM,
    st.sampled_from(["application/json", EVENT, EVENTS, "text/plain"]),
    st.booleans(),
)
def test_whatever_is_sent_is_read_or_refused(body: object, content: str, binary: bool) -> None:  # noqa: FBT001
    headers = {"content_type": content, **({"ce_specversion": "1.0"} if binary else {})}
    try:
        found = items(json.dumps(body).encode(), **headers)
    except Problem as refused:
        assert refused.status_code in (400, 422)  # noqa: PT017
    else:
        assert all(orjson.dumps(item.reason) for item in found if isinstance(item, Unread))
