"""Routes on virtual keys (supporting-api.md 2.2, 2.4, 2.5, 2.7, 2.8)."""

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api import render
from services.command.api.build_key import (
    bulk_update,
    key_changes,
    new_key,
    new_service_key,
    regenerate_key,
    token_of,
    well_formed,
)
from services.command.api.context import Caller, CallerDep
from services.command.api.refusals import answer_for
from services.command.application.bulk_keys import ROUTE as BULK_UPDATE
from services.command.application.bulk_keys import Outcome
from services.command.application.key_update import UpdateKey
from services.command.application.keys import BlockKey, DeleteKeys
from services.command.application.service_keys import ROUTE as SERVICE_KEY
from services.command.domain.errors import DomainError
from services.edge.body import LedgerRoute
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.requests import key as requests
from services.edge.requests.common import Text
from services.edge.shapes.key import generated

router = APIRouter(route_class=LedgerRoute, tags=["keys"])

MOST = 500
_KEY_IN_QUERY = {
    "parameters": [{"name": "key", "in": "query", "required": False, "schema": {"type": "string"}}]
}


@router.post("/key/generate")
async def generate_key(caller: CallerDep, body: requests.GenerateKey) -> Response:
    """Make a key; the answer is the only place that ever shows it."""
    secret, command = new_key(body, caller.now)
    done = await caller.carry_out(command, lambda made: generated(render.key_view(made), secret))
    return await caller.respond(done)


@router.post(SERVICE_KEY)
async def generate_service_key(caller: CallerDep, body: requests.GenerateKey) -> Response:
    """Make a key of a team that is nobody's; a `user_id` is left out of account."""
    secret, command = new_service_key(body, caller.now)
    done = await caller.carry_out(command, lambda made: generated(render.key_view(made), secret))
    return await caller.respond(done)


@router.post("/key/regenerate", openapi_extra=_KEY_IN_QUERY)
async def regenerate(
    caller: CallerDep, key: Text | None = None, body: requests.RegenerateKey | None = None
) -> Response:
    """Give a key a new secret, and change what is sent; `grace_period` lets the old one go on."""
    return await _regenerate(caller, body, key)


@router.post("/key/{key}/regenerate")
async def regenerate_named(
    caller: CallerDep, key: Text, body: requests.RegenerateKey | None = None
) -> Response:
    """As /key/regenerate, with the key, plain or hashed, in the path."""
    return await _regenerate(caller, body, key)


async def _regenerate(
    caller: Caller, body: requests.RegenerateKey | None, key: str | None
) -> Response:
    asked, route = body or requests.RegenerateKey(), caller.origin.route
    secret, command = regenerate_key(asked, key, route, caller.now)
    done = await caller.carry_out(command, lambda made: render.regenerated(made, secret))
    return await caller.respond(done)


@router.post(BULK_UPDATE)
async def update_many(caller: CallerDep, body: requests.BulkUpdateKeys) -> Response:
    """Change up to 500 keys by one append, each with a result of its own."""
    if not body.keys:
        raise ShapeB(400, "No keys provided for update", family=MANAGEMENT)
    if len(body.keys) > MOST:
        text = f"Maximum {MOST} keys can be updated at once. Found {len(body.keys)} keys."
        raise ShapeB(400, text, family=MANAGEMENT)
    zone, now = caller.context.zone, caller.now
    command = bulk_update(body, now)
    done = await caller.carry_out(
        command, lambda made: render.bulk_updated(made, _reason, now, zone)
    )
    return await caller.respond(done)


def _reason(outcome: Outcome) -> str | None:
    """Why one change failed, in the words of /key/update; None if it did not."""
    error = outcome.error
    if isinstance(error, DomainError):
        return str(answer_for(BULK_UPDATE, error).detail)
    return None if error is None else error.text


@router.post("/key/update")
async def update_key(caller: CallerDep, body: requests.UpdateKey) -> Response:
    """Change what is sent: absent stays as it is, null clears."""
    zone, now = caller.context.zone, caller.now
    command = UpdateKey(token_of(body.key), body.key, key_changes(body, now))
    done = await caller.carry_out(
        command,
        lambda made: {
            "key": body.key,
            **render.key_row(made, now, zone),
        },
    )
    return await caller.respond(done)


@router.post("/key/delete")
async def delete_keys(caller: CallerDep, body: requests.DeleteKeys) -> Response:
    """Delete keys by value, hash or alias; those that do not exist are not reported (S08)."""
    tokens = [(key, token_of(key)) for key in body.keys or []]
    command = DeleteKeys(tokens, body.key_aliases or [])
    done = await caller.carry_out(command, lambda deleted: {"deleted_keys": deleted})
    return await caller.respond(done)


@router.post("/key/block")
async def block_key(caller: CallerDep, body: requests.KeyRef) -> Response:
    """Refuse the key from now on."""
    return await _set_blocked(caller, body, blocked=True)


@router.post("/key/unblock")
async def unblock_key(caller: CallerDep, body: requests.KeyRef) -> Response:
    """Let the key work again."""
    return await _set_blocked(caller, body, blocked=False)


async def _set_blocked(caller: Caller, body: requests.KeyRef, *, blocked: bool) -> Response:
    zone, now = caller.context.zone, caller.now
    key = well_formed(body.key)
    command = BlockKey(token_of(key), key, blocked)
    shown = render.key_blocked if blocked else render.key_row
    done = await caller.carry_out(command, lambda made: shown(made, now, zone))
    return await caller.respond(done)
