"""Usage as gateways write it: exact, one item at a time, and refused by the field that is wrong."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.usage import MOST_TOKENS, UsageCorrected, UsageRecorded
from services.access.credentials import hash_key
from services.edge.usage.exact import NoJson, parse
from services.edge.usage.record import Unusable, usage

NOON = "2026-11-18T12:00:00Z"
PLAIN = {"id": "call-1", "started_at": NOON, "model": "gpt-4o"}


def read(text: str, **fields: object) -> UsageRecorded:
    """The call that a JSON text of these fields tells of; `text` is the cost as it is written."""
    written = json.dumps({**PLAIN, **fields})[:-1]
    found = usage(parse(f'{written}, "cost": {text}}}'.encode()))
    assert isinstance(found, UsageRecorded)
    return found


def refusal(fields: object) -> str:
    with pytest.raises(Unusable) as refused:
        usage(parse(orjson.dumps(fields)))
    return str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "0.1",
        "1.35e-05",
        "0.123456789012345678",
        "999999999999.123456789012345678",
        "1000000000000",
        "1e12",
        "0.30000000000000004",
        '"0.1"',
        "7",
        "1E-18",
    ],
)
def test_costs_are_what_was_written(text: str) -> None:
    assert read(text).cost == Decimal(text.strip('"'))


@given(st.decimals(0, 10**12, allow_nan=False, places=18))
def test_no_digit_of_a_cost_is_lost(cost: Decimal) -> None:
    assert read(str(cost)).cost == cost
    assert read(f'"{cost:f}"').cost == cost


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1.2000000000000001e-06", "0.000001200000000000"),
        ("2.9999999999999997e-07", "0.000000300000000000"),
        ("0.1234567890123456785", "0.123456789012345678"),
        ("0.1234567890123456775", "0.123456789012345678"),
        ("999999999999.99999999999999999951", "1000000000000.000000000000000000"),
        ("4e-19", "0"),
        ('"1e-64"', "0"),
    ],
)
def test_what_binary_fractions_leave_behind_is_rounded_off(text: str, kept: str) -> None:
    assert read(text).cost == Decimal(kept)


@pytest.mark.parametrize("text", ["0", "0.0", "-0.0", "0e-400", "0e999999999", '"0.000"'])
def test_nothing_is_nothing_however_it_is_written(text: str) -> None:
    assert str(read(text).cost) == "0"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-0.1", "greater than or equal to 0"),
        ("1000000000000.1", "less than or equal to 1000000000000"),
        ("1e13", "less than or equal to 1000000000000"),
        ("1e999999999", "less than or equal to 1000000000000"),
        ("1e99999999999999999999", "must be a finite number"),
        ("NaN", "must be a finite number"),
        ("Infinity", "must be a finite number"),
        ("-Infinity", "must be a finite number"),
        ("0." + "1" * 100, "must be a finite number"),
        ("1" * 5_000, "must be a finite number"),
        ("1e-65", "must have at most 64 decimals"),
        ("1e-999999999", "must have at most 64 decimals"),
        ("true", "must be a number"),
        ('"NaN"', "must be a number"),
        ('"1_0"', "must be a number"),
        ('"\\u0661"', "must be a number"),
        ('"1e99999"', "must be a number"),
        ("[]", "must be a number"),
    ],
)
def test_a_cost_that_cannot_be_kept_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unusable, match="cost: ") as refused:
        read(text)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (NOON, datetime(2026, 11, 18, 12, tzinfo=UTC)),
        ("2026-11-18T13:30:00+01:30", datetime(2026, 11, 18, 12, tzinfo=UTC)),
        ("2026-11-18T12:00:00.123456789Z", datetime(2026, 11, 18, 12, 0, 0, 123456, UTC)),
        (1795431008.413347, datetime(2026, 11, 23, 10, 50, 8, 413347, UTC)),
        (1795431008, datetime(2026, 11, 23, 10, 50, 8, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_moments_are_rfc_3339_or_seconds(written: object, meant: datetime) -> None:
    found = read("1", started_at=written).started_at
    assert (found, found.tzinfo) == (meant, UTC)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(-23, 23),
)
def test_every_moment_comes_back(moment: datetime, hours: int) -> None:
    sent = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert read("1", ended_at=sent.isoformat()).ended_at == sent
    seconds = (sent - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read("1", ended_at=None, started_at=NOON).ended_at is None
    text = f'{{"id": "x", "model": "m", "started_at": {Decimal(seconds).scaleb(-6):f}}}'
    found = usage(parse(text.encode()))
    assert isinstance(found, UsageRecorded)
    assert found.started_at == sent


@pytest.mark.parametrize(
    "written",
    [
        *("2026-11-18T12:00:00", "yesterday", "", "2026-13-01T00:00:00Z", 1e300, -1, True, []),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 1795431008413, {}),
    ],
)
def test_another_moment_is_refused(written: object) -> None:
    assert refusal({**PLAIN, "started_at": written}).startswith("started_at: must ")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999999", "-1e-6", "1" * 5_000, "true"])
def test_seconds_that_are_none_are_refused(text: str) -> None:
    body = f'{{"id": "x", "model": "m", "started_at": {text}}}'
    with pytest.raises(Unusable, match="started_at: must "):
        usage(parse(body.encode()))


def test_seconds_may_have_any_number_of_digits() -> None:
    text = f'{{"id": "x", "model": "m", "started_at": 1795431008.4133479{"9" * 40}}}'
    found = usage(parse(text.encode()))
    assert isinstance(found, UsageRecorded)
    assert found.started_at == datetime(2026, 11, 23, 10, 50, 8, 413347, UTC)


def test_a_key_is_hashed_at_once() -> None:
    found = read("1", key="sk-secret")
    assert found.key_hash == hash_key("sk-secret")
    assert "sk-secret" not in repr(found)
    assert read("1", key_hash="AB" * 32).key_hash == "ab" * 32


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"key": "secret"}, "key: must begin with sk-; the hash of a key is its key_hash"),
        ({"key": 7}, "key: must begin with sk-; the hash of a key is its key_hash"),
        ({"key": "sk-a", "key_hash": "ab" * 32}, "key: there is a key_hash as well"),
        ({"key_hash": "ab"}, "key_hash: String should match pattern"),
        ({"model": ""}, "model: String should have at least 1 character"),
        ({"model": "a\0b"}, "model: String should match pattern"),
        ({"user_id": "x" * 256}, "user_id: String should have at most 255 characters"),
        ({"tags": "a"}, "tags: Input should be a valid tuple"),
        ({"tags": ["a"] * 33}, "tags: Tuple should have at most 32 items"),
        ({"tags": ["a", 1]}, "tags.1: Input should be a valid string"),
        ({"status": "maybe"}, "status: Input should be 'success' or 'failure'"),
        ({"prompt_tokens": -1}, "prompt_tokens: Input should be greater than or equal to 0"),
        ({"prompt_tokens": MOST_TOKENS + 1}, "prompt_tokens: Input should be less than or equal"),
        ({"prompt_tokens": 1.5}, "prompt_tokens: Input should be a valid integer"),
        ({"prompt_tokens": True}, "prompt_tokens: Input should be a valid integer"),
        ({"reservation": "7"}, "reservation: badly formed hexadecimal UUID string"),
        ({"reservation": 7}, "reservation: must be a UUID"),
        ({"costs": 1}, "costs: is not known here"),
        ({"corrects": "call-0"}, "started_at: is not known here; model: is not known here"),
        ({f"x{n}": 1 for n in range(100)}, "an item has at most 64 fields"),
    ],
)
def test_an_item_says_which_field_is_wrong(fields: dict[str, Any], why: str) -> None:
    assert refusal({**PLAIN, **fields}).startswith(why)


def test_a_secret_is_not_told_again() -> None:
    assert "hunter2" not in refusal({**PLAIN, "key": "hunter2"})
    assert "hunter2" not in refusal({**PLAIN, "key_hash": "hunter2"})


@pytest.mark.parametrize("item", [None, 1, "x", [], True])
def test_only_objects_are_items(item: object) -> None:
    assert refusal(item) == "an item must be an object"


def test_what_is_missing_is_told() -> None:
    assert refusal({}) == "id: Field required; started_at: Field required; model: Field required"


def test_null_is_the_same_as_absent() -> None:
    names = UsageRecorded.model_fields.keys() - PLAIN.keys()
    assert usage({**dict.fromkeys(names), "key": None, **PLAIN}) == usage(PLAIN)


def test_a_correction_names_what_it_corrects() -> None:
    text = b'{"id": "fix", "corrects": "call-1", "cost": -0.1, "prompt_tokens": -5}'
    expected = UsageCorrected(id="fix", corrects="call-1", cost=Decimal("-0.1"), prompt_tokens=-5)
    assert usage(parse(text)) == expected


def test_a_whole_record() -> None:
    reservation = UUID(int=7)
    found = read(
        "0.5",
        ended_at=NOON,
        key_hash="ab" * 32,
        team_id="core",
        user_id="ann",
        model_group="gpt",
        provider="openai",
        endpoint="/v1/chat/completions",
        mcp_tool="search",
        status="failure",
        prompt_tokens=1,
        completion_tokens=2,
        cache_read_tokens=3,
        cache_creation_tokens=4,
        tags=["a", "b"],
        reservation=str(reservation),
    )
    assert found.model_fields_set == set(UsageRecorded.model_fields)
    assert (found.tags, found.reservation, found.status) == (("a", "b"), reservation, "failure")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "Expecting value at line 1, column 1"),
        (b'{"a":', "Expecting value at line 1, column 6"),
        (b"{'a': 1}", "Expecting property name"),
        (b'{"a": 1} {}', "Extra data"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_json_says_where(body: bytes, why: str) -> None:
    with pytest.raises(NoJson, match=why):
        parse(body)


def test_numbers_that_nobody_looks_at_do_no_harm() -> None:
    odd = b'[NaN, 1e999999999999999999999, %s, {"a": -Infinity}]' % (b"9" * 5_000)
    assert isinstance(parse(odd), list)


any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(["key", "corrects", *UsageRecorded.model_fields])


@given(st.dictionaries(NAMES, any_json) | any_json)
def test_any_item_is_read_or_refused(item: object) -> None:
    try:
        found = usage(parse(json.dumps(item).encode()))
    except Unusable as refused:
        assert str(refused)  # noqa: PT017
    else:
        assert type(found).model_validate_json(found.model_dump_json()) == found
