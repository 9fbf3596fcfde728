"""Whether this process is alive, and whether it is ready to be sent requests; both public."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import LedgerRoute
from services.edge.health import alive, healthy, unhealthy
from services.projection.api.context import ReadContext
from services.projection.head import HeadUnavailable
from services.projection.progress import RebuildNeeded
from services.projection.runner import NotReached

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/health/liveliness")
@router.get("/health/liveness")
async def liveness() -> Response:
    """The process answers; nothing is said of the database."""
    return alive()


@router.get("/health/readiness")
async def readiness(request: Request) -> Response:
    """200 once the read models hold all that is committed and commands are taken, else 503."""
    context: ReadContext = request.app.state.reads
    reason = context.commands_stopped()
    try:
        await context.reached(await context.head.read())
    except (HeadUnavailable, NotReached, RebuildNeeded) as error:
        reason = str(error)
    return healthy(context.group.position) if reason is None else unhealthy(reason)
