"""Health of a relay; /metrics is beside it, and nothing else."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.command.application.relay import Relay
from services.edge.body import LedgerRoute
from services.edge.health import alive, healthy, unhealthy
from services.operation.context import Operation

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/health/liveliness")
@router.get("/health/liveness")
async def liveness() -> Response:
    """The process answers; nothing is said of the database."""
    return alive()


@router.get("/health/readiness")
async def readiness(request: Request) -> Response:
    """200 while the relay leads or stands by, and its topic is not too far behind; else 503."""
    relay: Relay = request.app.state.relay
    operation: Operation = request.app.state.operation
    log = (await operation.survey.taken()).log
    if log is None:
        return unhealthy("event_database", "the event database does not answer")
    if relay.trouble is not None:
        return unhealthy("relay", f"the relay has stepped down: {relay.trouble}")
    found = next((each.lag for each in log.relays if each.topic == relay.topic), None)
    if found is not None and (reason := operation.too_far("the topic", found)) is not None:
        return unhealthy("relay_lag", reason)
    return healthy(0 if found is None else found.position)
