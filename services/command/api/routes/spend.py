"""Routes that have spend go on from another amount (supporting-api.md 2.8, 6)."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import Response

from events.values import JsonObject
from services.command.api.build_key import token_of
from services.command.api.context import Caller, CallerDep
from services.command.application.resets import (
    EVERYWHERE_ROUTE,
    KEY_ROUTE,
    MEMBER_ROUTE,
    OUR_MEMBER_ROUTE,
    FindTarget,
    KeyTarget,
    MemberTarget,
    ResetEverywhere,
    ResetSpend,
    Resettable,
    Target,
)
from services.edge.body import LedgerRoute
from services.edge.requests import spend as requests
from services.edge.requests.common import Identifier, Text, UserId
from services.edge.shapes.spend import ALL_RESET, ResetView, key_reset, member_reset
from services.spend.spenders import asked_now

router = APIRouter(route_class=LedgerRoute, tags=["spend"])

Shape = Callable[[ResetView], JsonObject]


@router.post(KEY_ROUTE)
async def reset_key(caller: CallerDep, key: Text, body: requests.ResetSpend) -> Response:
    """Have the spend of a key, which the path names plain or hashed, go on from an amount."""
    token = token_of(key)
    return await _reset(caller, KeyTarget(token, key), body, lambda view: key_reset(token, view))


@router.post(MEMBER_ROUTE)
async def reset_member(
    caller: CallerDep, team_id: Identifier, user_id: UserId, body: requests.ResetSpend
) -> Response:
    """Have what a member has spent in the team go on from an amount."""
    return await _reset_member(caller, team_id, user_id, body)


@router.post(OUR_MEMBER_ROUTE)
async def reset_member_here(
    caller: CallerDep, team_id: Identifier, user_id: UserId, body: requests.ResetSpend
) -> Response:
    """The same under /v1."""
    return await _reset_member(caller, team_id, user_id, body)


@router.post(EVERYWHERE_ROUTE)
async def reset_everything(caller: CallerDep) -> Response:
    """Have the spend of all keys and all teams go on from nothing; for the master key only."""
    done = await caller.carry_out(ResetEverywhere(), lambda _: ALL_RESET)
    return await caller.respond(done)


async def _reset_member(
    caller: Caller, team_id: str, user_id: str, body: requests.ResetSpend
) -> Response:
    target = MemberTarget(team_id, user_id, caller.origin.route)
    return await _reset(caller, target, body, lambda view: member_reset(team_id, user_id, view))


async def _reset(
    caller: Caller, target: Target, body: requests.ResetSpend, shape: Shape
) -> Response:
    """What counts is read from the ledger now: calls booked later count on top."""
    found: Resettable = await caller.find_out(FindTarget(target))
    spending, now = caller.context.spending, caller.now
    [spender] = await spending.spenders([found.account])
    [asked] = asked_now([spender], now, caller.context.zone)
    [spent] = await spending.ledger.within([asked], now)
    command = ResetSpend(target, found.account, spent, body.reset_to, body.reason)
    view = ResetView(spent, body.reset_to, found.max_budget, asked.window.end)
    done = await caller.carry_out(command, lambda _: shape(view))
    return await caller.respond(done)
