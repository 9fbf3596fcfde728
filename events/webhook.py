"""Facts about where events are posted to, stream `webhook-{id}`."""

from typing import ClassVar

from events.registry import DomainEvent, fact
from events.values import Moment, Sealed, Value

WEBHOOKS = "webhooks"
"""The one parent of all webhooks that are there."""


class WebhookSettings(Value):
    """Events of `event_types` are posted to `url`, of no team but `team_ids` if there are any."""

    url: str
    description: str | None = None
    event_types: list[str]
    team_ids: list[str] = []
    enabled: bool = True


@fact("webhook.created")
class WebhookCreated(DomainEvent):
    """Posts are signed with `secret`, which is kept under a key of the webhook's own."""

    begins_life: ClassVar[bool] = True

    settings: WebhookSettings
    secret: Sealed


@fact("webhook.changed")
class WebhookChanged(DomainEvent):
    before: WebhookSettings
    after: WebhookSettings


@fact("webhook.secret_rotated")
class WebhookSecretRotated(DomainEvent):
    """Posts are signed with `after`, and until `previous_until` with `before` as well."""

    before: Sealed
    after: Sealed
    previous_until: Moment


@fact("webhook.disabled")
class WebhookDisabled(DomainEvent):
    """Its receiver said that it wants nothing any more; `reason` is how."""

    reason: str


@fact("webhook.tested")
class WebhookTested(DomainEvent):
    """Somebody had a message of this id posted, to see whether it arrives."""

    message_id: str


@fact("webhook.delivery_requested")
class WebhookDeliveryRequested(DomainEvent):
    """Somebody had a message posted again."""

    message_id: str


@fact("webhook.deleted")
class WebhookDeleted(DomainEvent):
    settings: WebhookSettings
