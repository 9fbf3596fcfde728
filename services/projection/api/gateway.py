"""Lets gateways in, as of everything that was committed before they asked, from memory.

Here every tenth of a millisecond counts: routes are plain ASGI applications, and whoever was let in
is let in again for as long as nothing changes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services import metrics
from services.access.credentials import (
    check_allowed_routes,
    identify,
    judge,
    master_principal,
    presented_key,
)
from services.access.policy import check_route
from services.access.principal import Credential
from services.edge.body import LedgerRoute
from services.projection.api.context import ReadContext
from services.projection.api.dependencies import UNAVAILABLE, counted, unavailable
from services.projection.decisions.standing import Standing
from services.projection.head import Heads
from services.spend.reservations import Overtaken

T = TypeVar("T")


@dataclass(slots=True)
class Gateway:
    """The gateway that asks, `source`, and up to where its answer has to see.

    `began` is when the request came, by `perf_counter`.
    """

    context: ReadContext
    source: str
    heads: Heads
    now: datetime
    began: float


Endpoint = Callable[[Gateway, Request], Awaitable[Response]]


class GatewayRoute(LedgerRoute):
    """The class of routes for gateways; endpoints are `async (gateway, request) -> Response`.

    They are called at once, without what FastAPI does for others. What cannot be known is 503.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:  # noqa: ANN401
        super().__init__(path, endpoint, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Request(scope, receive)
        endpoint: Endpoint = self.endpoint
        try:
            response = await endpoint(await gateway(request), request)
        except (*UNAVAILABLE, Overtaken) as error:
            counted(error)
            raise unavailable() from error
        await response(scope, receive, send)


async def gateway(request: Request) -> Gateway:
    """The caller, admitted to the route.

    Raises AccessRefused in the order of auth.md chapter 2, and what reading raises.
    """
    began, scope = perf_counter(), request.scope
    context: ReadContext = scope["app"].state.reads
    headers = _first(scope["headers"])
    credential = identify(presented_key(headers, context.key_header), *context.master_keys)
    heads, now = await context.head.both(), datetime.now(UTC)
    metrics.READ_WAIT_SECONDS.observe(perf_counter() - began)
    context.check()
    source = await _source(scope, context, credential, heads, now)
    return Gateway(context, source, heads, now, began)


GatewayDep = Annotated[Gateway, Depends(gateway)]


async def _source(
    scope: Scope, context: ReadContext, credential: Credential, heads: Heads, now: datetime
) -> str:
    if credential.master:
        check_route(scope["route"].path, master_principal(credential), scope["path"])
    standing = await context.decider.standing(credential.token, heads, now)
    source = standing.source
    if source is None or (standing.facts and standing.facts.expires):
        source = standing.source = _admitted(scope, credential, standing, now)
    return source


def _admitted(scope: Scope, credential: Credential, standing: Standing, now: datetime) -> str:
    facts, team = standing.facts, None if standing.key is None else standing.key.team
    if facts is not None:
        credential = replace(credential, token=standing.token)
    blocked = team is not None and team.blocked
    principal = judge(credential, facts, standing.role, now, team_blocked=blocked)
    check_route(scope["route"].path, principal, scope["path"])
    check_allowed_routes(scope["path"], () if facts is None else facts.allowed_routes)
    if principal.gateway is None:
        raise LookupError("only gateways are let in here")
    return principal.gateway


class _Request(Request):
    """A request whose body is mostly there at once."""

    async def body(self) -> bytes:
        message = await self.receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body", False):
            message = await self.receive()
            body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        return body


def _first(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Of several headers of a name the first counts, as everywhere."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers)}
