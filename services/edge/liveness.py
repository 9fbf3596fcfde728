"""Whether a process is alive: the same for all of them, and asked without a key."""

from fastapi import APIRouter
from starlette.responses import Response

from services.edge.body import LedgerRoute, answer

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/health/liveliness")
@router.get("/health/liveness")
async def liveness() -> Response:
    """The process answers; nothing is said of the database."""
    return answer("I'm alive!")
