"""Reads about webhooks and their messages (decision 015)."""

from collections.abc import Mapping

from services.edge.openapi.answers.webhook import DeliveryPage, WebhookList, WebhookRow
from services.edge.openapi.examples import MESSAGE_ID, NOW, WEBHOOK, WEBHOOK_VIEW
from services.edge.openapi.operation import Operation
from services.edge.shapes.webhook import THRESHOLD_CROSSED, DeliveryView, delivery, webhook
from services.projection.api.asked import refused_query
from services.projection.api.described.common import read
from services.projection.api.routes.webhooks import DeliveriesQuery, no_webhook

_LATE = DeliveryView(
    message_id=MESSAGE_ID,
    type=THRESHOLD_CROSSED,
    position=42,
    state="waiting",
    attempts=1,
    next_attempt=NOW.replace(microsecond=0),
    last_attempt=NOW,
    last_status=503,
    last_error="503 Service Unavailable",
    created_at=NOW,
    delivered_at=None,
)
_ONE = {"webhook_id": WEBHOOK}
_BAD_PLACE = refused_query(DeliveriesQuery, webhook_id=WEBHOOK, after="nowhere")

OPERATIONS: Mapping[str, Operation] = {
    "/v1/webhooks": read(
        "/v1/webhooks",
        "list_webhooks",
        WebhookList,
        example={"webhooks": [webhook(WEBHOOK_VIEW)]},
    ),
    "/v1/webhooks/{webhook_id}": read(
        "/v1/webhooks/{webhook_id}",
        "get_webhook",
        WebhookRow,
        example=webhook(WEBHOOK_VIEW),
        path=_ONE,
        refusals={"no_webhook": no_webhook("missing")},
        versioned=True,
    ),
    "/v1/webhooks/{webhook_id}/deliveries": read(
        "/v1/webhooks/{webhook_id}/deliveries",
        "list_deliveries",
        DeliveryPage,
        example={"deliveries": [delivery(_LATE)], "next": None},
        path=_ONE,
        query={"status": "undelivered"},
        refusals={"no_webhook": no_webhook("missing"), "bad_place": _BAD_PLACE},
    ),
}
