"""GET /v1/events: the change feed, as pages or as server-sent events (architecture, section 9).

Facts come in the order of the log, as CloudEvents 1.0 in JSON, each exactly once behind a position.
Personal data stays under seal.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import anyio
import orjson
from fastapi import APIRouter
from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from events.envelope import Envelope
from events.streams import stream
from services.access.principal import AccessRefused
from services.edge.body import answer
from services.edge.errors import Problem, problem
from services.edge.shapes.change import PREFIX, cloud_event
from services.projection.api import dependencies
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import (
    POSITION_HEADER,
    Reader,
    ReaderDep,
    ReadRoute,
)
from services.projection.head import HeadUnavailable
from services.projection.progress import RebuildNeeded
from services.projection.queries.changes import Page, Stretch, Wanted, page_of, scope_of
from services.projection.runner import NotReached

router = APIRouter(route_class=ReadRoute, tags=["history"])

EVENT_STREAM = "text/event-stream"
LAST_EVENT_ID = "last-event-id"
AT_ONCE = 500
PING_SECONDS = 15
SEND_SECONDS = 30
GRACE_SECONDS = 3
RETRY_MILLISECONDS = 1_000
_BIGGEST = 2**62


class ChangesQuery(Asked):
    """Facts behind the position `after`, at most `limit` of them on a page.

    `types` are names between commas, as they stand in `type` without prefix and version; a `*`
    stands for anything. `subject` is that of one thing, such as `team/core`.
    """

    after: Annotated[int, Field(ge=0, le=_BIGGEST)] | None = None
    types: Text | None = None
    subject: Text | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100

    def wanted(self) -> Wanted:
        types = None if self.types is None else tuple(filter(None, self.types.split(",")))
        if self.subject is None:
            return Wanted(types)
        kind, slash, name = self.subject.partition("/")
        if not slash:
            raise no_subject(self.subject)
        return Wanted(types, (stream(kind, name),))


@router.get("/v1/events", openapi_extra=documented(ChangesQuery))
async def changes(reader: ReaderDep, request: Request) -> Response:
    """What happened, as far as it is the caller's to see.

    `Accept: text/event-stream` asks for a stream that goes on: each event has its position as id,
    so that a client which reconnects with `Last-Event-ID` misses nothing and sees nothing twice.
    Without a position a stream begins now, a page at the beginning. Whoever loses his rights
    is told so, and the stream ends.
    """
    query = asked(request, ChangesQuery)
    wanted = query.wanted()
    if EVENT_STREAM in request.headers.get("accept", ""):
        after = _last_seen(request, query)
        stopping = anyio.Event()
        return EventSourceResponse(
            _stream(_Following(request, wanted, stopping), reader, after),
            ping=PING_SECONDS,
            sep="\n",
            send_timeout=SEND_SECONDS,
            shutdown_event=stopping,
            shutdown_grace_period=GRACE_SECONDS,
        )
    page = await _page(reader, wanted, query.after or 0, query.limit)
    content = {
        "events": [cloud_event(fact, reader.context.head.epoch) for fact in page.facts],
        "next": page.upto,
        "more": page.full,
    }
    return answer(content, headers={POSITION_HEADER: str(reader.head)})


async def _page(reader: Reader, wanted: Wanted, after: int, limit: int) -> Page:
    scope = await scope_of(reader.context.read_pool, reader.principal)
    pool = reader.context.events_pool
    return await page_of(pool, scope, wanted, Stretch(after, reader.head, limit))


@dataclass(frozen=True, slots=True)
class _Following:
    """A connection that follows the log until it is closed, or the service is `stopping`."""

    request: Request
    wanted: Wanted
    stopping: anyio.Event

    async def news(self, reader: Reader, at: int) -> None:
        """Return when there may be something behind a position, or the service stops."""
        waits = (reader.context.feed.wait(at, PING_SECONDS), self.stopping.wait())
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _stream(
    following: _Following, reader: Reader, after: int | None
) -> AsyncIterator[ServerSentEvent]:
    """Pages as they come; the caller is judged anew before each of them."""
    at = reader.head if after is None else after
    yield _position(at)
    while not following.stopping.is_set():
        page = await _page(reader, following.wanted, at, AT_ONCE)
        for fact in page.facts:
            yield _told(fact, reader.context.head.epoch)
        if page.upto > at:
            at = page.upto
            yield _position(at)
        if not page.full:
            await following.news(reader, at)
        try:
            reader = await dependencies.reader(following.request)
        except (AccessRefused, HTTPException) as refused:
            yield _ended(problem(refused))
            return
        except (HeadUnavailable, NotReached, RebuildNeeded):
            return


def _told(fact: Envelope, epoch: UUID | None) -> ServerSentEvent:
    told = cloud_event(fact, epoch)
    name = told["type"].removeprefix(PREFIX)
    return ServerSentEvent(orjson.dumps(told).decode(), event=name, id=str(fact.position))


def _position(at: int) -> ServerSentEvent:
    """Tells that everything up to there was looked at, the caller's or not."""
    return ServerSentEvent("{}", event="position", id=str(at), retry=RETRY_MILLISECONDS)


def _ended(refused: Exception) -> ServerSentEvent:
    told = refused.body() if isinstance(refused, Problem) else {"detail": "the stream has ended"}
    return ServerSentEvent(orjson.dumps(told).decode(), event="error")


def _last_seen(request: Request, query: ChangesQuery) -> int | None:
    """`Last-Event-ID` goes before the query: it is what a client has seen meanwhile."""
    text = request.headers.get(LAST_EVENT_ID)
    if text is None:
        return query.after
    if text.isascii() and text.isdigit() and int(text) <= _BIGGEST:
        return int(text)
    raise no_position(text)


def no_position(text: str) -> Problem:
    """The refusal of a Last-Event-ID that no event of ours had."""
    return Problem(422, "Unprocessable Content", f"Last-Event-ID {text[:32]!r} is no position")


def no_subject(text: str) -> Problem:
    """The refusal of a subject without a kind."""
    detail = f"subject {text[:64]!r} is none: give kind and id, such as team/core"
    return Problem(422, "Unprocessable Content", detail)
