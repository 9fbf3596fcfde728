"""Webhooks, and the messages to them."""

from typing import Annotated, Literal

from pydantic import Field

from services.edge.openapi.schema import Document, Moment
from services.edge.requests.webhook import NewWebhook

OF_TEAMS = NewWebhook.model_fields["team_ids"].description


class WebhookRow(Document):
    """Where events are posted to; the secret is masked but where it was just made."""

    webhook_id: str
    url: str
    description: Annotated[str | None, Field(description="What it is for.")]
    event_types: list[Literal["budget.threshold_crossed"]]
    team_ids: Annotated[list[str], Field(description=OF_TEAMS)]
    enabled: bool
    disabled_reason: str | None
    secret: str
    previous_secret_until: Moment | None
    created_at: Moment
    updated_at: Moment


class WebhookList(Document):
    """All webhooks."""

    webhooks: list[WebhookRow]


class RequestedDelivery(Document):
    """A message that is going to be posted."""

    webhook_id: str
    message_id: str


class DeliveryRow(Document):
    """What became of a message."""

    message_id: str
    type: Literal["budget.threshold_crossed", "webhook.tested"]
    position: int
    state: Literal["waiting", "delivered", "given_up"]
    attempts: int
    next_attempt_at: Moment | None
    last_attempt_at: Moment | None
    last_status: int | None
    last_error: str | None
    created_at: Moment
    delivered_at: Moment | None


class DeliveryPage(Document):
    """Some of the messages to a webhook."""

    deliveries: list[DeliveryRow]
    next: str | None
