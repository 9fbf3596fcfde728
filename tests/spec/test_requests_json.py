"""JSON that is safe to look at: nothing crashes, nothing is silently changed."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.edge.requests import TooDeep, UnsafeJson, check_json, parse_json

DEPTH = 32
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * levels + closing * levels).encode()


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b"{", b'{"team_id": ', b"{'a': 1}", b'{"a": 1,}', b"]", b"}{", b"nul"),
        *(b"NaN", b"[Infinity]", b"-Infinity", b"1e400", b"01", b"+1", b'{"a": NaN}'),
        *(b'"\\ud800"', b'"\\udc00"', b"\xff", b'"\xed\xa0\x80"', b"\xef\xbb\xbf{}", b'"\0"'),
        *(b'"', b'"\\', b'"\\"', b'\\"' * 1000, b"9" * 5000, b'[1]"', b'{"a": "b}'),
    ],
)
def test_what_is_no_json_is_refused_with_a_position(raw: bytes) -> None:
    with pytest.raises(json.JSONDecodeError) as refused:
        parse_json(raw, DEPTH)
    assert refused.value.pos >= 0


@pytest.mark.parametrize("digits", ["18446744073709551616", "-9223372036854775809", "9" * 300])
def test_integers_beyond_64_bits_are_refused_not_rounded(digits: str) -> None:
    raw = f'{{"text": "12345678901234567890123", "a": {{"n": [1, {digits}]}}}}'
    with pytest.raises(json.JSONDecodeError, match="integer beyond 64 bits") as refused:
        parse_json(raw.encode(), DEPTH)
    assert raw[refused.value.pos :].startswith(digits)


@pytest.mark.parametrize(
    "number",
    [
        *("18446744073709551615", "-9223372036854775808", "0.12345678901234567890123", "-0.0"),
        *("1E-0000000000000000000001", "123456789012345678901e2", "123456789012345678901.5"),
    ],
)
def test_long_numbers_that_json_readers_agree_on_are_fine(number: str) -> None:
    assert parse_json(f"[{number}]".encode(), DEPTH) == [json.loads(number)]


def test_digits_in_text_are_text() -> None:
    text = '"9999999999999999999999\\" 99999999999999999999999 \\\\'
    assert parse_json(json.dumps({text: text}).encode(), DEPTH) == {text: text}


@pytest.mark.parametrize("levels", [33, 1000, 1024, 1025, 100_000, 500_000])
def test_too_deep_is_told_apart_at_any_depth(levels: int) -> None:
    for raw in (nested(levels), nested(levels, '{"a":', "}"), b"[" * levels):
        with pytest.raises(TooDeep, match="nested more than 32 levels deep"):
            parse_json(raw, DEPTH)


def test_as_deep_as_allowed_is_fine() -> None:
    assert parse_json(nested(DEPTH), DEPTH) == json.loads(nested(DEPTH))
    side_by_side = b"[" + b",".join([nested(DEPTH - 1)] * 100) + b"]"
    assert parse_json(side_by_side, DEPTH) == json.loads(side_by_side)


def test_brackets_in_text_have_no_depth() -> None:
    text = '[[[{{{"\\' * 50
    assert parse_json(json.dumps([text]).encode(), 1) == [text]


@settings(deadline=None)
@given(values)
def test_what_json_can_say_comes_back_unchanged(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), 1000) == value


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_refused(raw: bytes) -> None:
    try:
        value = parse_json(raw, DEPTH)
    except (json.JSONDecodeError, TooDeep):
        return
    assert value == json.loads(raw)


def test_the_last_of_repeated_names_counts() -> None:
    assert parse_json(b'{"a": 1, "a": 2}', DEPTH) == {"a": 2}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"a": "x\0y"}, "NUL"),
        ({"a\0": 1}, "NUL"),
        ([{"a": [["\0"]]}], "NUL"),
        ("\ud83d", "surrogate"),
        ({"a": {"\udc00": 1}}, "surrogate"),
        ({"a": [float("nan")]}, "finite"),
        ([float("-inf")], "finite"),
    ],
)
def test_what_cannot_be_stored_is_found_anywhere(body: object, reason: str) -> None:
    with pytest.raises(UnsafeJson, match=reason):
        check_json(body, DEPTH)


def test_depth_is_checked_without_recursion() -> None:
    body: list[Any] = []
    for _ in range(200_000):
        body = [body]
    with pytest.raises(TooDeep):
        check_json(body, DEPTH)
    while body:  # taken apart level by level: the interpreter would recurse
        body = body.pop()


def test_checking_and_parsing_count_depth_alike() -> None:
    check_json(json.loads(nested(DEPTH)), DEPTH)
    with pytest.raises(TooDeep):
        check_json(json.loads(nested(DEPTH + 1)), DEPTH)


@settings(deadline=None)
@given(values)
def test_whole_text_and_finite_numbers_pass(value: object) -> None:
    if "\\u0000" not in json.dumps(value).replace("\\\\", ""):
        check_json(value, 1000)
