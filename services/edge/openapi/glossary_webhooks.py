"""What fields and parameters mean that have to do with webhooks."""

from collections.abc import Mapping

WEBHOOKS: Mapping[str, str] = {
    "webhooks": "All there are, the oldest first.",
    "webhook_id": "The id of the webhook.",
    "url": "Where messages are posted to. It is no secret: answers and history show it.",
    "event_types": "Which events are posted.",
    "state": "Whether it waits, was delivered, or was given up.",
    "enabled": "Whether messages are made and posted.",
    "disabled_reason": "What its receiver answered that had it switched off, if that is so.",
    "secret": "What messages are signed with, as Standard Webhooks has it.",
    "previous_secret_until": "Until when the secret of before signs as well, if it was rotated.",
    "keep_previous_hours": "How long the secret of before signs as well.",
    "message_id": "The id of the message, the same at every attempt.",
    "deliveries": "Messages, the newest first.",
    "attempts": "How often it was tried to post it.",
    "next_attempt_at": "When it is tried next; null for what is not tried any more.",
    "last_attempt_at": "When it was tried last.",
    "last_status": "The status that was answered then, if there was an answer.",
    "last_error": "Why it was not delivered then; null if it was.",
    "delivered_at": "When it was delivered.",
}

WEBHOOK_PARAMETERS: Mapping[str, str] = {
    "webhook_id": "The id of the webhook.",
    "message_id": "The id of the message.",
}
