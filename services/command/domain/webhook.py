"""Where events are posted to; see events.webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from events import webhook as facts
from events.envelope import Envelope
from events.registry import DomainEvent
from events.values import Sealed
from events.webhook import WebhookSettings
from services.command.domain.errors import NotFound, TooManyWebhooks
from services.command.domain.limits import check_size

MOST = 50
"""Webhooks at a time: each is posted to side by side with the others."""

MAX_WEBHOOK_BYTES = 96 * 1024


@dataclass(frozen=True, slots=True)
class Webhook:
    """Folded state of one webhook; `disabled` is why its receiver had it switched off.

    `previous_until` is how long the secret of before signs as well.
    """

    incarnation: int = 0
    open: bool = False
    version: int = 0
    settings: WebhookSettings = field(
        default_factory=lambda: WebhookSettings(url="", event_types=[])
    )
    created_at: datetime | None = None
    updated_at: datetime | None = None
    disabled: str | None = None
    secret: Sealed | None = None
    previous_until: datetime | None = None


def create(settings: WebhookSettings, secret: Sealed, others: int) -> list[DomainEvent]:
    """Refuses one too many."""
    check_size("webhook", settings, MAX_WEBHOOK_BYTES)
    if others >= MOST:
        raise TooManyWebhooks(MOST)
    return [facts.WebhookCreated(settings=settings, secret=secret)]


def change(webhook: Webhook, identity: str, changes: Mapping[str, Any]) -> list[DomainEvent]:
    """Only what `changes` names differs afterwards; [] when nothing does."""
    _check_there(webhook, identity)
    after = webhook.settings.model_copy(update=dict(changes))
    check_size("webhook", after, MAX_WEBHOOK_BYTES)
    if after == webhook.settings:
        return []
    return [facts.WebhookChanged(before=webhook.settings, after=after)]


def rotate(webhook: Webhook, identity: str, secret: Sealed, until: datetime) -> list[DomainEvent]:
    """A new secret; the one before signs as well until a moment."""
    if not webhook.open or webhook.secret is None:
        raise NotFound("webhook", identity)
    return [facts.WebhookSecretRotated(before=webhook.secret, after=secret, previous_until=until)]


def try_out(webhook: Webhook, identity: str, message_id: str) -> list[DomainEvent]:
    """A message of its own."""
    _check_there(webhook, identity)
    return [facts.WebhookTested(message_id=message_id)]


def deliver_again(webhook: Webhook, identity: str, message_id: str) -> list[DomainEvent]:
    """Whatever became of the message."""
    _check_there(webhook, identity)
    return [facts.WebhookDeliveryRequested(message_id=message_id)]


def disable(webhook: Webhook, url: str, reason: str) -> list[DomainEvent]:
    """[] where nothing is to be posted to that address already."""
    if not webhook.open or not webhook.settings.enabled or webhook.settings.url != url:
        return []
    return [facts.WebhookDisabled(reason=reason)]


def delete(webhook: Webhook, identity: str) -> list[DomainEvent]:
    """Refuses one that is gone."""
    _check_there(webhook, identity)
    return [facts.WebhookDeleted(settings=webhook.settings)]


def _check_there(webhook: Webhook, identity: str) -> None:
    if not webhook.open:
        raise NotFound("webhook", identity)


def evolve(webhook: Webhook, envelope: Envelope) -> Webhook:
    """The state after one more fact."""
    event, at, version = envelope.event, envelope.recorded_at, envelope.originator_version
    webhook = replace(webhook, version=version)
    match event:
        case facts.WebhookCreated(settings=settings, secret=secret):
            return Webhook(
                secret=secret,
                incarnation=version,
                open=True,
                version=version,
                settings=settings,
                created_at=at,
                updated_at=at,
            )
        case facts.WebhookChanged(after=after):
            disabled = None if after.enabled else webhook.disabled
            return replace(webhook, settings=after, disabled=disabled, updated_at=at)
        case facts.WebhookSecretRotated(after=secret, previous_until=until):
            return replace(webhook, secret=secret, previous_until=until, updated_at=at)
        case facts.WebhookDisabled(reason=reason):
            off = webhook.settings.model_copy(update={"enabled": False})
            return replace(webhook, settings=off, disabled=reason, updated_at=at)
        case facts.WebhookDeleted():
            return replace(webhook, open=False)
    return webhook
