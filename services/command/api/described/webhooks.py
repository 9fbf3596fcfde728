"""Routes that set where events are posted to (decision 015)."""

from collections.abc import Mapping

from services.command.api.described.common import command
from services.command.api.routes.webhooks import insecure
from services.command.application.webhooks import ONE, RETRY, ROTATE, ROUTE, TEST
from services.command.domain.errors import NotFound, TooManyWebhooks
from services.command.domain.webhook import MOST
from services.edge.openapi.answers.webhook import RequestedDelivery, WebhookRow
from services.edge.openapi.callers import TEAM
from services.edge.openapi.examples import MESSAGE_ID, SIGNING_SECRET, WEBHOOK, WEBHOOK_VIEW
from services.edge.openapi.operation import Operation
from services.edge.requests import webhook as requests
from services.edge.shapes.webhook import asked_for, webhook

_MISSING = NotFound("webhook", "missing")
_ONE = {"webhook_id": WEBHOOK}

OPERATIONS: Mapping[str, Operation] = {
    ROUTE: command(
        ROUTE,
        "create_webhook",
        WebhookRow,
        body=requests.NewWebhook,
        sent={"url": WEBHOOK_VIEW.settings.url, "description": "on call", "team_ids": [TEAM]},
        example=webhook(WEBHOOK_VIEW, SIGNING_SECRET),
        domain=(TooManyWebhooks(MOST),),
        others={"insecure": insecure()},
    ),
    ROTATE: command(
        ROTATE,
        "rotate_webhook_secret",
        WebhookRow,
        body=requests.RotateSecret,
        sent={"keep_previous_hours": 48},
        example=webhook(WEBHOOK_VIEW, SIGNING_SECRET),
        path=_ONE,
        domain=(_MISSING,),
        needs_body=False,
    ),
    TEST: command(
        TEST,
        "test_webhook",
        RequestedDelivery,
        body=None,
        sent=None,
        example=asked_for(WEBHOOK, MESSAGE_ID),
        path=_ONE,
        domain=(_MISSING,),
    ),
    RETRY: command(
        RETRY,
        "retry_delivery",
        RequestedDelivery,
        body=None,
        sent=None,
        example=asked_for(WEBHOOK, MESSAGE_ID),
        path={**_ONE, "message_id": MESSAGE_ID},
        domain=(_MISSING, NotFound("delivery", "missing")),
    ),
}
PATCHES: Mapping[str, Operation] = {
    ONE: command(
        ONE,
        "change_webhook",
        WebhookRow,
        body=requests.ChangeWebhook,
        sent={"description": "on call, day and night"},
        example=webhook(WEBHOOK_VIEW),
        path=_ONE,
        domain=(_MISSING,),
        others={"insecure": insecure()},
    ),
}
DELETES: Mapping[str, Operation] = {
    ONE: command(
        ONE,
        "delete_webhook",
        WebhookRow,
        body=None,
        sent=None,
        example=webhook(WEBHOOK_VIEW),
        path=_ONE,
        domain=(_MISSING,),
        versioned=False,
    ),
}
