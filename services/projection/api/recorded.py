"""Having it recorded that a caller takes a copy, before any of it is sent (decision 017)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from events.audit import Copied
from services.access.credentials import identify, presented_key
from services.edge.claim import claimed
from services.edge.errors import Problem
from services.projection.api.copying import Copying
from services.projection.api.dependencies import Reader

Record = Callable[[Copied], Awaitable[None]]


def recording(reader: Reader, request: Request) -> Record:
    """What records a copy for the caller; raises a refusal where it could not, or not whole."""
    record_copy = reader.context.record_copy
    if record_copy is None:
        raise not_recorded()
    claim, context = claimed(request), reader.context
    credential = identify(presented_key(request.headers, context.key_header), *context.master_keys)

    async def record(fact: Copied) -> None:
        await record_copy(
            Copying(
                credential=credential,
                route=request.scope["route"].path,
                path=request.scope["path"],
                correlation_id=request.state.correlation_id,
                claim=claim,
                fact=fact,
            )
        )

    return record


def not_recorded() -> Problem:
    """The refusal of a copy where nothing can be recorded."""
    text = "Copies are recorded before they are taken, and nothing is recorded here"
    return Problem(503, "Service Unavailable", text)
