"""Routes on whole teams (team-api.md 3.1-3.3, 3.13, 3.14)."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api import build, render
from services.command.api.context import CallerDep
from services.command.application.teams import BlockTeam, DeleteTeams, NewTeam, ReviseTeam
from services.edge.body import LedgerRoute
from services.edge.requests import team as requests
from services.edge.requests.callback import sent_callbacks

router = APIRouter(route_class=LedgerRoute, tags=["teams"])


@router.post("/team/new")
async def new_team(caller: CallerDep, body: requests.NewTeam) -> Response:
    """Create a team; the caller joins it as admin."""
    vault, zone = caller.context.vault, caller.context.zone
    team_id = body.team_id or str(uuid.uuid4())
    logging = await build.callbacks(vault, team_id, sent_callbacks(body.metadata) or [])
    command = NewTeam(
        team_id=team_id,
        fresh=body.team_id is None,
        settings=build.new_settings(body, logging),
        members=[build.candidate(vault, member) for member in body.members_with_roles],
        creator=build.creator(vault, caller.principal),
    )
    done = await caller.carry_out(command, lambda made: render.new_team(made, zone))
    return await caller.respond(done)


@router.post("/team/update")
async def update_team(caller: CallerDep, body: requests.UpdateTeam) -> Response:
    """Change what is sent: absent stays as it is, null clears."""
    vault, zone = caller.context.vault, caller.context.zone
    changes = build.changes(body)
    if (sent := sent_callbacks(body.metadata)) is not None:
        changes["callbacks"] = await build.callbacks(vault, body.team_id, sent)
    done = await caller.carry_out(
        ReviseTeam(body.team_id, changes, build.believed_roster(vault, body.members_with_roles)),
        lambda made: {
            "team_id": body.team_id,
            "data": render.team_row(made, zone, load_model_table=True),
        },
    )
    return await caller.respond(done)


@router.post("/team/delete")
async def delete_teams(caller: CallerDep, body: requests.DeleteTeams) -> Response:
    """Delete all of these teams or none, with their keys and memberships."""
    done = await caller.carry_out(
        DeleteTeams(body.team_ids), lambda deleted: {"deleted_teams": deleted}
    )
    return await caller.respond(done)


@router.post("/team/block")
async def block_team(caller: CallerDep, body: requests.BlockTeam) -> Response:
    """Refuse every request of the team's keys from now on."""
    return await _set_blocked(caller, body, blocked=True)


@router.post("/team/unblock")
async def unblock_team(caller: CallerDep, body: requests.BlockTeam) -> Response:
    """Let the team's keys work again."""
    return await _set_blocked(caller, body, blocked=False)


async def _set_blocked(caller: CallerDep, body: requests.BlockTeam, *, blocked: bool) -> Response:
    zone = caller.context.zone
    done = await caller.carry_out(
        BlockTeam(body.team_id, blocked),
        lambda made: render.team_row(made, zone, load_model_table=False),
    )
    return await caller.respond(done)
