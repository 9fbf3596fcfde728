"""What alerts tell an auditor of the things they are about, and what is told of webhooks."""

from events.alert import BudgetThresholdCrossed
from events.values import timestamp
from events.webhook import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDeliveryRequested,
    WebhookDisabled,
    WebhookSecretRotated,
    WebhookSettings,
    WebhookTested,
)
from services.projection.projectors.audit_entry import Entry, Notes, on
from services.projection.projectors.audit_spend_notes import GROUPS
from services.projection.projectors.audit_values import Values, number


def threshold_crossed(entry: Entry, event: BudgetThresholdCrossed) -> None:
    """A member is told of by the team or organization."""
    entry.object_id, entry.kind = event.id, GROUPS.get(event.kind, event.kind)
    entry.team_id = event.team_id
    entry.alerts.append(
        {
            "kind": event.kind,
            "user_id": event.user_id,
            "percent": event.percent,
            "budget": number(event.budget),
            "spend": number(event.spend),
            "window_start": event.window_start and timestamp(event.window_start),
            "window_end": event.window_end and timestamp(event.window_end),
        }
    )


def webhook_created(entry: Entry, event: WebhookCreated) -> None:
    entry.after |= _settings(event.settings)


def webhook_changed(entry: Entry, event: WebhookChanged) -> None:
    entry.changed(_settings(event.before), _settings(event.after))


def secret_rotated(entry: Entry, event: WebhookSecretRotated) -> None:
    entry.after["previous_secret_until"] = timestamp(event.previous_until)


def webhook_disabled(entry: Entry, event: WebhookDisabled) -> None:
    entry.changed({"enabled": True}, {"enabled": False})
    entry.after["reason"] = event.reason


def webhook_tested(entry: Entry, event: WebhookTested) -> None:
    entry.after["tested_with"] = event.message_id


def delivery_requested(entry: Entry, event: WebhookDeliveryRequested) -> None:
    entry.after["delivered_again"] = event.message_id


def webhook_deleted(entry: Entry, event: WebhookDeleted) -> None:
    entry.before |= _settings(event.settings)


def _settings(settings: WebhookSettings) -> Values:
    return settings.model_dump(mode="json")


ALERT_NOTES: Notes = {
    **on(BudgetThresholdCrossed, threshold_crossed),
    **on(WebhookCreated, webhook_created),
    **on(WebhookChanged, webhook_changed),
    **on(WebhookSecretRotated, secret_rotated),
    **on(WebhookDisabled, webhook_disabled),
    **on(WebhookTested, webhook_tested),
    **on(WebhookDeliveryRequested, delivery_requested),
    **on(WebhookDeleted, webhook_deleted),
}
