"""What somebody did to a webhook, and when a budget was used up.

Addresses of webhooks are not told: they may hold a secret.
"""

from events import alert, webhook
from services.projection.history.sentences.wording import (
    Phrases,
    Told,
    moment,
    of_list,
    quoted,
    says,
    usd,
)


def crossed(event: alert.BudgetThresholdCrossed, _: Told) -> str:
    part = "the soft budget" if event.percent is None else f"{event.percent} % of the budget"
    whose = f"{event.kind.replace('_', ' ')} {quoted(event.id)}"
    return f"found {part} of {usd(event.budget)} of the {whose} used up by {usd(event.spend)}"


def created(_: webhook.WebhookCreated, told: Told) -> str:
    return f"created the webhook {quoted(told.identity)}"


def changed(event: webhook.WebhookChanged, _: Told) -> str:
    before, after = event.before, event.after
    if before.enabled != after.enabled:
        return "switched the webhook on" if after.enabled else "switched the webhook off"
    if set(before.event_types) != set(after.event_types):
        return of_list("events of the webhook", before.event_types, after.event_types, "no events")
    return "changed where the webhook posts to, or of which teams"


def rotated(event: webhook.WebhookSecretRotated, _: Told) -> str:
    return (
        "gave the webhook a new secret; the former one signs until "
        f"{moment(event.previous_until)} as well"
    )


def disabled(event: webhook.WebhookDisabled, _: Told) -> str:
    return f"switched the webhook off, as its receiver answered {quoted(event.reason)}"


PHRASES: Phrases = {
    alert.BudgetThresholdCrossed: crossed,
    webhook.WebhookCreated: created,
    webhook.WebhookChanged: changed,
    webhook.WebhookSecretRotated: rotated,
    webhook.WebhookDisabled: disabled,
    webhook.WebhookTested: says("tested the webhook"),
    webhook.WebhookDeliveryRequested: says("had a message of the webhook posted again"),
    webhook.WebhookDeleted: says("deleted the webhook"),
}
