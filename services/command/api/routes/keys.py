"""Routes on virtual keys (supporting-api.md 2.2, 2.4, 2.5, 2.7)."""

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api import render
from services.command.api.build_key import key_changes, new_key, token_of
from services.command.api.context import Caller, CallerDep
from services.command.application.key_update import UpdateKey
from services.command.application.keys import BlockKey, DeleteKeys
from services.edge.body import LedgerRoute
from services.edge.requests import key as requests
from services.edge.shapes.key import generated, key_row

router = APIRouter(route_class=LedgerRoute, tags=["keys"])


@router.post("/key/generate")
async def generate_key(caller: CallerDep, body: requests.GenerateKey) -> Response:
    """Make a key; the answer is the only place that ever shows it."""
    secret, command = new_key(body, caller.now)
    done = await caller.carry_out(command, lambda made: generated(render.key_view(made), secret))
    return await caller.respond(done)


@router.post("/key/update")
async def update_key(caller: CallerDep, body: requests.UpdateKey) -> Response:
    """Change what is sent: absent stays as it is, null clears."""
    zone, now = caller.context.zone, caller.now
    command = UpdateKey(token_of(body.key), body.key, key_changes(body, now))
    done = await caller.carry_out(
        command,
        lambda made: {
            "key": body.key,
            **key_row(render.key_view(made), now, zone, with_token=True),
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
    command = BlockKey(token_of(body.key), body.key, blocked)
    done = await caller.carry_out(
        command, lambda made: key_row(render.key_view(made), now, zone, with_token=True)
    )
    return await caller.respond(done)
