"""Webhooks in answers, the messages that are posted to them, and what became of these."""

from dataclasses import dataclass
from datetime import datetime

from events.envelope import Envelope
from events.registry import dump
from events.values import JsonObject, timestamp
from events.webhook import WebhookSettings, WebhookTested
from services.edge.shapes.times import iso

MASKED = "whsec_****"
THRESHOLD_CROSSED = "budget.threshold_crossed"
TESTED = "webhook.tested"


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook; `previous_until` is how long the secret of before signs as well, if it does."""

    webhook_id: str
    settings: WebhookSettings
    created_at: datetime
    updated_at: datetime
    disabled: str | None = None
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A message on its way to a webhook; `position` is that of the fact it tells."""

    message_id: str
    type: str
    position: int
    state: str
    attempts: int
    next_attempt: datetime
    last_attempt: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


def webhook(view: WebhookView, secret: str = MASKED) -> JsonObject:
    """The secret is shown when it is made, and masked ever after."""
    return {
        "webhook_id": view.webhook_id,
        **view.settings.model_dump(mode="json"),
        "disabled_reason": view.disabled,
        "secret": secret,
        "previous_secret_until": _moment(view.previous_until),
        "created_at": iso(view.created_at),
        "updated_at": iso(view.updated_at),
    }


def asked_for(webhook_id: str, message_id: str) -> JsonObject:
    """The answer where a message is going to be posted."""
    return {"webhook_id": webhook_id, "message_id": message_id}


def delivery(view: DeliveryView) -> JsonObject:
    """What became of a message; there is a next attempt only of one that waits."""
    return {
        "message_id": view.message_id,
        "type": view.type,
        "position": view.position,
        "state": view.state,
        "attempts": view.attempts,
        "next_attempt_at": iso(view.next_attempt) if view.state == "waiting" else None,
        "last_attempt_at": _moment(view.last_attempt),
        "last_status": view.last_status,
        "last_error": view.last_error,
        "created_at": iso(view.created_at),
        "delivered_at": _moment(view.delivered_at),
    }


def message(envelope: Envelope) -> JsonObject:
    """What is posted, as Standard Webhooks has it: the same, whenever it is posted."""
    name, _, data = dump(envelope.event)
    if isinstance(envelope.event, WebhookTested):
        data = {}
    return {"type": name, "timestamp": timestamp(envelope.recorded_at), "data": data}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
