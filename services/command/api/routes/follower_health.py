"""Readiness of a process that answers nothing else but /metrics: a relay, a consumer of usage."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import LedgerRoute
from services.edge.health import healthy, unhealthy
from services.operation.context import Operation
from services.operation.standing import Log

Failure = tuple[str, str]
"""The check that failed, and why."""

Judge = Callable[[Operation, Log], Failure | None]
"""Whether there is a failure in what the process follows or does; kept in `app.state.judge`."""

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/health/readiness")
async def readiness(request: Request) -> Response:
    """200 while it does its work, or stands by, and nothing is too far behind; else 503."""
    operation: Operation = request.app.state.operation
    judge: Judge = request.app.state.judge
    log = (await operation.survey.taken()).log
    if log is None:
        return unhealthy("event_database", "the event database does not answer")
    if (failed := judge(operation, log)) is not None:
        return unhealthy(*failed)
    return healthy(log.head)
