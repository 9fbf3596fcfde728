"""GET /audit and GET /audit/{id} (supporting-api.md 7)."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject, Sealed
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.shapes.audit import audit_log
from services.projection.api.asked import Asked, Paged, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.streaming import Items, spooled
from services.projection.queries.audit import (
    AuditEntry,
    AuditFilter,
    AuditOrder,
    SortColumn,
    audit_entry,
    audit_page,
)
from services.projection.queries.reading import Paging

router = APIRouter(route_class=ReadRoute, tags=["audit"])

_USERS = "LiteLLM_UserTable"
_FILTERS = {field.name for field in fields(AuditFilter)}
_SEALED_COLUMNS = ("user_email", "user_alias")


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
        "audit_logs": Items(_opened(reader, found.entries)),
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
    [shown] = [chunk[0] async for chunk in _opened(reader, [found])]
    return answer(shown, headers={POSITION_HEADER: str(position)})


async def _opened(reader: Reader, entries: list[AuditEntry]) -> AsyncIterator[list[JsonObject]]:
    """Entries one by one, each may be large; personal data of all is opened at once."""
    texts = await reader.context.vault.open_all({box for entry in entries for box in _boxes(entry)})
    for entry in entries:
        yield [audit_log(_columns(entry, texts))]


def _columns(entry: AuditEntry, texts: Mapping[Sealed, str | None]) -> JsonObject:
    """An entry as `audit_log` takes it; of a forgotten person nothing is left to show."""
    claim = None if entry.claim is None else Sealed.model_validate(entry.claim)
    columns = {**entry.columns, "on_behalf_of": None if claim is None else texts[claim]}
    for side, name, box in _personal(entry):
        columns[side] = {**columns[side], name: texts[box]}
    return columns


def _boxes(entry: AuditEntry) -> Iterator[Sealed]:
    yield from (box for _, _, box in _personal(entry))
    if entry.claim is not None:
        yield Sealed.model_validate(entry.claim)


def _personal(entry: AuditEntry) -> Iterator[tuple[str, str, Sealed]]:
    """Side, column and box of each sealed value.

    Only columns of ours are looked at: what a client stored may look like a box, and must not be
    opened for him.
    """
    if entry.columns["table_name"] != _USERS:
        return
    for side in ("before_value", "updated_values"):
        for name in _SEALED_COLUMNS:
            match entry.columns[side].get(name):
                case {"sealed": {"person": str() as person, "box": str() as box}}:
                    yield side, name, Sealed(person=person, box=box)
