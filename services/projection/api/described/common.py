"""What all GET routes that take a key have in common: parameters, headers, refusals."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi.exceptions import RequestValidationError

from events.values import JsonObject
from services.edge.errors import unexpected
from services.edge.openapi.callers import refusals_of_callers
from services.edge.openapi.components import ETAG, EVENT_POSITION, TOTAL_COUNT, parameter
from services.edge.openapi.operation import CORRELATION_ID, Operation, of_path
from services.projection.api.dependencies import (
    MIN_POSITION,
    no_position,
    unavailable,
)
from services.projection.api.past import no_moment, too_long
from services.projection.past.moment import ahead, no_time

_POSITION = {"type": "integer", "minimum": 0}
_WAIT = "Answer only what holds at least the event at this position: 503 if none gets there in 1 s."

PARAMETERS: Mapping[str, JsonObject] = {
    "MinPosition": parameter(MIN_POSITION, "query", _POSITION, _WAIT),
    "MinPositionHeader": parameter(
        "X-Min-Position", "header", _POSITION, f"{_WAIT} The query goes before it."
    ),
}


_OF_THE_PAST: Mapping[str, Exception] = {
    "no_moment": no_moment(no_time("yesterday")),
    "moment_ahead": no_moment(ahead(10**15)),
    "past_too_long": too_long(),
}


def read(  # noqa: PLR0913 - what may differ between routes
    route: str,
    id: str,  # noqa: A002
    answers: Any,  # noqa: ANN401
    *,
    example: object,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str | int] | None = None,
    sent: JsonObject | None = None,
    refusals: Mapping[str, Exception] | None = None,
    versioned: bool = False,
    past: bool = False,
) -> Operation:
    """A GET route, or with `sent` one that is asked by a body.

    `versioned` tells that the answer is about one thing and names its version, `past` that it is
    had as of an earlier moment too.
    """
    path = path or {}
    return Operation(
        id=id,
        answers=answers,
        example=example,
        path=path,
        query=query or {},
        sent=sent,
        parameters=tuple(PARAMETERS),
        headers=(EVENT_POSITION, ETAG) if versioned else (EVENT_POSITION,),
        refusals={
            **refusals_of_callers(route, of_path(route, path)),
            "bad_position": no_position("query", MIN_POSITION, "-1"),
            **(refusals or {}),
            **(_OF_THE_PAST if past else {}),
            "unexpected": unexpected(CORRELATION_ID),
            "unavailable": unavailable(),
        },
    )


def listed(
    route: str,
    id: str,  # noqa: A002
    answers: Any,  # noqa: ANN401
    *,
    example: object,
    query: Mapping[str, str | int],
) -> Operation:
    """A list that is answered whole or by page, and tells how many entries it has in all."""
    operation = read(route, id, answers, example=example, query=query)
    return replace(operation, headers=(*operation.headers, TOTAL_COUNT))


def missing(parameter_name: str) -> RequestValidationError:
    """The refusal of a query without a parameter that it needs."""
    place = ("query", parameter_name)
    error = {"type": "missing", "loc": place, "msg": "Field required", "input": None}
    return RequestValidationError([error])
