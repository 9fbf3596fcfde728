"""POST /team/bulk_member_add (team-api.md 3.10, register D26)."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from events.values import JsonObject
from services.command.api import build, render
from services.command.api.context import Caller, CallerDep
from services.command.application.bulk_members import ROUTE, BulkAddMembers, Remember
from services.command.application.requests import Done, Terms
from services.edge.body import LedgerRoute
from services.edge.errors import ShapeA
from services.edge.requests.member import BulkMemberAdd, Member

router = APIRouter(route_class=LedgerRoute, tags=["members"])

MOST = 500
DETAILED = 1_000
"""Results up to which each shows the user and his membership."""


@router.post(ROUTE)
async def add_many(caller: CallerDep, body: BulkMemberAdd) -> Response:
    """Add up to 500 members, or all users there are, each with a result of his own.

    The entries of a list are added by one append. All users are taken in portions: what was added
    before a failure stays, and a repetition goes on from there. `updated_team` is then the team
    after the last portion; above 1,000 results none shows `updated_user` and
    `updated_team_membership`.
    """
    if body.all_users and caller.terms.dry_run:
        raise ShapeA(400, "dry_run cannot be used with all_users: they are added in portions")
    if body.all_users:
        return await caller.respond(await _add_everybody(caller, body))
    members = body.members or []
    if not members:
        raise ShapeA(400, "At least one member is required")
    if len(members) > MOST:
        raise ShapeA(400, f"Maximum {MOST} members can be added at once")
    return await caller.respond(await _add(caller, body, members))


async def _add_everybody(caller: Caller, body: BulkMemberAdd) -> Done:
    repeated = caller.terms.idempotency
    if repeated is None:
        return await _portions(caller, body)
    told = await caller.context.loop.recall(caller.origin, repeated)
    if told is not None:
        return told
    once = replace(caller, terms=replace(caller.terms, idempotency=None))
    done = await _portions(once, body)
    caller = replace(caller, terms=Terms(repeated))
    return await caller.carry_out(Remember(body.team_id, done.answer), lambda told: told)


async def _portions(caller: Caller, body: BulkMemberAdd) -> Done:
    done = await _add(caller, body, [])
    caller = replace(caller, terms=Terms())
    results: list[JsonObject] = []
    team, added = None, 0
    async for user_ids in caller.context.loop.users(MOST):
        members = [Member(user_id=user_id, role="user") for user_id in user_ids]
        done = await _add(caller, body, members)
        results += done.answer["results"]
        added += done.answer["successful_additions"]
        team = done.answer["updated_team"] or team
    told = {
        "team_id": body.team_id,
        "results": _shortened(results),
        "total_requested": len(results),
        "successful_additions": added,
        "failed_additions": len(results) - added,
        "updated_team": team,
    }
    return replace(done, answer=told)


def _shortened(results: list[JsonObject]) -> list[JsonObject]:
    if len(results) <= DETAILED:
        return results
    return [{**r, "updated_user": None, "updated_team_membership": None} for r in results]


async def _add(caller: Caller, body: BulkMemberAdd, members: Sequence[Member]) -> Done:
    """One append; `Caller.carry_out` says what it raises."""
    vault, zone = caller.context.vault, caller.context.zone
    candidates = [
        build.candidate(vault, member, build.own_limits(body.max_budget_in_team))
        for member in members
    ]
    command = BulkAddMembers(body.team_id, candidates, everybody=bool(body.all_users))
    return await caller.carry_out(command, lambda made: render.bulk_added(made, zone))
