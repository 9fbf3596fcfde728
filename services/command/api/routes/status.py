"""GET /v1/status of a process that takes commands alone; beside reads, theirs answers for both."""

from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.access.credentials import identify, presented_key
from services.access.policy import check_route
from services.command.api.context import Context
from services.command.application.requests import Origin
from services.command.application.spent import Spent
from services.edge.body import LedgerRoute
from services.operation.browser import signed_in, signing_in
from services.operation.status import told

ROUTE = "/v1/status"
router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get(ROUTE)
async def status(request: Request) -> Response:
    """How everything stands but for read models, which other processes keep."""
    context: Context = request.app.state.commands
    with signing_in(request):
        await _admitted(signed_in(request, context.key_header), context)
    stopped = {"commands": context.loop.stopped}
    return await told(request, request.app.state.operation, stopped)


async def _admitted(request: Request, context: Context) -> None:
    headers = cast("Mapping[str, str]", request.headers)
    credential = identify(presented_key(headers, context.key_header), *context.master_keys)
    if not credential.master:
        spent = Spent(context.spending.ledger.sums, context.zone)
        origin = Origin(
            credential, ROUTE, ROUTE, request.state.correlation_id, "status", spent=spent
        )
        check_route(ROUTE, await context.loop.identify(origin))
