"""Routes on users (supporting-api.md 3.1)."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from events.user import UserSettings
from events.values import JsonObject, RateLimits
from services.command.api import build, render
from services.command.api.build_key import new_key
from services.command.api.context import CallerDep
from services.command.application.answers import KeyAnswer, UserAnswer
from services.command.application.users import Joining, NewUser
from services.database.vault import Person, Vault
from services.edge.body import LedgerRoute
from services.edge.requests import key as key_requests
from services.edge.requests import user as requests
from services.edge.shapes.user import new_user_answer

router = APIRouter(route_class=LedgerRoute, tags=["users"])

_EXTRA = (
    "aliases",
    "config",
    "permissions",
    "allowed_cache_controls",
    "model_max_budget",
    "sso_user_id",
)


@router.post("/user/new")
async def new_user(caller: CallerDep, body: requests.NewUser) -> Response:
    """Create a user, by default with a key of his own."""
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
        settings=_settings(vault, person, body),
        email=build.email_claim(vault, body.user_email, person),
        wrapped=person.wrapped,
        key=key,
        joining=[
            Joining(t.team_id, t.user_role, build.own_limits(t.max_budget_in_team))
            for t in body.teams or []
        ],
        organizations=list(body.organizations or []),
    )
    done = await caller.carry_out(command, lambda made: _answer(made, secret))
    return await caller.respond(done)


def _answer(made: tuple[UserAnswer, KeyAnswer | None], secret: str) -> JsonObject:
    user, key = made
    view = None if key is None else render.key_view(key)
    return new_user_answer(render.user_view(user), view, secret)


def _settings(vault: Vault, person: Person, body: requests.NewUser) -> UserSettings:
    email, sent = body.user_email, body.model_dump(mode="json")
    extra = {name: sent[name] for name in _EXTRA if sent[name] not in (None, {}, [])}
    return UserSettings(
        person=person.person,
        email=None if email is None else person.seal(email),
        email_claim=None if email is None else vault.claim(email),
        user_alias=None if body.user_alias is None else person.seal(body.user_alias),
        user_role=body.user_role,
        max_budget=body.max_budget,
        budget_duration=body.budget_duration,
        limits=RateLimits(tpm_limit=body.tpm_limit, rpm_limit=body.rpm_limit),
        max_parallel_requests=body.max_parallel_requests,
        models=list(body.models or []),
        metadata=body.metadata or {},
        extra=extra,
    )
