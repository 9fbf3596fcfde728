"""Routes on the members of one organization (supporting-api.md 4)."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api import build
from services.command.api import render_organization as render
from services.command.api.build_organization import joining
from services.command.api.context import CallerDep
from services.command.application.organization_members import (
    AddOrganizationMembers,
    RemoveOrganizationMember,
    UpdateOrganizationMember,
)
from services.edge.body import LedgerRoute
from services.edge.requests import organization as requests

router = APIRouter(route_class=LedgerRoute, tags=["organizations"])


@router.post("/organization/member_add")
async def add_members(caller: CallerDep, body: requests.OrganizationMemberAdd) -> Response:
    """Add users by id or e-mail; those that nobody knew are created."""
    vault, now, zone = caller.context.vault, caller.now, caller.context.zone
    max_budget = body.max_budget_in_organization
    members = [joining(vault, member, max_budget) for member in body.members]
    command = AddOrganizationMembers(body.organization_id, members)
    done = await caller.carry_out(command, lambda made: render.added_members(made, now, zone))
    return await caller.respond(done)


@router.patch("/organization/member_update")
async def update_member(caller: CallerDep, body: requests.OrganizationMemberUpdate) -> Response:
    """Change the role, or the budget, of one member: absent stays as it is."""
    limits = {}
    if "max_budget_in_organization" in body.model_fields_set:
        limits["max_budget"] = body.max_budget_in_organization
    command = UpdateOrganizationMember(
        body.organization_id,
        build.by_name(caller.context.vault, body),
        body.role,
        limits,
        str(uuid.uuid4()),
    )
    done = await caller.carry_out(command, render.one_membership)
    return await caller.respond(done)


@router.delete("/organization/member_delete")
async def remove_member(caller: CallerDep, body: requests.OrganizationMemberDelete) -> Response:
    """Take one user out; he stays in the organization's teams. Null for who was not in it."""
    command = RemoveOrganizationMember(
        body.organization_id, build.by_name(caller.context.vault, body)
    )
    done = await caller.carry_out(command, render.one_membership)
    return await caller.respond(done)
