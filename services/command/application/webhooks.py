"""Use cases on webhooks; nobody but proxy admins has to do with them (decision 015)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import uuid_utils

from events.registry import DomainEvent
from events.streams import WEBHOOK, stream
from events.values import Sealed
from events.webhook import WEBHOOKS, WebhookSettings
from services.access.policy import check_route
from services.access.principal import Credential, Principal
from services.command.application.loop import CommandLoop
from services.command.application.requests import Decision, Origin
from services.command.application.view import View
from services.command.domain import webhook
from services.command.domain.errors import NotFound
from services.command.domain.webhook import Webhook
from services.database.connections import Pool

ROUTE = "/v1/webhooks"
ONE = "/v1/webhooks/{webhook_id}"
ROTATE, TEST = f"{ONE}/rotate", f"{ONE}/test"
RETRY = f"{ONE}/deliveries/{{message_id}}/retry"

_SYSTEM = Credential(token="", tail="", master=True)
_KNOWN = "SELECT FROM ops.webhook_deliveries WHERE webhook = %s AND message = %s"


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """A webhook by its id."""

    webhook_id: str
    webhook: Webhook


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """The id was drawn at random."""

    webhook_id: str
    settings: WebhookSettings
    secret: Sealed
    name: str = "CreateWebhook"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(ROUTE, caller)
        view.assume_new(stream(WEBHOOK, self.webhook_id))
        others = len(view.children(WEBHOOKS, WEBHOOKS))
        return _decision(self.webhook_id, webhook.create(self.settings, self.secret, others))


@dataclass(frozen=True, slots=True)
class ChangeWebhook:
    """`changes` are new values of WebhookSettings attributes."""

    webhook_id: str
    changes: Mapping[str, Any]
    name: str = "ChangeWebhook"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(ONE, caller)
        found = view.webhook(self.webhook_id)
        return _decision(self.webhook_id, webhook.change(found, self.webhook_id, self.changes))


@dataclass(frozen=True, slots=True)
class RotateSecret:
    """The secret of before signs as well for so long."""

    webhook_id: str
    secret: Sealed
    keep: timedelta
    name: str = "RotateWebhookSecret"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(ROTATE, caller)
        found, until = view.webhook(self.webhook_id), view.now + self.keep
        facts = webhook.rotate(found, self.webhook_id, self.secret, until)
        return _decision(self.webhook_id, facts)


@dataclass(frozen=True, slots=True)
class TryOut:
    """Have a message of this id posted that tells nothing."""

    webhook_id: str
    message_id: str
    name: str = "TestWebhook"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(TEST, caller)
        found = view.webhook(self.webhook_id)
        return _decision(self.webhook_id, webhook.try_out(found, self.webhook_id, self.message_id))


@dataclass(frozen=True, slots=True)
class DeliverAgain:
    """Have a message posted again; `known` tells whether there is one of this id."""

    webhook_id: str
    message_id: str
    known: bool
    name: str = "RetryDelivery"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(RETRY, caller)
        found = view.webhook(self.webhook_id)
        facts = webhook.deliver_again(found, self.webhook_id, self.message_id)
        if not self.known:
            raise NotFound("delivery", self.message_id)
        return _decision(self.webhook_id, facts)


@dataclass(frozen=True, slots=True)
class DeleteWebhook:
    """What was not delivered is dropped."""

    webhook_id: str
    name: str = "DeleteWebhook"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(ONE, caller)
        found = view.webhook(self.webhook_id)
        return _decision(self.webhook_id, webhook.delete(found, self.webhook_id))


@dataclass(frozen=True, slots=True)
class DisableWebhook:
    """A command of the service's own: whoever is at `url` said that he wants nothing any more."""

    webhook_id: str
    url: str
    reason: str
    name: str = "DisableWebhook"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        facts = webhook.disable(view.webhook(self.webhook_id), self.url, self.reason)
        return _decision(self.webhook_id, facts)


def disabling(loop: CommandLoop) -> Callable[[str, str, str, str], Awaitable[None]]:
    """Switches a webhook off: its id, the address that was posted to, why, and which message was.

    Raises Unavailable.
    """

    async def disable(webhook_id: str, url: str, reason: str, message_id: str) -> None:
        ids = str(uuid_utils.uuid7()), str(uuid_utils.uuid7())
        origin = Origin(_SYSTEM, "", "", *ids, causation_id=message_id)
        await loop.handle(DisableWebhook(webhook_id, url, reason), origin, lambda done: done)

    return disable


async def is_known(pool: Pool, webhook_id: str, message_id: str) -> bool:
    """Whether there is, or was, such a message for the webhook."""
    async with pool.connection() as conn:
        cursor = await conn.execute(_KNOWN, (webhook_id, message_id))
        return await cursor.fetchone() is not None


def _decision(webhook_id: str, facts: list[DomainEvent]) -> Decision:
    name = stream(WEBHOOK, webhook_id)
    return Decision(
        [(name, fact) for fact in facts],
        lambda after: WebhookAnswer(webhook_id, after.webhook(webhook_id)),
        subject=name,
    )
