"""The application both APIs are built on: what holds for every request, whatever its route."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars
from uuid_utils import uuid4

from services import tracing
from services.edge.body import LedgerRoute
from services.edge.errors import handlers, render, tells_problems, too_large, unexpected
from services.edge.patience import Answer, Waiting
from services.edge.requests.common import MAX_JSON_DEPTH
from services.edge.watch import Watch
from services.metrics import HTTP_UNDER_WAY

_log = structlog.get_logger(__name__)
_levels = logging.getLogger(__name__)
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MOST_DIGITS = 18
USAGE = "/v1/usage"
UNTRACED = ("/health/", "/metrics")


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """What an installation may choose.

    `strict` keeps LiteLLM's wording of shape-B errors (register D60). A body of more than
    `max_body_bytes` is 413, JSON of more than `max_json_depth` levels 422. What gateways report may
    have `max_usage_bytes`.
    """

    strict: bool = False
    max_body_bytes: int = 1024 * 1024
    max_json_depth: int = MAX_JSON_DEPTH
    max_usage_bytes: int = 16 * 1024 * 1024


DEFAULTS = EdgeSettings()


def create_app(
    settings: EdgeSettings = DEFAULTS,
    *,
    title: str = "teamledger",
    version: str = "0",
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """An application without routes; theirs are to be of class LedgerRoute.

    FastAPI's own description of it is not served: `services.edge.openapi` has a better one.

    Every answer carries `x-request-id` and, unless it says otherwise, `cache-control: no-store`.
    `app.state.waiting` are those that are under way.
    """
    waiting = Waiting(strict=settings.strict)
    app = FastAPI(
        title=title,
        version=version,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        telemetry=_UNOBSERVED,
        exception_handlers=handlers(strict=settings.strict),
        middleware=[
            Middleware(Exchange, strict=settings.strict, waiting=waiting),
            Middleware(Watch),
            Middleware(
                BodyLimit,
                limit=settings.max_body_bytes,
                others={USAGE: settings.max_usage_bytes},
            ),
        ],
    )
    app.router.route_class = LedgerRoute
    app.state.waiting = waiting
    HTTP_UNDER_WAY.set_function(lambda: len(waiting))
    app.state.max_json_depth = settings.max_json_depth
    return app


_UNOBSERVED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI would look for OpenTelemetry at every request; traces are ours (services.tracing)."""


class Exchange:
    """Outermost: names the exchange, and answers the errors that nobody foresaw.

    The correlation id is the caller's `x-request-id` if it is a plain token, else the trace id of
    the caller's `traceparent`, else a new one; it stands in `request.state.correlation_id`, in the
    answer and in every line logged meanwhile.
    """

    def __init__(self, app: ASGIApp, *, strict: bool, waiting: Waiting) -> None:
        self._app = app
        self._strict, self._waiting = strict, waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        identity = _correlation_id(headers)
        scope.setdefault("state", {})["correlation_id"] = identity
        answered = Answer(scope, send, identity)
        self._waiting.begin(answered, cast("asyncio.Task[None]", asyncio.current_task()))
        bound = bind_contextvars(correlation_id=identity)
        served = _served(scope, headers, identity)
        try:
            await self._app(scope, receive, answered)
        except asyncio.CancelledError:
            if answered.left:
                return
            # the process ends, and has waited for as long as it may
            await answered.give_up(strict=self._strict)
            raise
        except Exception:
            _log.exception("request_failed", correlation_id=identity, route=_route(scope))
            if answered.begun:
                raise
            problems = tells_problems(scope["path"])
            error = render(unexpected(identity), strict=self._strict, problems=problems)
            await error(scope, receive, answered)
        finally:
            self._waiting.end(answered)
            answered.told()
            if _levels.isEnabledFor(logging.DEBUG):
                _log.debug("request_answered", **answered.line())
            if served is not None:
                served.ended(*answered.named())
            reset_contextvars(**bound)


class BodyLimit:
    """Refuses a body of more than `limit` bytes, declared or streamed, once somebody reads it.

    `others` are paths that have a limit of their own.
    Raised where the body is read, so that a wrong path or method is answered first (1.1).
    """

    def __init__(self, app: ASGIApp, *, limit: int, others: Mapping[str, int]) -> None:
        self._app = app
        self._limit, self._others = limit, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._others.get(scope["path"], self._limit)
        declared = _declared_length(Headers(scope=scope))
        received = 0

        async def counted() -> Message:
            nonlocal received
            _check_length(declared, limit)
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                _check_length(received, limit)
            return message

        await self._app(scope, counted, send)


def _check_length(length: int, limit: int) -> None:
    if length > limit:
        raise too_large(limit)


def _correlation_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    if _SANE_ID.fullmatch(given):
        return given
    place = tracing.parsed(headers.get("traceparent", ""))
    return uuid4().hex if place is None else f"{place.trace:032x}"


def _served(scope: Scope, headers: Headers, identity: str) -> tracing.Served | None:
    if not tracing.active() or scope["path"].startswith(UNTRACED):
        return None
    return tracing.served(identity, headers.get("traceparent"))


def _declared_length(headers: Headers) -> int:
    text = headers.get("content-length", "")
    if not (text.isascii() and text.isdigit()):
        return 0
    return int(text[: _MOST_DIGITS + 1])


def _route(scope: Scope) -> str:
    """The template of the path: ids in a path may be e-mail addresses, which are not logged."""
    return f"{scope['method']} {getattr(scope.get('route'), 'path', 'unknown')}"
