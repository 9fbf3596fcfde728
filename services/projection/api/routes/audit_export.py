"""GET /v1/audit/export: the audit log as a file, of any size, in constant memory."""

from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from events.audit import AuditExported
from events.values import JsonObject, Sealed
from services.edge.shapes.audit import csv_head, csv_line
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.entries import opened
from services.projection.api.paged import TOTAL_HEADER
from services.projection.api.recorded import recording
from services.projection.api.routes.audit import Moment
from services.projection.queries.audit import AuditFilter, count_entries, entries_until

router = APIRouter(route_class=ReadRoute, tags=["audit"])

MEDIA_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv"}
_FILTERS = {field.name for field in fields(AuditFilter)}


class ExportQuery(Asked):
    """Entries that meet all conditions, as at /audit; both moments are inclusive."""

    format: Annotated[
        Literal["jsonl", "csv"], Field(description="One JSON object a line, or CSV.")
    ] = "jsonl"
    start_date: Annotated[
        Moment | None, Field(alias="from", description="From then on: ISO 8601.")
    ] = None
    end_date: Annotated[Moment | None, Field(alias="to", description="Up to then: ISO 8601.")] = (
        None
    )
    changed_by: Text | None = None
    changed_by_api_key: Text | None = None
    action: Text | None = None
    table_name: Text | None = None
    object_id: Text | None = None
    object_team_id: Text | None = None
    object_key_hash: Text | None = None

    def filter(self) -> AuditFilter:
        return AuditFilter(**self.model_dump(include=_FILTERS))

    def told(self) -> dict[str, str | Sealed]:
        """The conditions as they are recorded."""
        given = self.model_dump(mode="json", by_alias=True, exclude={"format"}, exclude_none=True)
        return {name: str(value) for name, value in given.items()}


@router.get("/v1/audit/export", openapi_extra=documented(ExportQuery))
async def export(reader: ReaderDep, request: Request) -> Response:
    """The audit log, or what matches of it, the oldest entry first.

    Entries are those of /audit; `x-total-count` says how many come, so that a file that was cut off
    is recognised. In CSV, values are JSON, and a text that a spreadsheet would take for a formula
    begins with an apostrophe. That it is taken, by whom and with which filters, is recorded before
    the first entry is sent. `teamledger audit export` writes the log with what proves it.
    """
    query, record = asked(request, ExportQuery), recording(reader, request)
    pool, wanted, until = reader.context.read_pool, query.filter(), reader.head
    entries = await count_entries(pool, wanted, until)
    await record(
        AuditExported(form=query.format, filters=query.told(), until=until, entries=entries)
    )
    pages = _pages(reader, wanted, until)
    body = _csv(pages) if query.format == "csv" else _lines(pages)
    headers = {
        POSITION_HEADER: str(until),
        TOTAL_HEADER: str(entries),
        "content-disposition": f'attachment; filename="audit-{until}.{query.format}"',
    }
    return StreamingResponse(body, 200, headers, MEDIA_TYPES[query.format])


async def _pages(
    reader: Reader, wanted: AuditFilter, until: int
) -> AsyncIterator[list[JsonObject]]:
    async for found in entries_until(reader.context.read_pool, wanted, until):
        yield [shown async for [shown] in opened(reader.context.vault, found)]


async def _lines(pages: AsyncIterator[list[JsonObject]]) -> AsyncIterator[bytes]:
    async for page in pages:
        yield b"".join(orjson.dumps(entry) + b"\n" for entry in page)


async def _csv(pages: AsyncIterator[list[JsonObject]]) -> AsyncIterator[bytes]:
    yield csv_head().encode()
    async for page in pages:
        yield "".join(map(csv_line, page)).encode()
