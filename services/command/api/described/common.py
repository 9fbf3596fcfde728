"""What all routes that change something have in common: parameters, headers, refusals."""

import re
from collections.abc import Iterable, Mapping
from json import JSONDecodeError
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from events.values import JsonObject
from services.command.api.failures import failure
from services.command.api.refusals import answer_for
from services.command.api.terms import bad_dry_run, bad_etags, bad_repeat_key
from services.command.application.idempotency import MAX_KEY_LENGTH, KeyReused
from services.command.application.requests import (
    NoOneSubject,
    PreconditionFailed,
    Unavailable,
)
from services.command.domain.errors import AlreadyExists, DomainError, NotFound
from services.edge.app import DEFAULTS
from services.edge.claim import CLAIM_HEADER, MAX_CLAIM, claim_too_long
from services.edge.errors import too_large, unexpected
from services.edge.openapi.callers import refusals_of_callers
from services.edge.openapi.components import ETAG, EVENT_POSITION, parameter
from services.edge.openapi.operation import CORRELATION_ID, Operation, of_path
from services.edge.requests.common import Identifier, RequestModel, Text, parse_json

SEVERAL = {"several_things": failure(NoOneSubject())}
"""The refusal of If-Match on a call about several things."""

PARAMETERS: Mapping[str, JsonObject] = {
    "IdempotencyKey": parameter(
        "Idempotency-Key",
        "header",
        {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
        "Repeats of a request with the same key are carried out once, and answered alike for "
        "24 hours. Refusals are not kept.",
    ),
    "IfMatch": parameter(
        "If-Match",
        "header",
        {"type": "string"},
        "The `ETag` of the thing as it has to be still, several of them, or `*`: else 412.",
    ),
    "ChangedBy": parameter(
        CLAIM_HEADER,
        "header",
        {"type": "string", "maxLength": MAX_CLAIM},
        "On whose behalf; recorded beside who it was, and believed of proxy admins.",
    ),
    "DryRun": parameter(
        "dry_run",
        "query",
        {"type": "boolean", "default": False},
        "Tell what would be recorded and answered, and record nothing.",
    ),
}


def command(  # noqa: PLR0913 - what may differ between routes
    route: str,
    id: str,  # noqa: A002
    answers: Any,  # noqa: ANN401
    *,
    body: type[RequestModel] | None,
    sent: JsonObject | None,
    example: object,
    path: Mapping[str, str] | None = None,
    domain: Iterable[DomainError] = (),
    others: Mapping[str, Exception] | None = None,
    versioned: bool = True,
    needs_body: bool = True,
) -> Operation:
    """A route that changes something.

    `domain` are the refusals of its rules, `others` those that stand elsewhere. `versioned` tells
    that it is about one thing that is still there afterwards, and has a version. Without
    `needs_body` a body may be absent.
    """
    path = path or {}
    return Operation(
        id=id,
        answers=answers,
        example=example,
        sent=sent,
        path=path,
        parameters=tuple(PARAMETERS),
        headers=(EVENT_POSITION, ETAG) if versioned else (EVENT_POSITION,),
        refusals={
            **refusals_of_callers(route, of_path(route, path)),
            **_of_terms(),
            **_of_requests(body if needs_body else None, path),
            **({} if needs_body else _of_bodies()),
            **{_name(error): answer_for(route, error) for error in domain},
            **(others or {}),
            "unexpected": unexpected(CORRELATION_ID),
            **unavailability(),
        },
        rehearsed=True,
        needs_body=needs_body,
    )


def unavailability() -> dict[str, Exception]:
    """What can be told of every route when there is too much to do, or no database."""
    return {
        "unavailable": failure(Unavailable("too many commands are waiting", "not executed")),
        "unknown_outcome": failure(
            Unavailable("the event database did not answer in time", "unknown")
        ),
    }


def _of_terms() -> dict[str, Exception]:
    return {
        "long_claim": claim_too_long(),
        "bad_repeat_key": bad_repeat_key(),
        "bad_etags": bad_etags(),
        "not_expected": failure(PreconditionFailed(7)),
        "bad_dry_run": bad_dry_run("maybe"),
        "repeated_otherwise": failure(KeyReused("example")),
    }


def _of_requests(body: type[RequestModel] | None, path: Mapping[str, str]) -> dict[str, Exception]:
    found: dict[str, Exception] = {}
    if "team_id" in path:
        found["bad_path"] = _bad_team_id()
    elif path:
        found["bad_path"] = _bad_text(next(iter(path)))
    if body is not None:
        found |= {**_of_bodies(), "bad_fields": _bad_fields(body)}
    return found


def _of_bodies() -> dict[str, Exception]:
    return {"malformed": _malformed(), "large_body": too_large(DEFAULTS.max_body_bytes)}


def _malformed() -> RequestValidationError:
    """As FastAPI reports what is no JSON."""
    try:
        parse_json(b"{", DEFAULTS.max_json_depth)
    except JSONDecodeError as error:
        entry = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error"}
        return RequestValidationError([{**entry, "input": {}, "ctx": {"error": error.msg}}])
    raise AssertionError("half an object is no JSON")


def _bad_fields(body: type[RequestModel]) -> RequestValidationError:
    """Without any field, or where none is needed without a body."""
    try:
        body.model_validate({})
    except ValidationError as invalid:
        return _placed(invalid, "body")
    entry = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
    return RequestValidationError([entry])


def _bad_team_id() -> RequestValidationError:
    try:
        TypeAdapter(Identifier).validate_python("core\t")
    except ValidationError as invalid:
        return _placed(invalid, "path", "team_id")
    raise AssertionError("a team id must not hold control characters")


def _bad_text(name: str) -> RequestValidationError:
    try:
        TypeAdapter(Text).validate_python("sk-example\0")
    except ValidationError as invalid:
        return _placed(invalid, "path", name)
    raise AssertionError("a key must not hold a NUL")


def _placed(invalid: ValidationError, *place: str) -> RequestValidationError:
    errors = invalid.errors(include_url=False)
    return RequestValidationError([{**e, "loc": (*place, *e["loc"])} for e in errors])


def _name(error: DomainError) -> str:
    """How an example of this refusal is called."""
    match error:
        case NotFound(kind=kind):
            return f"no_{kind}"
        case AlreadyExists(kind=kind):
            return f"{kind}_exists"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
