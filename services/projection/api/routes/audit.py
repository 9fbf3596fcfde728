"""GET /audit and GET /audit/{id} (supporting-api.md 7)."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import answer
from services.edge.errors import ShapeA
from services.projection.api.asked import Asked, Paged, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.api.entries import opened
from services.projection.api.streaming import Items, spooled
from services.projection.queries.audit import (
    AuditFilter,
    AuditOrder,
    SortColumn,
    audit_entry,
    audit_page,
)
from services.projection.queries.reading import Paging

router = APIRouter(route_class=ReadRoute, tags=["audit"])

_FILTERS = {field.name for field in fields(AuditFilter)}


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


Moment = Annotated[datetime, AfterValidator(_aware)]
"""ISO 8601; without an offset it is UTC."""


class PageQuery(Paged):
    """Entries that meet all conditions; both dates are inclusive.

    `changed_by` is the user id of the caller, `changed_by_api_key` the sha256 of his key.
    `object_team_id` and `object_key_hash` may be parts.
    """

    changed_by: Text | None = None
    changed_by_api_key: Text | None = None
    action: Text | None = None
    table_name: Text | None = None
    object_id: Text | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None
    object_team_id: Text | None = None
    object_key_hash: Text | None = None
    sort_by: SortColumn = "updated_at"
    sort_order: Literal["asc", "desc"] = "desc"

    def filter(self) -> AuditFilter:
        return AuditFilter(**self.model_dump(include=_FILTERS))


@router.get("/audit", openapi_extra=documented(PageQuery))
async def page_of_entries(reader: ReaderDep, request: Request) -> Response:
    """One page of the audit log, the newest entries first if not sorted otherwise."""
    query = asked(request, PageQuery)
    context, paging = reader.context, Paging(query.page, query.page_size)
    order = AuditOrder(query.sort_by, query.sort_order == "desc")
    found = await audit_page(context.read_pool, context.audit_totals, query.filter(), order, paging)
    content = {
        "audit_logs": Items(opened(context.vault, found.entries)),
        "total": found.total,
        "page": paging.number,
        "page_size": paging.size,
        "total_pages": paging.pages(found.total),
    }
    return await spooled(content, {POSITION_HEADER: str(found.position)})


class EntryPath(Asked):
    """The entry that is asked for."""

    id: Text


@router.get("/audit/{id}", openapi_extra=documented(EntryPath))  # noqa: FAST003 - see ReadRoute
async def entry(reader: ReaderDep, request: Request) -> Response:
    """One entry of the audit log."""
    entry_id = asked(request, EntryPath).id
    position, found = await audit_entry(reader.context.read_pool, entry_id)
    if found is None:
        raise ShapeA(404, f"Audit log with ID {entry_id} not found", key="message")
    [shown] = [chunk[0] async for chunk in opened(reader.context.vault, [found])]
    return answer(shown, headers={POSITION_HEADER: str(position)})
