"""Refusals as responses: rendered as they are at run time, grouped by status and body."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.responses import Response

from events.values import JsonObject
from services.edge.errors import PROBLEM_JSON, render
from services.edge.openapi.answers import refusal, report
from services.edge.openapi.components import ALWAYS, ON_UNAVAILABLE
from services.edge.openapi.operation import Refusal
from services.edge.openapi.schema import SCHEMAS, Document

_JSON = "application/json"
_SAYS: Mapping[int, str] = {
    400: "What is asked for breaks a rule, or the key has expired.",
    401: "The caller is not known, or is nobody who may do this.",
    403: "The caller may not do this.",
    404: "What it is about is not there, or not for the caller to see.",
    409: "There is one of this name.",
    412: "It is not what the caller expects it to be.",
    413: "The body is too large.",
    415: "The body is packed in a way that is not read.",
    422: "Malformed, or a field or parameter is not valid.",
    500: "An error that nobody foresaw; the log tells it by the correlation id.",
    503: "Not now; try again.",
}


def body_of(error: Refusal, *, problems: bool = False) -> tuple[int, JsonObject]:
    """Status and body of the answer to a refusal, in the clean wording (register D60)."""
    response = (
        error if isinstance(error, Response) else render(error, strict=False, problems=problems)
    )
    return response.status_code, orjson.loads(response.body)


def shape_of(body: JsonObject) -> type[Document]:
    """The document that describes a refusal's body (team-api.md 1.2)."""
    shape: type[Document] = refusal.InvalidRequest
    match body:
        case {"title": _}:
            shape = refusal.Problem
        case {"status": _}:
            shape = report.Unhealthy
        case {"error": _}:
            shape = refusal.Error
        case {"detail": {"error": _}}:
            shape = refusal.DetailedError
        case {"detail": {"message": _}}:
            shape = refusal.MessageError
        case {"detail": str()}:
            shape = refusal.PlainError
    return shape


def refused(refusals: Mapping[str, Refusal], *, problems: bool = False) -> JsonObject:
    """The responses for these refusals, by status; each is an example under its name.

    With `problems` all of them are problem details, as under /v1.
    """
    found: defaultdict[int, dict[str, JsonObject]] = defaultdict(dict)
    for name, error in refusals.items():
        status, body = body_of(error, problems=problems)
        found[status][name] = body
    media_type = PROBLEM_JSON if problems else _JSON
    return {str(status): _response(status, found[status], media_type) for status in sorted(found)}


def _response(status: int, bodies: Mapping[str, JsonObject], media_type: str) -> JsonObject:
    headers = {**ALWAYS, **(ON_UNAVAILABLE if status == HTTPStatus.SERVICE_UNAVAILABLE else {})}
    return {
        "description": _SAYS[status],
        "headers": headers,
        "content": {
            media_type: {
                "schema": any_of([SCHEMAS + shape_of(body).__name__ for body in bodies.values()]),
                "examples": {name: {"value": body} for name, body in bodies.items()},
            }
        },
    }


def shared_examples(paths: JsonObject) -> JsonObject:
    """Take the examples that several routes have out of them, to be referred to by their names."""
    examples = [
        (name, in_response, in_response[name])
        for operations in paths.values()
        for operation in operations.values()
        for response in operation["responses"].values()
        for content in response["content"].values()
        for in_response in [content.get("examples", {})]
        for name in in_response
    ]
    counted = Counter((name, orjson.dumps(example)) for name, _, example in examples)
    shared: JsonObject = {}
    for (name, text), times in counted.most_common():
        if times > 1:
            shared.setdefault(name, orjson.loads(text))
    for name, in_response, example in examples:
        if shared.get(name) == example:
            in_response[name] = {"$ref": f"#/components/examples/{name}"}
    return dict(sorted(shared.items()))


def any_of(references: list[str]) -> JsonObject:
    """A schema that is one of these."""
    schemas: list[JsonObject] = [{"$ref": name} for name in dict.fromkeys(references)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
