"""Routes on whole organizations (supporting-api.md 4)."""

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api import build_organization as build
from services.command.api import render_organization as render
from services.command.api.context import CallerDep
from services.command.application.organization_deletion import DeleteOrganizations
from services.edge.body import LedgerRoute
from services.edge.requests import organization as requests

router = APIRouter(route_class=LedgerRoute, tags=["organizations"])


@router.post("/organization/new")
async def new_organization(caller: CallerDep, body: requests.NewOrganization) -> Response:
    """Create an organization, with a budget of its own unless it is to share one."""
    done = await caller.carry_out(build.new_organization(body), render.new_organization)
    return await caller.respond(done)


@router.patch("/organization/update")
async def update_organization(caller: CallerDep, body: requests.UpdateOrganization) -> Response:
    """Change what is sent with a value; metadata is merged, limits go to the budget.

    Teams are shown up to 20, beyond that their number: GET /organization/info shows all.
    """
    zone = caller.context.zone
    command = build.revised_organization(body)
    done = await caller.carry_out(command, lambda made: render.organization(made, zone))
    return await caller.respond(done)


@router.delete("/organization/delete")
async def delete_organizations(caller: CallerDep, body: requests.DeleteOrganizations) -> Response:
    """Delete all of these organizations or none, with their teams, keys and memberships.

    Keys stop and teams are gone at once; of many teams the archive entries follow in seconds.
    """
    command = DeleteOrganizations(body.organization_ids)
    done = await caller.carry_out(command, render.deleted_organizations)
    return await caller.respond(done)
