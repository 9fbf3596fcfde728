"""The document as a whole: routes as they are declared, with their operations."""

import re
from collections.abc import Iterable, Mapping
from inspect import cleandoc, isclass
from typing import Any, get_args, get_type_hints

from fastapi import APIRouter
from fastapi.routing import APIRoute

from events.values import JsonObject
from services.edge.errors import tells_problems
from services.edge.openapi import components
from services.edge.openapi.answers import refusal, report
from services.edge.openapi.components import REQUEST_ID, parameter
from services.edge.openapi.glossary import FIELDS
from services.edge.openapi.glossary_parameters import PARAMETERS
from services.edge.openapi.operation import Operation, Operations, RouteName
from services.edge.openapi.responses import refused, shared_examples
from services.edge.openapi.schema import SCHEMAS, schemas
from services.edge.requests.common import RequestModel

_PATH_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_REFUSALS = (
    refusal.Error,
    refusal.DetailedError,
    refusal.PlainError,
    refusal.MessageError,
    refusal.InvalidRequest,
    refusal.Problem,
    report.Unhealthy,
)
_ABOUT = """Manages the teams, members, budgets and keys of an LLM gateway, with LiteLLM's API.

Money is in USD, limits are tokens or requests per minute, moments are ISO 8601 in UTC. Fields of
a request that nobody knows are ignored. Refusals come in LiteLLM's shapes, told apart by
their first key: `error` or `detail`; under /v1 as problem details (RFC 9457). Whatever a route is,
malformed JSON is refused before the caller is known, but for POST /v1/usage, and fields are looked
at only after that. With TEAMLEDGER_COMPAT=strict, messages under `error` are in LiteLLM's own
wording."""


class Undescribed(LookupError):
    """A route without an operation, or an operation without a route."""

    def __init__(self, names: Iterable[RouteName]) -> None:
        listed = ", ".join(f"{method} {path}" for method, path in sorted(names))
        super().__init__(f"routes and descriptions do not match: {listed}")


def document(
    routers: Iterable[APIRouter],
    operations: Operations,
    parameters: Mapping[str, JsonObject],
    version: str,
) -> JsonObject:
    """The OpenAPI description of all routes of the routers; raises Undescribed.

    `parameters` are those that operations name, by those names.
    """
    routes = _routes(routers)
    if differing := routes.keys() ^ operations.keys():
        raise Undescribed(differing)
    made, shared = schemas(_types(routes, operations))
    paths: JsonObject = {}
    for (method, path), route in routes.items():
        described = _described(route, operations[method, path], made, (method, path))
        paths.setdefault(_PATH_PARAMETER.sub(r"{\1}", path), {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "teamledger", "version": version, "description": _ABOUT},
        "security": [{scheme: []} for scheme in components.SECURITY],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(shared.items())),
            "examples": shared_examples(paths),
            "parameters": {**components.PARAMETERS, **parameters},
            "headers": {name: header for name, (_, header) in components.HEADERS.items()},
            "securitySchemes": dict(components.SECURITY),
        },
    }


def _routes(routers: Iterable[APIRouter]) -> dict[RouteName, APIRoute]:
    return {
        (method, route.path): route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def _types(routes: Mapping[RouteName, APIRoute], operations: Operations) -> dict[Any, Any]:
    """All that a schema is needed of: answers, bodies and parameters of paths, by route."""
    types: dict[Any, Any] = {shape: shape for shape in _REFUSALS}
    types |= {part: part for part in (report.RehearsedEvent, report.RehearsedChange)}
    for name, route in routes.items():
        types[name, "answer"] = operations[name].answers
        for media_type, (body_type, _) in operations[name].bodies.items():
            types[name, media_type] = body_type
        for parameter_name, hint in get_type_hints(route.endpoint, include_extras=True).items():
            if (body := _body(hint)) is not None:
                types[name, "body"] = body
            elif parameter_name in route.param_convertors:
                types[name, parameter_name] = hint
    return types


def _body(hint: Any) -> type[RequestModel] | None:  # noqa: ANN401
    """The model of a body, also of one that may be absent; None for what is no body."""
    for each in (hint, *get_args(hint)):
        if isclass(each) and issubclass(each, RequestModel):
            return each
    return None


def _described(
    route: APIRoute, operation: Operation, made: Mapping[Any, JsonObject], name: RouteName
) -> JsonObject:
    summary, _, description = cleandoc(route.endpoint.__doc__ or "").partition("\n\n")
    found: JsonObject = {
        "tags": list(route.tags),
        "summary": " ".join(summary.split()),
        "operationId": operation.id,
        "parameters": _parameters(route, operation, made, name),
        "responses": {
            "200": _success(operation, made[name, "answer"]),
            **refused(operation.refusals, problems=tells_problems(name[1])),
        },
    }
    if operation.public:
        found["security"] = []
    if description:
        found["description"] = description
    if content := _contents(operation, made, name):
        found["requestBody"] = {"required": operation.needs_body, "content": content}
    return found


def _contents(operation: Operation, made: Mapping[Any, JsonObject], name: RouteName) -> JsonObject:
    """The bodies that are taken, by media type."""
    taken = {
        media_type: {"schema": made[name, media_type], "example": example}
        for media_type, (_, example) in operation.bodies.items()
    }
    if (body := made.get((name, "body"))) is not None:
        taken["application/json"] = {"schema": body, "example": operation.sent}
    return taken


def _parameters(
    route: APIRoute, operation: Operation, made: Mapping[Any, JsonObject], name: RouteName
) -> list[JsonObject]:
    examples = {**operation.path, **operation.query}
    own = [
        parameter(each, "path", made[name, each], FIELDS[each], required=True)
        for each in route.param_convertors
        if (name, each) in made
    ]
    own += [
        parameter(
            each["name"],
            each["in"],
            _plain(each["schema"]),
            each.get("description") or PARAMETERS.get(each["name"]) or FIELDS[each["name"]],
            required=each["required"],
        )
        for each in (route.openapi_extra or {}).get("parameters", ())
    ]
    for each in own:
        if each["name"] in examples:
            each["example"] = examples[each["name"]]
    shared = (*operation.parameters, REQUEST_ID)
    return [*own, *({"$ref": f"#/components/parameters/{each}"} for each in shared)]


def _plain(schema: JsonObject) -> JsonObject:
    """The schema without title, and without a default that only says that it may be absent."""
    left = {name: value for name, value in schema.items() if name != "title"}
    if left.get("default", ...) is None:
        del left["default"]
    return left


def _success(operation: Operation, schema: JsonObject) -> JsonObject:
    headers = {
        components.HEADERS[each][0]: {"$ref": f"#/components/headers/{each}"}
        for each in operation.headers
    }
    as_csv = {"text/csv": {"schema": {"type": "string"}, "example": operation.csv}}
    either = {"anyOf": [schema, _rehearsal(schema)]} if operation.rehearsed else schema
    return {
        "description": "Done; or, with `dry_run`, what would be."
        if operation.rehearsed
        else "The answer.",
        "headers": {**headers, **components.ALWAYS},
        "content": {
            operation.media_type: {"schema": either, "example": operation.example},
            **({} if operation.csv is None else as_csv),
        },
    }


def _rehearsal(schema: JsonObject) -> JsonObject:
    """What is answered to `dry_run`: events, what differs, and the answer there would be."""
    events = {"$ref": f"{SCHEMAS}{report.RehearsedEvent.__name__}"}
    changes = {"$ref": f"{SCHEMAS}{report.RehearsedChange.__name__}"}
    fields = {
        "dry_run": {"const": True, "description": "That nothing was recorded."},
        "events": {"type": "array", "items": events, "description": "What would be recorded."},
        "changes": {"type": "array", "items": changes, "description": "What would differ."},
        "answer": schema,
    }
    return {
        "type": "object",
        "description": "The answer to `dry_run`.",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
