"""GET /v1/security-log: refused calls of routes that write, or are for admins (decision 017)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.database.security_log import KEY_DIGITS
from services.edge.body import answer
from services.edge.shapes.refused import RefusedView, security_log
from services.projection.api.asked import Asked, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.queries.key_beginnings import owners_of

router = APIRouter(route_class=ReadRoute, tags=["audit"])


class SecurityQuery(Asked):
    """Rows, the newest first."""

    limit: Annotated[int, Field(ge=1, le=1_000, description="So many rows at most.")] = 100
    after: Annotated[UUID | None, Field(description="Go on behind this: the `next` of a page.")] = (
        None
    )
    key_hash: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9a-f]{16,64}$",
            description="The sha256 of a key, or its first 16 digits.",
        ),
    ] = None


@router.get("/v1/security-log", openapi_extra=documented(SecurityQuery))
async def refused_calls(reader: ReaderDep, request: Request) -> Response:
    """Calls that were refused with 401 or 403 on routes that write, or are for admins.

    Calls of one minute that were refused alike are one row. The log is a ring: the oldest rows go
    when there are more than `TEAMLEDGER_SECURITY_LOG_ENTRIES`, or after
    `TEAMLEDGER_SECURITY_LOG_DAYS`. Other processes write theirs within a second. `user_id` is who
    has the key now, null for a key that nobody has.
    """
    query, context = asked(request, SecurityQuery), reader.context
    key = None if query.key_hash is None else query.key_hash[:KEY_DIGITS]
    rows = await context.security_log.page(key, query.after, query.limit)
    beginnings = {row.refused.key for row in rows if row.refused.key is not None}
    known = await owners_of(context.read_pool, beginnings)
    shown = [
        RefusedView(
            str(row.id),
            row.first_at,
            row.last_at,
            row.refused,
            known.get(row.refused.key or ""),
            row.correlation_id,
            row.times,
        )
        for row in rows
    ]
    following = shown[-1].id if len(rows) == query.limit else None
    return answer(security_log(shown, following), headers={POSITION_HEADER: str(reader.head)})
