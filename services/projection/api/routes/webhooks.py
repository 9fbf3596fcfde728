"""Webhooks read, and what became of the messages to them (decision 015)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import answer
from services.edge.errors import TITLES, Problem
from services.edge.shapes.webhook import delivery, webhook
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.queries.webhooks import (
    Found,
    Place,
    State,
    delivery_page,
    find_webhooks,
)

_STATES = "`undelivered` are those that wait and those that were given up."
router = APIRouter(route_class=ReadRoute, tags=["webhooks"])


def _where_a_page_ended(text: str) -> str:
    Place.parse(text)
    return text


class WebhookPath(Asked):
    """One webhook."""

    webhook_id: Text


class DeliveriesQuery(WebhookPath):
    """Messages of this state, after `after`, the `next` of another page."""

    status: Annotated[State | None, Field(description=_STATES)] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Annotated[Text, AfterValidator(_where_a_page_ended)] | None = None


@router.get("/v1/webhooks")
async def list_webhooks(reader: ReaderDep, request: Request) -> Response:  # noqa: ARG001
    """All webhooks, the oldest first; there are no more than 50."""
    position, found = await find_webhooks(reader.context.read_pool)
    content = {"webhooks": [webhook(each.view) for each in found]}
    return answer(content, headers={POSITION_HEADER: str(position)})


@router.get("/v1/webhooks/{webhook_id}", openapi_extra=documented(WebhookPath))  # noqa: FAST003
async def show_webhook(reader: ReaderDep, request: Request) -> Response:
    """One webhook."""
    position, found = await _one(reader, asked(request, WebhookPath).webhook_id)
    headers = {POSITION_HEADER: str(position), "etag": f'"{found.version}"'}
    return answer(webhook(found.view), headers=headers)


@router.get(
    "/v1/webhooks/{webhook_id}/deliveries",  # noqa: FAST003
    openapi_extra=documented(DeliveriesQuery),
)
async def list_deliveries(reader: ReaderDep, request: Request) -> Response:
    """What became of the messages to a webhook, the newest first.

    Delivered ones are shown for 30 days. What was acknowledged before has its messages here.
    """
    query = asked(request, DeliveriesQuery)
    position, _ = await _one(reader, query.webhook_id)
    await reader.context.messages.make()
    after = None if query.after is None else Place.parse(query.after)
    found, place = await delivery_page(
        reader.context.events_pool, query.webhook_id, query.status, after, query.limit
    )
    shown = [delivery(each) for each in found]
    content = {"deliveries": shown, "next": None if place is None else str(place)}
    return answer(content, headers={POSITION_HEADER: str(position)})


async def _one(reader: Reader, webhook_id: str) -> tuple[int, Found]:
    position, found = await find_webhooks(reader.context.read_pool, webhook_id)
    if not found:
        raise no_webhook(webhook_id)
    return position, found[0]


def no_webhook(webhook_id: str) -> Problem:
    """The refusal of an id that no webhook has."""
    return Problem(404, TITLES[404], f"There is no webhook with the id {webhook_id}")
