"""Whether this process is ready to be sent requests: public."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import LedgerRoute
from services.edge.health import healthy, unhealthy
from services.operation.context import Operation
from services.operation.standing import Lag
from services.projection.api.context import ReadContext
from services.projection.head import HeadUnavailable
from services.projection.progress import RebuildNeeded
from services.projection.runner import NotReached

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/health/readiness")
async def readiness(request: Request) -> Response:
    """200 while commands are taken and read models follow the log, else 503.

    Read models that have not come to the head within a second are not ready once they lack an
    event older than `TEAMLEDGER_READINESS_MAX_LAG_SECONDS`, or before they have been there at all.
    `check` names what failed: `commands`, `event_database`, `read_database`, `projections` or
    `projection_lag`. A sealer that has stopped is told by the status and an alert: who took all
    processes from service would only add an outage.
    """
    context: ReadContext = request.app.state.reads
    operation: Operation = request.app.state.operation
    try:
        failed = _stopped(context) or await _behind(context, operation)
    except HeadUnavailable:
        failed = unhealthy("event_database", "the event database does not answer")
    except RebuildNeeded as error:
        failed = unhealthy("projections", str(error))
    return failed or healthy(context.group.position)


def _stopped(context: ReadContext) -> Response | None:
    """The refusal of a process in which something has stopped for good."""
    if (reason := context.commands_stopped()) is not None:
        return unhealthy("commands", reason)
    if (reason := context.group.failed) is not None:
        return unhealthy("projections", reason)
    return None


async def _behind(context: ReadContext, operation: Operation) -> Response | None:
    """The refusal while the read models are too far from the head. Raises as reading it does."""
    late = None
    try:
        await context.reached(await context.head.read())
    except NotReached as error:
        late = str(error)
    groups = (await operation.survey.taken()).groups
    if groups is None:
        return unhealthy("read_database", "the database of the read models does not answer")
    return None if late is None else _too_late(context, operation, groups, late)


def _too_late(
    context: ReadContext, operation: Operation, groups: Mapping[str, Lag], late: str
) -> Response | None:
    """The refusal where the read models are not at the head; None while that may pass."""
    group = context.group
    if group.failed is not None:
        return unhealthy("projections", group.failed)
    if not group.caught_up or (lag := groups.get(group.name)) is None:
        return unhealthy("projection_lag", late)
    reason = operation.too_far("the read models", lag)
    return None if reason is None else unhealthy("projection_lag", reason)
