"""What many routes share: how to present a key, common parameters, headers of answers."""

from collections.abc import Mapping

from events.values import JsonObject
from services.access.credentials import RAW_HEADERS
from services.edge.openapi.glossary import FIELDS

_KEY = "The master key or a virtual key."

SECURITY: Mapping[str, JsonObject] = {
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": f"{_KEY} The prefix may be `Basic` as well.",
    },
    "x-litellm-api-key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-litellm-api-key",
        "description": f"{_KEY} Goes before all other headers.",
    },
    **{
        name: {"type": "apiKey", "in": "header", "name": name, "description": _KEY}
        for name in RAW_HEADERS
    },
}
"""Any one of them will do; an installation may name a header that takes the place of all."""


def parameter(
    name: str, place: str, schema: JsonObject, description: str, *, required: bool = False
) -> JsonObject:
    """A parameter as OpenAPI writes it."""
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": description,
        "schema": schema,
    }


REQUEST_ID = "RequestId"

PARAMETERS: Mapping[str, JsonObject] = {
    REQUEST_ID: parameter(
        "X-Request-Id",
        "header",
        {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
        "Names the exchange in the answer and in logs; another text is replaced by a new id.",
    ),
}
"""Those that every route takes; each service adds its own."""

EVENT_POSITION, ETAG, TOTAL_COUNT = "EventPosition", "ETag", "TotalCount"
SERVER_TIMING = "ServerTiming"
ALWAYS = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
ON_UNAVAILABLE = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}

HEADERS: Mapping[str, tuple[str, JsonObject]] = {
    REQUEST_ID: (
        "X-Request-Id",
        {"description": "The id of the exchange, for questions.", "schema": {"type": "string"}},
    ),
    EVENT_POSITION: (
        "X-Event-Position",
        {
            "description": "Up to which event the answer is true; `min_position` takes it. "
            + FIELDS["position"],
            "schema": {"type": "integer", "minimum": 0},
        },
    ),
    ETAG: (
        "ETag",
        {
            "description": "The version of the one thing that it is about; `If-Match` takes it.",
            "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
        },
    ),
    TOTAL_COUNT: (
        "X-Total-Count",
        {
            "description": "How many there are on all pages.",
            "schema": {"type": "integer", "minimum": 0},
        },
    ),
    SERVER_TIMING: (
        "Server-Timing",
        {
            "description": "How long it took here, in milliseconds: `decide;dur=0.4`.",
            "schema": {"type": "string"},
        },
    ),
    "RetryAfter": (
        "Retry-After",
        {"description": "Seconds after which to try again.", "schema": {"type": "integer"}},
    ),
}
"""Headers of answers: their names and what they say."""
