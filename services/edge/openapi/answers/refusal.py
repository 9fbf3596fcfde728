"""The bodies of refusals (team-api.md 1.2)."""

from typing import Any

from services.edge.openapi.schema import SOMETIMES, Document


class ErrorObject(Document):
    """What is wrong, and of which kind it is."""

    message: str
    type: str
    param: str | None
    code: str


class Error(Document):
    """Shape B: authentication, whole teams, users, keys, and all that holds for every route."""

    error: ErrorObject


class ErrorText(Document):
    """What is wrong."""

    error: str


class DetailedError(Document):
    """Shape A: most routes on teams and members."""

    detail: ErrorText


class PlainError(Document):
    """Shape A with a bare text: keys that may not call the route."""

    detail: str


class MessageText(Document):
    """What is wrong."""

    message: str


class MessageError(Document):
    """Shape A as the audit log writes it."""

    detail: MessageText


class InvalidField(Document):
    """One thing that is wrong with what was sent, and where it stands."""

    type: str
    loc: list[str | int]
    msg: str
    input: Any
    ctx: dict[str, Any] = SOMETIMES


class InvalidRequest(Document):
    """Shape C: fields, parameters or the JSON itself."""

    detail: list[InvalidField]


class Problem(Document):
    """Problem details (RFC 9457): every refusal of what is asked for under /v1."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[InvalidField] = SOMETIMES
