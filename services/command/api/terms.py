"""Headers and parameters that every write understands: repetition, precondition, rehearsal.

Section 4 of the architecture; `If-Match` is that of RFC 9110, section 13.1.1.
"""

import re

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from services.command.application.idempotency import MAX_KEY_LENGTH, Idempotency
from services.command.application.requests import ANY_VERSION, Terms
from services.edge.errors import ShapeB

_ETAG = re.compile(r'(?:W/)?"[!\x23-\x7e]*"')
_VERSION = re.compile(r'"([0-9]{1,18})"')
_LIST = re.compile(rf"{_ETAG.pattern}(?:[ \t]*,[ \t]*{_ETAG.pattern})*")
_LONGEST = 4_096
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


async def terms_of(request: Request, secret: str) -> Terms:
    """What the caller asks of the way in which his command is carried out.

    Raises ShapeB 400 for a malformed header, RequestValidationError for `dry_run`.
    """
    return Terms(await _idempotency(request, secret), _expected(request), _dry_run(request))


async def _idempotency(request: Request, secret: str) -> Idempotency | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise bad_repeat_key()
    return Idempotency.of(secret, key, request.scope["path"], await request.body())


def _expected(request: Request) -> frozenset[int] | None:
    """Versions that would do; an ETag that is none of ours, or a weak one, is never current."""
    text = request.headers.get("if-match")
    if text is None:
        return None
    if text.strip() == "*":
        return ANY_VERSION
    if len(text) > _LONGEST or not _LIST.fullmatch(text.strip()):
        raise bad_etags()
    tags = _ETAG.findall(text)
    return frozenset(int(match[1]) for tag in tags if (match := _VERSION.fullmatch(tag)))


def _dry_run(request: Request) -> bool:
    text = request.query_params.get("dry_run")
    if text is None:
        return False
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    raise bad_dry_run(text)


def bad_repeat_key() -> ShapeB:
    """The refusal of an Idempotency-Key that cannot be kept."""
    return ShapeB(400, f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable characters")


def bad_etags() -> ShapeB:
    """The refusal of an If-Match that says nothing."""
    return ShapeB(400, 'If-Match must be * or a list of ETags, such as "7"')


def bad_dry_run(text: str) -> RequestValidationError:
    """The refusal of a `dry_run` that is neither true nor false."""
    message = "Input should be true or false"
    error = {"type": "bool_parsing", "loc": ("query", "dry_run"), "msg": message, "input": text}
    return RequestValidationError([error])
