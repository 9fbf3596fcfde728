"""Whether this process is alive, and whether it is ready to be sent requests; both public."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import LedgerRoute, answer
from services.projection.api.context import ReadContext
from services.projection.head import HeadUnavailable
from services.projection.progress import RebuildNeeded
from services.projection.runner import NotReached

COMPATIBLE_WITH = "1.82.2"
"""The release of LiteLLM whose API is answered; its own clients ask for it."""

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/health/liveliness")
@router.get("/health/liveness")
async def liveness() -> Response:
    """The process answers; nothing is said of the database."""
    return answer("I'm alive!")


@router.get("/health/readiness")
async def readiness(request: Request) -> Response:
    """200 once the read models hold all that is committed and commands are taken, else 503."""
    context: ReadContext = request.app.state.reads
    reason = context.commands_stopped()
    try:
        await context.reached(await context.head.read())
    except (HeadUnavailable, NotReached, RebuildNeeded) as error:
        reason = str(error)
    if reason is None:
        return answer(
            {
                "status": "healthy",
                "position": context.group.position,
                "litellm_version": COMPATIBLE_WITH,
            }
        )
    return unhealthy(reason)


def unhealthy(reason: str) -> Response:
    """The answer of a process that is not to be sent requests."""
    return answer({"status": "unhealthy", "reason": reason}, 503, {"retry-after": "1"})
