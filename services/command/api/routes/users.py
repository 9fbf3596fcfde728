"""Routes on users (supporting-api.md 3.1, 3.4, 3.5)."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from events.values import JsonObject
from services.command.api import build, render
from services.command.api.build_key import new_key
from services.command.api.build_user import update_user, user_settings
from services.command.api.context import CallerDep
from services.command.application.answers import KeyAnswer, UserAnswer
from services.command.application.departures import DeleteUsers
from services.command.application.users import Joining, NewUser
from services.edge.body import LedgerRoute
from services.edge.requests import key as key_requests
from services.edge.requests import user as requests
from services.edge.shapes.user import new_user_answer

router = APIRouter(route_class=LedgerRoute, tags=["users"])


@router.post("/user/new")
async def new_user(caller: CallerDep, body: requests.NewUser) -> Response:
    """Create a user, by default with a key of his own, in his teams and organizations.

    Admins of organizations may, for organizations of their own alone.
    """
    vault = caller.context.vault
    person = vault.new_person()
    user_id = body.user_id or str(uuid.uuid4())
    secret, key = "", None
    if body.auto_create_key:
        wanted = key_requests.GenerateKey(
            user_id=user_id,
            key_alias=body.key_alias,
            duration=body.duration,
            models=body.models,
            allowed_routes=[],
        )
        secret, key = new_key(wanted, caller.now)
    command = NewUser(
        user_id=user_id,
        fresh=body.user_id is None,
        settings=user_settings(vault, person, body),
        email=build.email_claim(vault, body.user_email, person),
        wrapped=person.wrapped,
        key=key,
        joining=[
            Joining(t.team_id, t.user_role, build.own_limits(t.max_budget_in_team))
            for t in body.teams or []
        ],
        organizations=_organizations(body),
    )
    done = await caller.carry_out(command, lambda made: _answer(made, secret))
    return await caller.respond(done)


def _organizations(body: requests.NewUser) -> list[str]:
    single = [] if body.organization_id is None else [body.organization_id]
    return list(dict.fromkeys([*(body.organizations or []), *single]))


def _answer(made: tuple[UserAnswer, KeyAnswer | None], secret: str) -> JsonObject:
    user, key = made
    view = None if key is None else render.key_view(key)
    return new_user_answer(render.user_view(user), view, secret)


@router.post("/user/update")
async def change_user(caller: CallerDep, body: requests.UpdateUser) -> Response:
    """Change what is sent; a proxy admin makes a user that is not there.

    Others change nobody but themselves, and of themselves only alias and metadata.
    """
    zone, now = caller.context.zone, caller.now
    command = update_user(caller.context.vault, body)
    done = await caller.carry_out(command, lambda made: render.updated_user(made, now, zone))
    return await caller.respond(done)


@router.post("/user/delete")
async def delete_users(caller: CallerDep, body: requests.DeleteUsers) -> Response:
    """Delete all of these users or none; the answer is their number.

    Their keys are refused, and they are in no team, from the next request on.
    """
    done = await caller.carry_out(DeleteUsers(body.user_ids), lambda number: number)
    return await caller.respond(done)
