"""Refusals and unforeseen errors as answers, and what every answer carries."""

import json
from collections.abc import AsyncIterator

import pytest
from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from structlog.testing import capture_logs

from services.access.principal import AccessRefused
from services.edge.app import create_app
from services.edge.body import answer
from services.edge.errors import (
    BUDGET,
    INFO,
    INFO_MESSAGE,
    MANAGEMENT,
    TYPE_FOR_STATUS,
    Family,
    Problem,
    ShapeA,
    ShapeB,
    type_for,
)
from tests.support.edge_app import (
    AUTHORIZED,
    NO_KEY,
    answer_to,
    app_raising,
    client_of,
    recorded,
)

# The two families (1.2), and ours


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "003-team-info-unknown",
            ShapeB(404, "Team not found, passed team id: nope.", family=INFO_MESSAGE),
        ),
        (
            "093-team-info-no-id",
            ShapeB(422, "Malformed request. No team id passed in.", family=INFO_MESSAGE),
        ),
        (
            "177-auth-user-key-other-team-info",
            ShapeB(403, "User=u1 not authorized to access this team=zero", family=INFO),
        ),
        (
            "013-team-new-negative-soft-budget",
            ShapeB(400, "soft_budget cannot be negative. Received: -0.5", family=MANAGEMENT),
        ),
        (
            "125-team-update-unknown",
            ShapeB(404, "Team not found, passed team_id=nope", family=MANAGEMENT),
        ),
        (
            "051-user-new-duplicate",
            ShapeB(409, "User with id u1 already exists", family=MANAGEMENT),
        ),
        ("145-auth-no-key-team-new", ShapeB(401, NO_KEY)),
    ],
)
async def test_strict_mode_answers_shape_b_as_recorded(name: str, error: ShapeB) -> None:
    status, body = await answer_to(error, strict=True)
    assert (status, body) == recorded(name)
    assert json.dumps(body) == json.dumps(recorded(name)[1])


@pytest.mark.parametrize(
    ("status", "error_type"),
    [(400, "bad_request_error"), (404, "not_found_error"), (422, "validation_error")],
)
@pytest.mark.parametrize("family", [MANAGEMENT, INFO, INFO_MESSAGE, BUDGET])
async def test_clean_mode_answers_plain_text_the_proper_type_and_no_param(
    family: Family, status: int, error_type: str
) -> None:
    error = {"message": "Team's gone", "type": error_type, "param": None, "code": str(status)}
    assert await answer_to(ShapeB(status, "Team's gone", family=family)) == (
        status,
        {"error": error},
    )


async def test_a_text_with_an_apostrophe_is_quoted_as_python_does() -> None:
    error = ShapeB(404, "it's gone", family=MANAGEMENT)
    _, body = await answer_to(error, strict=True)
    assert body["error"]["message"] == """{'error': "it's gone"}"""


@pytest.mark.parametrize("strict", [False, True])
async def test_a_type_and_a_param_that_the_contract_names_are_kept(strict: bool) -> None:  # noqa: FBT001
    name = "059-member-add-already-in-team-by-email"
    text = recorded(name)[1]["error"]["message"]
    error = ShapeB(400, text, "team_member_already_in_team", "member")
    assert await answer_to(error, strict=strict) == recorded(name)


@pytest.mark.parametrize("strict", [False, True])
async def test_a_budget_refusal_has_no_param_in_either_mode(strict: bool) -> None:  # noqa: FBT001
    error = ShapeB(400, "Budget has been exceeded!", "budget_exceeded", family=BUDGET)
    _, body = await answer_to(error, strict=strict)
    assert (body["error"]["type"], body["error"]["param"]) == ("budget_exceeded", None)


async def test_shape_a_is_as_recorded() -> None:
    name = "201-team-delete-unknown"
    assert await answer_to(ShapeA(404, "Team not found, passed team_id=nope")) == recorded(name)


@pytest.mark.parametrize(("key", "detail"), [("message", {"message": "gone"}), (None, "gone")])
async def test_shape_a_under_another_key_or_none(key: str | None, detail: object) -> None:
    assert await answer_to(ShapeA(404, "gone", key=key)) == (404, {"detail": detail})


async def test_routes_of_our_own_answer_problem_details() -> None:
    error = Problem(409, "Team exists", "The team id is in use.")
    async with client_of(app_raising(error)) as client:
        answered = await client.get("/raise/x", headers=AUTHORIZED)
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.json() == {
        "type": "about:blank",
        "title": "Team exists",
        "status": 409,
        "detail": "The team id is in use.",
    }


@pytest.mark.parametrize(
    ("error", "title", "detail"),
    [
        (ShapeA(404, "gone"), "Not Found", "gone"),
        (ShapeA(403, "no", key=None), "Forbidden", "no"),
        (ShapeB(413, "large", family=MANAGEMENT), "Content Too Large", "large"),
        (AccessRefused(401, "who?"), "Unauthorized", "who?"),
        (AccessRefused(403, "not you", body="detail"), "Forbidden", "not you"),
        (HTTPException(418, "tea"), "I'm a Teapot", "tea"),
    ],
)
async def test_under_v1_every_refusal_is_problem_details(
    error: Exception, title: str, detail: str
) -> None:
    async with client_of(app_raising(error, strict=True)) as client:
        answered = await client.get("/v1/raise/x", headers=AUTHORIZED)
    assert answered.headers["content-type"] == "application/problem+json"
    body = answered.json()
    assert (body["title"], body["detail"]) == (title, detail)
    assert body["status"] == answered.status_code


async def test_under_v1_what_is_wrong_with_a_request_stands_beside_the_problem() -> None:
    async with client_of(app_raising()) as client:
        field = await client.get("/v1/v2/team/list", params={"page": 0}, headers=AUTHORIZED)
        json = await client.post("/v1/echo", content=b'"\\u0000"', headers=AUTHORIZED)
        large = await client.post("/v1/echo", content=b" " * 2**21, headers=AUTHORIZED)
        unknown = await client.get("/v1/nothing")
        method = await client.delete("/v1/v2/team/list")
        broken = await client.get("/v1/raise/x", headers=AUTHORIZED)
    answers = [field, json, large, unknown, method, broken]
    assert [each.status_code for each in answers] == [422, 422, 413, 404, 405, 500]
    assert {each.headers["content-type"] for each in answers} == {"application/problem+json"}
    [entry] = field.json()["errors"]
    assert (entry["loc"], entry["type"]) == (["query", "page"], "greater_than_equal")
    [entry] = json.json()["errors"]
    assert entry["msg"] == "text must not contain the character NUL"
    assert method.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "error", [ShapeA(503, "full"), ShapeB(503, "full"), Problem(503, "Full", "full")]
)
async def test_unavailable_says_when_to_come_again(error: Exception) -> None:
    async with client_of(app_raising(error)) as client:
        answered = await client.get("/raise/x", headers=AUTHORIZED)
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")


def test_every_status_has_a_type() -> None:
    assert {type_for(status) for status in range(400, 600)} == set(TYPE_FOR_STATUS.values())
    assert (type_for(418), type_for(504)) == ("bad_request_error", "internal_server_error")


# Errors nobody foresaw


@pytest.mark.parametrize("strict", [False, True])
async def test_an_unforeseen_error_is_a_500_that_tells_only_where_to_look(strict: bool) -> None:  # noqa: FBT001
    app = app_raising(RuntimeError("password=hunter2"), strict=strict)
    with capture_logs() as lines:
        async with client_of(app) as client:
            answered = await client.get(
                "/raise/ann@example.com", headers={**AUTHORIZED, "x-request-id": "r-1"}
            )
    assert (answered.status_code, answered.json()) == (
        500,
        {
            "error": {
                "message": "Internal Server Error, correlation id r-1",
                "type": "internal_server_error",
                "param": "None" if strict else None,
                "code": "500",
            }
        },
    )
    (line,) = [each for each in lines if each["log_level"] == "error"]
    assert (line["correlation_id"], line["route"]) == ("r-1", "GET /raise/{name}")
    assert line["log_level"] == "error"


async def test_an_error_after_the_answer_began_ends_the_connection() -> None:
    app = create_app()

    async def broken() -> AsyncIterator[bytes]:
        yield b"begun"
        raise RuntimeError("halfway")

    @app.get("/stream")
    async def stream() -> Response:
        return StreamingResponse(broken())

    with capture_logs() as lines, pytest.raises(RuntimeError, match="halfway"):
        async with client_of(app) as client:
            await client.get("/stream")
    assert [(line["log_level"], line["event"]) for line in lines] == [("error", "request_failed")]


# What every answer carries


@pytest.mark.parametrize("given", ["r-1", "0af7651916cd43dd8448eb211c80319c", "a" * 128, "a:b_c.d"])
async def test_a_sane_request_id_is_kept(given: str) -> None:
    async with client_of(app_raising()) as client:
        answered = await client.get("/nothing", headers={"x-request-id": given})
    assert answered.headers["x-request-id"] == given


async def test_without_one_the_trace_of_the_caller_names_the_request() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    header = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    async with client_of(app_raising()) as client:
        answered = await client.get("/nothing", headers=header)
        named = await client.get("/nothing", headers={**header, "x-request-id": "r-1"})
    assert answered.headers["x-request-id"] == trace
    assert named.headers["x-request-id"] == "r-1"


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "<script>", "ü", "a;b"])
async def test_any_other_request_id_is_replaced_by_a_new_one(given: str) -> None:
    header = {b"x-request-id": given.encode()}
    async with client_of(app_raising()) as client:
        ids = [(await client.get("/", headers=header)).headers["x-request-id"] for _ in range(2)]
    assert len({given, *ids}) == 3
    assert all(len(identity) == 32 for identity in ids)


@pytest.mark.parametrize("path", ["/raise/x", "/nothing", "/v2/team/list", "/v2/team/list?page=0"])
async def test_no_answer_may_be_stored(path: str) -> None:
    async with client_of(app_raising(ShapeA(404, "gone"))) as client:
        answered = await client.get(path, headers=AUTHORIZED)
    assert answered.headers["cache-control"] == "no-store"
    assert answered.headers["content-type"] == "application/json"


async def test_a_route_may_say_otherwise_and_knows_the_correlation_id() -> None:
    app = create_app()

    @app.get("/kept")
    async def kept(request: Request) -> Response:
        identity = request.state.correlation_id
        return answer({"id": identity}, headers={"Cache-Control": "no-cache"})

    async with client_of(app) as client:
        answered = await client.get("/kept")
    assert answered.headers.get_list("cache-control") == ["no-cache"]
    assert answered.json() == {"id": answered.headers["x-request-id"]}
