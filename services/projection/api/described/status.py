"""How everything stands."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from services.edge.errors import unexpected
from services.edge.openapi.answers.status import Status
from services.edge.openapi.callers import refusals_of_callers
from services.edge.openapi.examples import NOW
from services.edge.openapi.operation import CORRELATION_ID, Operation
from services.operation.context import Shown
from services.operation.lights import lights
from services.operation.standing import Lag, Log, Queues, Relayed, Seal, Standing
from services.operation.status import status
from services.projection.api.dependencies import unavailable

_LOG = Log(
    at=NOW,
    epoch=UUID("0b8a4a3e-91f5-4f0e-9f0c-3c1c8d3a7a10"),
    head=4711,
    usage=90_210,
    seal=Seal(Lag(4711), usage=90_210, leaves=12_034, checkpoint_at=NOW - timedelta(seconds=8)),
    relays=[Relayed("teamledger.events.v1", Lag(4709, 2, 0.4), NOW - timedelta(seconds=3))],
    queues=Queues(messages=0, oldest=None, quarantined=0),
)
_STANDING = Standing(_LOG, {"contract": Lag(4711)})
_AT_WORK = dict.fromkeys(("commands", "projectors", "sealer"))
_SHOWN = Shown("serve", "0.1.0", 86_400.0, {"events": 11, "read": 14})

OPERATIONS: Mapping[str, Operation] = {
    "/v1/status": Operation(
        "get_status",
        Status,
        status(_SHOWN, _STANDING, lights(_STANDING, _AT_WORK, 30.0)),
        refusals={
            **refusals_of_callers("/v1/status", "/v1/status"),
            "unexpected": unexpected(CORRELATION_ID),
            "unavailable": unavailable(),
        },
    ),
}
