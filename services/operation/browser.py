"""Whoever opens the status page in a browser is asked for a key by HTTP Basic (RFC 7617).

Here alone: a browser sends what it was told with every later request to the service, also with
those that another site makes it send, so no route that changes or tells more may take it.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from services.access.principal import AccessRefused
from services.edge.errors import TITLES, Problem

_CHALLENGE = {"www-authenticate": 'Basic realm="teamledger", charset="UTF-8"'}
_BASIC = "Basic "
_UNAUTHORIZED = 401


def wants_page(request: Request) -> bool:
    """Whether a browser asks, and not somebody who takes JSON."""
    accept = request.headers.get("accept", "")
    return "text/html" in accept and "application/json" not in accept


def signed_in(request: Request, key_header: str | None = None) -> Request:
    """The request with the password as its key, whatever the name; as it is without one.

    `key_header` is where keys are looked for, if not in `Authorization`.
    """
    key = _password(request.headers.get("authorization", ""))
    if key is None or not wants_page(request):
        return request
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"authorization"]
    headers.append(((key_header or "authorization").lower().encode(), b"Bearer " + key))
    return Request({**request.scope, "headers": headers}, request.receive)


@contextmanager
def signing_in(request: Request) -> Iterator[None]:
    """Has a browser ask for a key where there is none, or one that is not accepted."""
    try:
        yield
    except AccessRefused as refused:
        if refused.status != _UNAUTHORIZED or not wants_page(request):
            raise
        title = TITLES[_UNAUTHORIZED]
        raise Problem(_UNAUTHORIZED, title, refused.text, headers=_CHALLENGE) from None


def _password(authorization: str) -> bytes | None:
    if not authorization.startswith(_BASIC):
        return None
    try:
        told = b64decode(authorization[len(_BASIC) :].strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    _, colon, password = told.partition(b":")
    return password if colon else None
