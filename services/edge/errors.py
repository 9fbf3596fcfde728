"""Refusals and the answers they become (team-api.md 1.2).

Routes raise; `render` shapes. Which shape an endpoint answers in is part of the contract, so the
raising code chooses the class, and for shape B the family of its endpoint. The text is the same
in all of them. Under /v1, where our own additions live, every refusal is told as problem details,
whoever raised it: `problem` makes one of each.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from fastapi.exceptions import HTTPException, RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject
from services.access.funds import BUDGET_EXCEEDED
from services.access.principal import AccessRefused
from services.edge.body import answer
from services.edge.invalid import invalid

TYPE_FOR_STATUS: Mapping[int, str] = {
    400: "bad_request_error",
    401: "auth_error",
    403: "auth_error",
    404: "not_found_error",
    409: "bad_request_error",
    412: "bad_request_error",
    413: "bad_request_error",
    422: "validation_error",
    500: "internal_server_error",
    503: "internal_server_error",
}
"""The `type` of shape B where the contract names none (auth.md chapter 6, register D60)."""

PROBLEM_JSON = "application/problem+json"

OURS = "/v1/"
"""Where the paths of our own additions begin."""

OPENAIS = frozenset({"/v1/models"})
"""What begins like that and is OpenAI's, whose clients read the `error` of LiteLLM's shape B."""

TITLES: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""What RFC 9457 has as title where the status says it all: the reason phrases of RFC 9110."""

RETRY_AFTER_SECONDS = "1"
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Family:
    """How LiteLLM words the shape-B errors of a group of endpoints; only strict mode follows it.

    `type` is given whatever the status. Where the handler raised an object, the message is the
    Python repr of `{wrapper: text}`. `param` is what stands for no parameter.
    """

    type: str | None = None
    wrapper: str | None = None
    param: str | None = "None"


PLAIN = Family()
"""Authentication, and handlers that raise plain text."""

BUDGET = Family(param=None)
"""Budget refusals (auth.md chapter 2), the one group whose `param` is null."""

MANAGEMENT = Family("internal_server_error", "error")
"""/team/new, /team/update, /key/* and /user/*, but for the two updates of the next family."""

INFO = Family("auth_error", "error")
"""/team/info, /key/update, /user/update."""

INFO_MESSAGE = Family("auth_error", "message")
"""/team/info for a team id that is missing or unknown."""


_CLEAN = Family(param=None)


class ShapeA(HTTPException):
    """`{"detail": {"error": text}}`; another `key` in place of `error`, or None for bare text."""

    def __init__(self, status: int, text: str, *, key: str | None = "error") -> None:
        super().__init__(status, text if key is None else {key: text})
        self.text = text


class ShapeB(HTTPException):
    """`{"error": {"message", "type", "param", "code"}}`, with `code` the status as text.

    `error_type` and `param` are given where the contract names them; else the status, and in
    strict mode the family, decides.
    """

    def __init__(
        self,
        status: int,
        message: str,
        error_type: str | None = None,
        param: str | None = None,
        *,
        family: Family = PLAIN,
    ) -> None:
        super().__init__(status, message)
        self.text = message
        self.error_type = error_type
        self.param = param
        self.family = family

    def body(self, *, strict: bool) -> JsonObject:
        """The answer: plain text, proper type and null param, or LiteLLM's wording (D60)."""
        family = self.family if strict else _CLEAN
        wrapper = family.wrapper
        return {
            "error": {
                "message": self.text if wrapper is None else repr({wrapper: self.text}),
                "type": self.error_type or family.type or type_for(self.status_code),
                "param": family.param if self.param is None else self.param,
                "code": str(self.status_code),
            }
        }


class Problem(HTTPException):
    """RFC 9457 problem details, for routes that LiteLLM does not have.

    `errors` are the entries of a 422 (shape C), which stand beside the members of the RFC.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        errors: Sequence[object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.title = title
        self.text = detail
        self.errors = errors

    def body(self) -> JsonObject:
        """The members of RFC 9457, section 3.1; `title` is the same for every such problem."""
        told: JsonObject = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status_code,
            "detail": self.text,
        }
        return told if self.errors is None else {**told, "errors": self.errors}


def type_for(status: int) -> str:
    """The `type` of shape B for a status; one that is not in the table goes by its class."""
    general = 500 if status >= 500 else 400  # noqa: PLR2004
    return TYPE_FOR_STATUS.get(status) or TYPE_FOR_STATUS[general]


def unexpected(correlation_id: str) -> ShapeB:
    """What is answered for an error nobody foresaw: where to look, and nothing of the error."""
    return ShapeB(500, f"Internal Server Error, correlation id {correlation_id}")


def too_large(limit: int) -> ShapeB:
    """What is answered to a body of more than so many bytes."""
    return ShapeB(413, f"Request body too large. Limit: {limit} bytes")


def refusal(error: AccessRefused) -> HTTPException:
    """The answer to a refused caller, in the shape that the rule names (auth.md 2)."""
    if error.body == "B":
        family = BUDGET if error.kind == BUDGET_EXCEEDED else PLAIN
        return ShapeB(error.status, error.text, error.kind, error.param, family=family)
    return ShapeA(error.status, error.text, key="error" if error.body == "A" else None)


def tells_problems(path: str) -> bool:
    """Whether refusals of what is asked for there are problem details."""
    return path.startswith(OURS) and path not in OPENAIS


def problem(error: Exception) -> Exception:
    """A refusal as problem details with the same text; anything else as it is."""
    match error:
        case AccessRefused():
            return problem(refusal(error))
        case RequestValidationError():
            return _invalid_request(invalid(error.errors()))
        case Problem():
            return error
        case StarletteHTTPException():
            return _told_as_problem(error)
    return error


def _told_as_problem(error: StarletteHTTPException) -> Problem:
    status, detail = error.status_code, cast("object", error.detail)
    if isinstance(detail, list):
        return _invalid_request(detail)
    text = str(getattr(error, "text", detail))
    return Problem(status, _title(status), text, headers=error.headers)


def _invalid_request(entries: Sequence[object]) -> Problem:
    return Problem(422, _title(422), "What was sent is not valid; see errors.", errors=entries)


def _title(status: int) -> str:
    return TITLES.get(status) or HTTPStatus(status).phrase


def render(error: Exception, *, strict: bool, problems: bool = False) -> Response:
    """The answer to a refusal; raises anything that is none. A 503 says when to come again.

    With `problems` it is problem details, in whatever shape it was raised.
    """
    if problems:
        error = problem(error)
    match error:
        case AccessRefused():
            return render(refusal(error), strict=strict)
        case RequestValidationError():
            return answer({"detail": invalid(error.errors())}, 422)
        case Problem():
            content, media_type = error.body(), PROBLEM_JSON
        case ShapeB():
            content, media_type = error.body(strict=strict), "application/json"
        case StarletteHTTPException():
            content, media_type = {"detail": error.detail}, "application/json"
        case _:
            raise error
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == _UNAVAILABLE:
        headers.setdefault("retry-after", RETRY_AFTER_SECONDS)
    return answer(content, error.status_code, headers, media_type)


Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def handlers(*, strict: bool) -> dict[int | type[Exception], Handler]:
    """Exception handlers for an application; `strict` keeps LiteLLM's wording of shape B."""

    async def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, AccessRefused):
            request.state.refused_as = error.kind
        return render(error, strict=strict, problems=tells_problems(request.scope["path"]))

    return {
        RequestValidationError: refuse,
        StarletteHTTPException: refuse,
        AccessRefused: refuse,
    }
