"""Routes that set where events are posted to (decision 015)."""

import base64
import secrets
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import uuid_utils
from fastapi import APIRouter
from starlette.responses import Response

from events.values import JsonObject, Sealed
from events.webhook import WebhookSettings
from services.command.api.context import Caller, CallerDep
from services.command.application.webhooks import (
    ONE,
    RETRY,
    ROTATE,
    ROUTE,
    TEST,
    ChangeWebhook,
    DeleteWebhook,
    DeliverAgain,
    NewWebhook,
    RotateSecret,
    TryOut,
    WebhookAnswer,
    is_known,
)
from services.edge.body import LedgerRoute
from services.edge.errors import TITLES, Problem
from services.edge.requests import webhook as requests
from services.edge.requests.common import Text
from services.edge.shapes.webhook import MASKED, WebhookView, asked_for, webhook

SECRET_BYTES = 32
router = APIRouter(route_class=LedgerRoute, tags=["webhooks"])


@router.post(ROUTE)
async def create_webhook(caller: CallerDep, body: requests.NewWebhook) -> Response:
    """Have events posted to an address, signed as Standard Webhooks has it.

    The secret is shown here and never again.
    """
    _check_address(caller, body)
    webhook_id, secret = f"wh_{uuid4().hex}", _new_secret()
    settings = WebhookSettings.model_validate(
        {"event_types": list(requests.EVENT_TYPES), **body.fields()}
    )
    command = NewWebhook(webhook_id, settings, await _sealed(caller, webhook_id, secret))
    done = await caller.carry_out(command, lambda made: shown(made, secret))
    return await caller.respond(done)


@router.patch(ONE)
async def change_webhook(
    caller: CallerDep, webhook_id: Text, body: requests.ChangeWebhook
) -> Response:
    """Change what is sent; what waits goes to the new address."""
    _check_address(caller, body)
    done = await caller.carry_out(ChangeWebhook(webhook_id, body.fields()), shown)
    return await caller.respond(done)


@router.delete(ONE)
async def delete_webhook(caller: CallerDep, webhook_id: Text) -> Response:
    """Post nothing there any more; what was not delivered is dropped."""
    done = await caller.carry_out(DeleteWebhook(webhook_id), shown)
    return await caller.respond(done)


@router.post(ROTATE)
async def rotate_secret(
    caller: CallerDep, webhook_id: Text, body: requests.RotateSecret | None = None
) -> Response:
    """Sign with a new secret, which is shown here and never again.

    For some hours posts have signatures by the one before as well, so that the receiver can change
    over whenever it likes.
    """
    hours = (body or requests.RotateSecret()).keep_previous_hours
    secret = _new_secret()
    sealed = await _sealed(caller, webhook_id, secret)
    command = RotateSecret(webhook_id, sealed, timedelta(hours=hours))
    done = await caller.carry_out(command, lambda made: shown(made, secret))
    return await caller.respond(done)


@router.post(TEST)
async def test_webhook(caller: CallerDep, webhook_id: Text) -> Response:
    """Have a message posted that tells nothing; GET .../deliveries says what became of it."""
    message_id = str(uuid_utils.uuid7())
    command = TryOut(webhook_id, message_id)
    done = await caller.carry_out(command, lambda _: asked_for(webhook_id, message_id))
    return await caller.respond(done)


@router.post(RETRY)
async def retry_delivery(caller: CallerDep, webhook_id: Text, message_id: Text) -> Response:
    """Have a message posted again at once, under the same id, whatever became of it before."""
    known = await is_known(caller.context.ledger_pool, webhook_id, message_id)
    command = DeliverAgain(webhook_id, message_id, known)
    done = await caller.carry_out(command, lambda _: asked_for(webhook_id, message_id))
    return await caller.respond(done)


def shown(answer: WebhookAnswer, secret: str = MASKED) -> JsonObject:
    """A webhook as the command left it."""
    held = answer.webhook
    if held.created_at is None or held.updated_at is None:
        raise LookupError(answer.webhook_id)
    view = WebhookView(
        answer.webhook_id,
        held.settings,
        held.created_at,
        held.updated_at,
        held.disabled,
        held.previous_until,
    )
    return webhook(view, secret)


def insecure() -> Problem:
    """The refusal of an address without TLS."""
    text = "Messages are posted over https. Set TEAMLEDGER_WEBHOOK_PRIVATE_TARGETS=true to post "
    return Problem(400, TITLES[400], f"{text}over http to this machine and private networks.")


def _check_address(caller: Caller, body: requests.NewWebhook | requests.ChangeWebhook) -> None:
    if urlsplit(body.url).scheme == "http" and not caller.context.private_webhooks:
        raise insecure()


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


async def _sealed(caller: Caller, webhook_id: str, secret: str) -> Sealed:
    """Under a key of the webhook's own."""
    vault = caller.context.vault
    return await vault.seal_for(vault.holder("webhook", webhook_id), secret, named=webhook_id)
