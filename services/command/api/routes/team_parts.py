"""Routes on one part of a team (team-api.md 3.15, 3.16, 3.18, 4)."""

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api import build, render
from services.command.api.context import Caller, CallerDep
from services.command.application.team_parts import (
    CALLBACK_ROUTE,
    DISABLE_ROUTE,
    AddCallback,
    ChangeModels,
    DisableLogging,
    SetPermissions,
)
from services.edge.body import LedgerRoute
from services.edge.requests import callback as callback_requests
from services.edge.requests import team as requests
from services.edge.requests.common import Identifier

router = APIRouter(route_class=LedgerRoute, tags=["teams"])


@router.post("/team/model/add")
async def add_models(caller: CallerDep, body: requests.TeamModels) -> Response:
    """Allow more models; a team that may use all of them still may."""
    return await _change_models(caller, body)


@router.post("/team/model/delete")
async def delete_models(caller: CallerDep, body: requests.TeamModels) -> Response:
    """Allow models no longer; the last one cannot be taken away, as none would mean all."""
    return await _change_models(caller, body)


async def _change_models(caller: Caller, body: requests.TeamModels) -> Response:
    zone = caller.context.zone
    command = ChangeModels(body.team_id, body.models, caller.origin.route)
    done = await caller.carry_out(
        command, lambda made: render.team_row(made, zone, load_model_table=False)
    )
    return await caller.respond(done)


@router.post("/team/permissions_update")
async def update_permissions(caller: CallerDep, body: requests.MemberPermissions) -> Response:
    """Set what members may do with the team's keys."""
    zone = caller.context.zone
    command = SetPermissions(body.team_id, body.team_member_permissions)
    done = await caller.carry_out(command, lambda made: render.team(made, zone))
    return await caller.respond(done)


@router.post(CALLBACK_ROUTE)
async def add_callback(
    caller: CallerDep, team_id: Identifier, body: callback_requests.AddCallback
) -> Response:
    """Log the team's calls to one more place; secrets are kept under seal and shown masked."""
    zone = caller.context.zone
    [callback] = await build.callbacks(caller.context.vault, team_id, [body])
    done = await caller.carry_out(
        AddCallback(team_id, callback),
        lambda made: {
            "status": "success",
            "data": render.team_row(made, zone, load_model_table=False),
        },
    )
    return await caller.respond(done)


@router.post(DISABLE_ROUTE)
async def disable_logging(caller: CallerDep, team_id: Identifier) -> Response:
    """Take all callbacks of the team away."""
    done = await caller.carry_out(
        DisableLogging(team_id),
        lambda _: {
            "status": "success",
            "message": f"Logging disabled for team {team_id}",
            "data": {"team_id": team_id, "success_callbacks": [], "failure_callbacks": []},
        },
    )
    return await caller.respond(done)
