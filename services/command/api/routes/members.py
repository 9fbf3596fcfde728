"""Routes on the members of a team (team-api.md 3.9, 3.11, 3.12)."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from events.values import JsonObject
from services.command.api import build, render
from services.command.api.context import CallerDep
from services.command.application.answers import TeamAnswer
from services.command.application.members import AddMembers, RemoveMember, UpdateMember
from services.edge.body import LedgerRoute
from services.edge.requests import member as requests

router = APIRouter(route_class=LedgerRoute, tags=["members"])

_LIMITS = {"max_budget_in_team": "max_budget", "tpm_limit": "tpm_limit", "rpm_limit": "rpm_limit"}


@router.post("/team/member_add")
async def add_members(caller: CallerDep, body: requests.MemberAdd) -> Response:
    """Add one member or several; unknown users come to exist."""
    vault, zone = caller.context.vault, caller.context.zone
    command = AddMembers(
        team_id=body.team_id,
        candidates=[
            build.candidate(vault, member, build.own_limits(body.max_budget_in_team))
            for member in body.members
        ],
        single=not isinstance(body.member, list),
        available=body.team_id in caller.context.available_teams,
    )
    done = await caller.carry_out(command, lambda made: render.added_members(made, zone))
    return await caller.respond(done)


@router.post("/team/member_update")
async def update_member(caller: CallerDep, body: requests.MemberUpdate) -> Response:
    """Change a member's role and limits; what is not sent stays as it is."""
    sent = body.model_fields_set
    command = UpdateMember(
        team_id=body.team_id,
        who=build.by_name(caller.context.vault, body),
        role=body.role,
        limits={own: getattr(body, name) for name, own in _LIMITS.items() if name in sent},
        budget_id=str(uuid.uuid4()),
    )
    done = await caller.carry_out(command, lambda made: _updated(body, made))
    return await caller.respond(done)


@router.post("/team/member_delete")
async def remove_member(caller: CallerDep, body: requests.MemberDelete) -> Response:
    """Remove a member and the keys he has in the team."""
    zone = caller.context.zone
    command = RemoveMember(body.team_id, build.by_name(caller.context.vault, body))
    done = await caller.carry_out(command, lambda made: render.team(made, zone))
    return await caller.respond(done)


def _updated(body: requests.MemberUpdate, made: TeamAnswer) -> JsonObject:
    """The request again, with the user it was about (3.11)."""
    budget = body.max_budget_in_team
    return {
        "user_id": made.subject,
        "user_email": body.user_email,
        "team_id": body.team_id,
        "max_budget_in_team": None if budget is None else float(budget),
        "tpm_limit": body.tpm_limit,
        "rpm_limit": body.rpm_limit,
    }
