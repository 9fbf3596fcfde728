"""POST /user/bulk_update: many users, each with a result of his own."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from events.values import JsonObject
from services.command.api import render
from services.command.api.build_user import update_one_of_all, update_user
from services.command.api.context import Caller, CallerDep
from services.command.api.refusals import text_of
from services.command.application.requests import Done, Terms
from services.command.application.user_update import (
    BULK_UPDATE,
    UPDATE,
    BulkUpdateUsers,
    RememberUpdates,
    Updated,
    UpdateUser,
)
from services.edge.body import LedgerRoute
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.requests import user as requests
from services.edge.shapes.user import user_row

router = APIRouter(route_class=LedgerRoute, tags=["users"])

MOST = 500
DETAILED = 1_000
"""Results up to which each shows the user."""


@router.post(BULK_UPDATE)
async def update_many(caller: CallerDep, body: requests.BulkUpdateUsers) -> Response:
    """Update up to 500 users, or all there are, each with a result of his own.

    The entries of a list are one append. All users are taken in portions: what was changed before
    a failure stays, and a repetition goes on from there; above 1,000 results none shows
    `updated_user`.
    """
    if body.all_users and body.user_updates is not None:
        if caller.terms.dry_run:
            raise no_rehearsal()
        return await caller.respond(await _update_everybody(caller, body.user_updates))
    if not body.users:
        raise nobody_named()
    vault = caller.context.vault
    done = await _update(caller, [update_user(vault, one) for one in body.users])
    return await caller.respond(done)


def nobody_named() -> ShapeB:
    """The refusal of a request that says nothing of any user."""
    text = (
        "Must specify either 'users' for individual updates or 'all_users=True' with "
        "'user_updates' for bulk updates"
    )
    return ShapeB(400, text, family=MANAGEMENT)


def no_rehearsal() -> ShapeB:
    """The refusal of `dry_run` where there are several appends."""
    text = "dry_run cannot be used with all_users: they are updated in portions"
    return ShapeB(400, text, family=MANAGEMENT)


async def _update_everybody(caller: Caller, updates: requests.UserFields) -> Done:
    repeated = caller.terms.idempotency
    if repeated is None:
        return await _portions(caller, updates)
    told = await caller.context.loop.recall(caller.origin, repeated)
    if told is not None:
        return told
    once = replace(caller, terms=replace(caller.terms, idempotency=None))
    done = await _portions(once, updates)
    caller = replace(caller, terms=Terms(repeated))
    return await caller.carry_out(RememberUpdates(done.answer), lambda told: told)


async def _portions(caller: Caller, updates: requests.UserFields) -> Done:
    done = await _update(caller, [])
    caller = replace(caller, terms=Terms())
    results: list[JsonObject] = []
    vault = caller.context.vault
    async for user_ids in caller.context.loop.users(MOST):
        them = [update_one_of_all(vault, updates, user_id) for user_id in user_ids]
        done = await _update(caller, them, everybody=True)
        results += done.answer["results"]
    if len(results) > DETAILED:
        results = [{**result, "updated_user": None} for result in results]
    return replace(done, answer=_told(results))


async def _update(
    caller: Caller, updates: Sequence[UpdateUser], *, everybody: bool = False
) -> Done:
    """One append; `Caller.carry_out` says what it raises."""
    command = BulkUpdateUsers(updates, everybody)
    return await caller.carry_out(
        command, lambda made: _told([_result(caller, one) for one in made])
    )


def _told(results: list[JsonObject]) -> JsonObject:
    successful = sum(result["success"] for result in results)
    return {
        "results": results,
        "total_requested": len(results),
        "successful_updates": successful,
        "failed_updates": len(results) - successful,
    }


def _result(caller: Caller, one: Updated) -> JsonObject:
    asked = one.asked
    email = None if asked.email is None else asked.email.shown
    if one.user is None:
        error = None if one.error is None else text_of(UPDATE, one.error)
        row, user_id = None, asked.user_id
    else:
        view = render.user_view(one.user)
        spend = render.user_spend(one.user)
        row = user_row(view, caller.now, caller.context.zone, spend=spend)
        user_id, error = view.user_id, None
    return {
        "user_id": user_id,
        "user_email": email,
        "success": one.user is not None,
        "error": error,
        "updated_user": row,
    }
