"""What a description says of a route beyond what the route's own code tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from events.values import JsonObject

CORRELATION_ID = "4bd0c9f1e1f34d4c8b1b0e3c6ab4a7f2"
"""That of the example of an error nobody foresaw."""

Refusal = Exception | Response
"""What the code raises, or in one place answers."""

RouteName = tuple[str, str]
"""Method and path, the path as its route is declared with."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    `answers` is the type of what is answered: a Document, a list of one, or a plain type;
    `rehearsed` tells that with `dry_run` another form is. `example` is such an answer, as JSON, to
    a request with `sent` as body, `path` and `query`. `parameters` and `headers` name components:
    parameters that routes share, and headers of the answer. `refusals` are errors as the code
    raises them, by a name. Without `needs_body` a body may be absent. `bodies` are those of a route
    that reads its body by itself: by media type, the type and an example. `csv` is an example of
    the answer as CSV, where it can be had. `media_type` is that of an answer of several lines, of
    which `example` is one.
    """

    id: str
    answers: Any
    example: object
    sent: JsonObject | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | int] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    bodies: Mapping[str, tuple[Any, object]] = field(default_factory=dict)
    rehearsed: bool = False
    public: bool = False
    needs_body: bool = True
    csv: str | None = None
    media_type: str = "application/json"


Operations = Mapping[RouteName, Operation]


def of_path(path: str, values: Mapping[str, str]) -> str:
    """A path with values in place of its parameters, of whatever kind."""
    for name, value in values.items():
        path = path.replace(f"{{{name}:path}}", value).replace(f"{{{name}}}", value)
    return path
