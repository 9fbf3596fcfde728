"""GET /audit and GET /audit/{id} (supporting-api.md 7)."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator
from starlette.responses import Response

from events.values import JsonObject, Sealed
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.shapes.audit import audit_log
from services.projection.api.dependencies import (
    POSITION_HEADER,
    Reader,
    ReaderDep,
    ReadRoute,
    Text,
)
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

MAX_PAGE = 10**9
_USERS = "LiteLLM_UserTable"
_SEALED_COLUMNS = ("user_email", "user_alias")


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


Moment = Annotated[datetime, AfterValidator(_aware)]
"""ISO 8601; without an offset it is UTC."""


@router.get("/audit")
async def page_of_entries(
    reader: ReaderDep,
    changed_by: Annotated[Text | None, Query(description="user id of the caller")] = None,
    changed_by_api_key: Annotated[Text | None, Query(description="sha256 of a key")] = None,
    action: Text | None = None,
    table_name: Text | None = None,
    object_id: Text | None = None,
    start_date: Annotated[Moment | None, Query(description="inclusive")] = None,
    end_date: Annotated[Moment | None, Query(description="inclusive")] = None,
    object_team_id: Annotated[Text | None, Query(description="part of a team id")] = None,
    object_key_hash: Annotated[Text | None, Query(description="part of a sha256")] = None,
    page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 10,
    sort_by: SortColumn = "updated_at",
    sort_order: Literal["asc", "desc"] = "desc",
) -> Response:
    """One page of the audit log, the newest entries first if not sorted otherwise."""
    wanted = AuditFilter(
        changed_by=changed_by,
        changed_by_api_key=changed_by_api_key,
        action=action,
        table_name=table_name,
        object_id=object_id,
        start_date=start_date,
        end_date=end_date,
        object_team_id=object_team_id,
        object_key_hash=object_key_hash,
    )
    context, paging = reader.context, Paging(page, page_size)
    order = AuditOrder(sort_by, sort_order == "desc")
    found = await audit_page(context.read_pool, context.audit_totals, wanted, order, paging)
    content = {
        "audit_logs": Items(_opened(reader, found.entries)),
        "total": found.total,
        "page": page,
        "page_size": page_size,
        "total_pages": paging.pages(found.total),
    }
    return await spooled(content, {POSITION_HEADER: str(found.position)})


@router.get("/audit/{id}")
async def entry(reader: ReaderDep, entry_id: Annotated[Text, Path(alias="id")]) -> Response:
    """One entry of the audit log."""
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
