"""GET /v1/status: how everything stands, for people."""

from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.access.credentials import identify, presented_key
from services.edge.body import LedgerRoute
from services.operation.browser import signed_in, signing_in
from services.operation.status import told
from services.projection.api.context import ReadContext
from services.projection.api.dependencies import readable, reader

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/v1/status")
async def status(request: Request) -> Response:
    """How log, read models, seal, topics, webhooks and ledger stand, with lights and reasons.

    Asked for by a browser (`Accept: text/html`) it is a page, and the browser asks for a key, as
    the password of any name. The master key is answered also while no read model can tell who else
    is asking. `teamledger command` answers likewise.
    """
    context: ReadContext = request.app.state.reads
    with signing_in(request):
        await _admitted(signed_in(request, context.key_header), context)
    stopped = {
        "commands": context.commands_stopped(),
        "projectors": context.group.failed,
        "sealer": context.sealing_stopped(),
    }
    return await told(request, request.app.state.operation, stopped)


async def _admitted(request: Request, context: ReadContext) -> None:
    headers = cast("Mapping[str, str]", request.headers)
    credential = identify(presented_key(headers, context.key_header), *context.master_keys)
    if not credential.master:
        with readable():
            await reader(request)
