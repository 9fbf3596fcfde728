"""Reads the head, waits for it, authenticates: what every read does first (architecture, 7)."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated, Any, cast

import psycopg
from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from services import metrics
from services.access.credentials import (
    check_allowed_routes,
    gateway_source,
    identify,
    judge,
    master_principal,
    presented_key,
)
from services.access.policy import check_route
from services.access.principal import Credential, Principal
from services.database.connections import REPORT_SECONDS
from services.edge.body import LedgerRoute
from services.edge.errors import ShapeB
from services.projection.api.context import ReadContext
from services.projection.head import Heads, HeadUnavailable
from services.projection.progress import RebuildNeeded
from services.projection.runner import CONNECTION_LOST, NotReached

POSITION_HEADER = "x-event-position"
MIN_POSITION, MIN_POSITION_HEADER = "min_position", "x-min-position"
_BIGGEST = 2**63 - 1
Endpoint = Callable[["Reader", Request], Awaitable[Response]]
UNAVAILABLE = (*CONNECTION_LOST, NotReached, RebuildNeeded, TimeoutError)
"""What says that the read models, or the heads, cannot be read as they are now."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The authenticated caller of a read; the read models hold all that was acknowledged.

    `head` is where the log ended after the request began.
    """

    context: ReadContext
    principal: Principal
    head: int = 0

    @property
    def now(self) -> datetime:
        """The moment that answers are computed for."""
        then = self.context.then
        return datetime.now(UTC) if then is None else then.at


async def reader(request: Request) -> Reader:
    """The caller of a read, once the read models hold all that was acknowledged.

    A missing or malformed key is refused before any database work. Raises AccessRefused in the
    order of auth.md chapter 2, NotReached, HeadUnavailable or RebuildNeeded for a state not at
    hand, and RequestValidationError for a `min_position` that is no position.
    """
    context: ReadContext = request.app.state.reads
    headers = cast("Mapping[str, str]", request.headers)
    credential = identify(presented_key(headers, context.key_header), *context.master_keys)
    began = perf_counter()
    heads = await context.head.both()
    await context.vault.forget_up_to(context.head.forgotten_at)
    principal = await _as_of(heads, request, context, credential)
    metrics.READ_WAIT_SECONDS.observe(perf_counter() - began)
    if (minimum := _min_position(request)) > heads.position:
        heads = heads._replace(position=minimum)
        principal = await _as_of(heads, request, context, credential)
    return Reader(context, principal, heads.position)


ReaderDep = Annotated[Reader, Depends(reader)]


class AskedInBody(LedgerRoute):
    """The class of read routes that are asked by POST: the body is checked as that of a command."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            with readable():
                return await handle(request)

        return handler


class ReadRoute(LedgerRoute):
    """The class of every read route; its endpoints are `async (reader, request) -> Response`.

    They are called at once: to have FastAPI find out for each request that there is nothing else
    to inject costs 0.1 ms. What cannot be read as it is now is 503, shape B.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: Endpoint = self.endpoint

        async def handler(request: Request) -> Response:
            with readable():
                return await endpoint(await reader(request), request)

        return handler


def unavailable() -> ShapeB:
    """What is answered while the read models do not hold all that was acknowledged."""
    return ShapeB(503, "The read models cannot answer right now, try again", "service_unavailable")


def too_long() -> ShapeB:
    """What is answered where a report would take too long."""
    text = f"This takes more than {REPORT_SECONDS} seconds: ask for fewer days, or about less"
    return ShapeB(503, text, "service_unavailable")


@contextmanager
def readable() -> Iterator[None]:
    """Makes a 503, shape B, of what cannot be read as it is now."""
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        metrics.READS_UNAVAILABLE.labels("too_long").inc()
        raise too_long() from error
    except UNAVAILABLE as error:
        counted(error)
        raise unavailable() from error


def counted(error: Exception) -> None:
    """Count a read that cannot be answered, by what it lacks."""
    match error:
        case HeadUnavailable():
            reason = "head"
        case NotReached():
            reason = "not_reached"
        case RebuildNeeded():
            reason = "rebuild"
        case _:
            reason = "database"
    metrics.READS_UNAVAILABLE.labels(reason).inc()


async def _as_of(
    heads: Heads, request: Request, context: ReadContext, credential: Credential
) -> Principal:
    """The caller as of these heads or later, admitted to the route."""
    await context.reached(heads.position)
    routes: tuple[str, ...] = ()
    if credential.master:
        principal = master_principal(credential)
    else:
        now = datetime.now(UTC)
        holder = await context.principals.holder(credential.token, heads.position, now)
        if holder.key is not None:
            credential = replace(credential, token=holder.token)
            if holder.maybe_budgeted and gateway_source(holder.key) is None:
                await context.decider.check(holder.token, heads, now)
        principal = judge(
            credential, holder.key, holder.role, team_blocked=holder.team_blocked, now=now
        )
        principal = replace(principal, org_roles=holder.org_roles)
        routes = holder.key.allowed_routes if holder.key else ()
    check_route(request.scope["route"].path, principal, request.scope["path"])
    check_allowed_routes(request.scope["path"], routes)
    return principal


def _min_position(request: Request) -> int:
    """The position asked for by query or header, -1 for none; raises RequestValidationError."""
    place, name = "query", MIN_POSITION
    text = request.query_params.get(name)
    if text is None:
        place, name = "header", MIN_POSITION_HEADER
        text = request.headers.get(name)
    if text is None:
        return -1
    if text.isascii() and text.isdigit() and len(text) < len(str(_BIGGEST)):
        return int(text)
    raise no_position(place, name, text)


def no_position(place: str, name: str, text: str) -> RequestValidationError:
    """The refusal of a position to wait for that is none."""
    message = "Input should be a position: a whole number from 0"
    error = {"type": "int_parsing", "loc": (place, name), "msg": message, "input": text}
    return RequestValidationError([error])
