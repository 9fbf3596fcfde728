"""Bodies on their way in: the order of checks, JSON that cannot be kept, and how much of it."""

import json
from collections.abc import AsyncIterator, Iterable

import pytest

from tests.support.edge_app import (
    AUTHORIZED,
    JSON,
    NO_KEY,
    app_raising,
    client_of,
    post,
    recorded,
    replay,
)

# Order of checks (team-api.md 1.1)


async def test_a_wrong_method_is_405_before_anything_else() -> None:
    assert await replay("033-team-new-by-get") == recorded("033-team-new-by-get")


async def test_an_unknown_path_is_404_before_anything_else() -> None:
    async with client_of(app_raising()) as client:
        for path in ("/team/nothing", "/team/new/"):
            answered = await client.post(path, content=b"{", headers=JSON)
            assert (answered.status_code, answered.json()) == (404, {"detail": "Not Found"})


async def test_malformed_json_is_422_before_authentication() -> None:
    status, body = await post(app_raising(), b'{"team_id": ')
    assert status == 422
    (entry,) = body["detail"]
    assert list(entry) == ["type", "loc", "msg", "input", "ctx"]
    assert (entry["type"], entry["msg"], entry["input"]) == (
        "json_invalid",
        "JSON decode error",
        {},
    )
    assert entry["loc"][0] == "body"
    assert isinstance(entry["ctx"]["error"], str)


async def test_the_recorded_malformed_json_is_422() -> None:
    assert (await replay("030-team-new-malformed-json"))[0] == 422


@pytest.mark.parametrize("content", [b"[]", b"7", b'"x"', b"null", b"", b'{"max_budget": "abc"}'])
async def test_a_body_without_the_right_fields_is_401_for_strangers(content: bytes) -> None:
    status, body = await post(app_raising(), content)
    assert (status, body["error"]["message"]) == (401, NO_KEY)


@pytest.mark.parametrize("name", ["031-team-new-array-body", "032-team-new-no-body"])
async def test_a_body_that_is_no_object_or_absent_is_422_after_authentication(name: str) -> None:
    status, body = await replay(name)
    assert status == 422
    assert [entry["loc"] for entry in body["detail"]] == [["body"]]


@pytest.mark.parametrize(
    "name",
    [
        "019-team-new-budget-not-a-number",
        "021-team-new-tpm-fractional",
        "023-team-new-models-not-list",
        "029-team-new-member-without-ids",
        "077-member-add-no-ids",
        "079-member-add-bad-role",
        "083-member-add-without-member",
        "101-v2-team-list-page-0",
        "205-team-delete-no-list",
    ],
)
async def test_wrong_fields_are_answered_as_recorded(name: str) -> None:
    status, body = await replay(name)
    assert (status, body) == recorded(name)
    assert json.dumps(body) == json.dumps(recorded(name)[1])


# JSON that cannot be kept


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
async def test_numbers_that_json_does_not_have_are_refused(number: bytes) -> None:
    status, body = await post(app_raising(), b'{"max_budget": ' + number + b"}", **AUTHORIZED)
    assert (status, body["detail"][0]["type"]) == (422, "json_invalid")


@pytest.mark.parametrize("levels", [5, 100_000])
async def test_json_that_is_too_deep_is_422_with_a_clear_text(levels: int) -> None:
    content = b"[" * levels + b"]" * levels
    status, body = await post(app_raising(max_json_depth=4), content)
    assert (status, body) == (
        422,
        {
            "detail": [
                {
                    "type": "json_invalid",
                    "loc": ["body"],
                    "msg": "JSON is nested more than 4 levels deep",
                    "input": {},
                }
            ]
        },
    )


async def test_json_of_just_the_allowed_depth_is_read_once_and_can_be_asked_for_twice() -> None:
    app = app_raising(max_json_depth=4)
    assert await post(app, b"[[[[]]]]", "/echo", **AUTHORIZED) == (200, [[[[[]]]], [[[[]]]]])


@pytest.mark.parametrize(("allowed", "status"), [(120, 422), (121, 200), (200, 200)])
async def test_what_is_kept_may_be_as_deep_as_the_installation_allows(
    allowed: int, status: int
) -> None:
    deep = b'{"in": ' * 120 + b"1" + b"}" * 120
    app = app_raising(max_json_depth=allowed)
    assert (await post(app, b'{"metadata": ' + deep + b"}", **AUTHORIZED))[0] == status


async def test_text_that_cannot_be_stored_is_422_with_a_clear_text() -> None:
    status, body = await post(app_raising(), b'{"team_alias": "a\\u0000b"}', **AUTHORIZED)
    assert (status, body["detail"][0]["msg"]) == (422, "text must not contain the character NUL")


@pytest.mark.parametrize("content", [b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"\x00", b"{}{}"])
async def test_bytes_that_are_no_json_are_422(content: bytes) -> None:
    assert (await post(app_raising(), content, **AUTHORIZED))[0] == 422


async def test_json_under_another_content_type_is_not_read_as_json() -> None:
    app = app_raising()
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with client_of(app) as client:
        answered = await client.post("/team/new", content=b"\xff{}", headers=AUTHORIZED | form)
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["input"] == "\N{REPLACEMENT CHARACTER}{}"


# How large a body may be


async def chunks(sizes: Iterable[int]) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b" " * size


@pytest.mark.parametrize("strict", [False, True])
async def test_a_declared_body_over_the_limit_is_413(strict: bool) -> None:  # noqa: FBT001
    app = app_raising(max_body_bytes=1000, strict=strict)
    assert await post(app, b" " * 1001) == (
        413,
        {
            "error": {
                "message": "Request body too large. Limit: 1000 bytes",
                "type": "bad_request_error",
                "param": "None" if strict else None,
                "code": "413",
            }
        },
    )


async def test_a_streamed_body_over_the_limit_is_413() -> None:
    app = app_raising(max_body_bytes=1000)
    assert (await post(app, chunks([600, 600])))[0] == 413


async def test_a_body_larger_than_it_says_is_413() -> None:
    app = app_raising(max_body_bytes=1000)
    assert (await post(app, b" " * 1001, **{"content-length": "5"}))[0] == 413


@pytest.mark.parametrize(
    ("length", "status"),
    [("9" * 5000, 413), ("-1", 200), ("1e9", 200), ("\u00b2", 200), ("", 200)],
    ids=["huge", "negative", "float", "superscript", "empty"],
)
async def test_a_declared_length_may_be_anything(length: str, status: int) -> None:
    app = app_raising(max_body_bytes=1000)
    sent = {**AUTHORIZED, "content-length": length}
    assert (await post(app, b"{}", **sent))[0] == status


async def test_a_body_of_just_the_limit_is_accepted() -> None:
    app = app_raising(max_body_bytes=1000)
    content = b'{"team_id": "t"}'.ljust(1000)
    assert await post(app, content, **AUTHORIZED) == (200, {"team_id": "t"})


async def test_a_wrong_path_is_told_before_a_large_body() -> None:
    app = app_raising(max_body_bytes=1000)
    assert (await post(app, b" " * 1001, "/nothing"))[0] == 404
