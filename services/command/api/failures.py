"""From what the command loop cannot do to its answer, which is the same for every route."""

import psycopg

from services.command.application.idempotency import KeyReused
from services.command.application.requests import (
    NoOneSubject,
    PreconditionFailed,
    Unavailable,
)
from services.edge.errors import ShapeB

FAILURES: tuple[type[Exception], ...] = (
    PreconditionFailed,
    NoOneSubject,
    KeyReused,
    Unavailable,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
"""What the loop raises besides refusals of the domain and of access."""


def failure(error: Exception) -> ShapeB:
    """The answer to one of FAILURES."""
    match error:
        case PreconditionFailed():
            return ShapeB(412, str(error))
        case NoOneSubject():
            return ShapeB(400, str(error))
        case KeyReused():
            return ShapeB(422, f"Idempotency-Key {error} was used before with another request")
        case Unavailable():
            return ShapeB(503, str(error), "service_unavailable")
    text = "the event database cannot be reached, outcome: unknown"
    return ShapeB(503, text, "service_unavailable")
