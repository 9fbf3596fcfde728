"""Routes on virtual keys (supporting-api.md 2.2, 2.5, 2.7)."""

import secrets
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from events.duration import BudgetDuration
from events.key import KeySettings
from events.values import RateLimits
from services.access.credentials import hash_key
from services.command.api import render
from services.command.api.build import object_permission
from services.command.api.context import Caller, CallerDep
from services.command.application.keys import BlockKey, DeleteKeys, NewKey
from services.edge.body import LedgerRoute
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.requests import key as requests
from services.edge.shapes.key import generated, key_row

router = APIRouter(route_class=LedgerRoute, tags=["keys"])

HASH_LENGTH = 64
_PRESETS = {
    "llm_api": ["llm_api_routes"],
    "management": ["management_routes"],
    "read_only": ["info_routes"],
}
_IN_METADATA = (
    "model_rpm_limit",
    "model_tpm_limit",
    "rpm_limit_type",
    "tpm_limit_type",
    "guardrails",
    "policies",
    "prompts",
    "tags",
    "enforced_params",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
)
_EXTRA = (
    "duration",
    "agent_id",
    "allowed_cache_controls",
    "config",
    "permissions",
    "model_max_budget",
    "aliases",
    "budget_id",
    "project_id",
    "router_settings",
    "access_group_ids",
    "auto_rotate",
    "rotation_interval",
)


@router.post("/key/generate")
async def generate_key(caller: CallerDep, body: requests.GenerateKey) -> Response:
    """Make a key; the answer is the only place that ever shows it."""
    secret, command = new_key(body, caller.now)
    done = await caller.carry_out(command, lambda made: generated(render.key_view(made), secret))
    return await caller.respond(done)


@router.post("/key/delete")
async def delete_keys(caller: CallerDep, body: requests.DeleteKeys) -> Response:
    """Delete keys by value, hash or alias; those that do not exist are not reported (S08)."""
    tokens = [(key, token_of(key)) for key in body.keys or []]
    command = DeleteKeys(tokens, body.key_aliases or [])
    done = await caller.carry_out(command, lambda deleted: {"deleted_keys": deleted})
    return await caller.respond(done)


@router.post("/key/block")
async def block_key(caller: CallerDep, body: requests.KeyRef) -> Response:
    """Refuse the key from now on."""
    return await _set_blocked(caller, body, blocked=True)


@router.post("/key/unblock")
async def unblock_key(caller: CallerDep, body: requests.KeyRef) -> Response:
    """Let the key work again."""
    return await _set_blocked(caller, body, blocked=False)


async def _set_blocked(caller: Caller, body: requests.KeyRef, *, blocked: bool) -> Response:
    zone, now = caller.context.zone, caller.now
    command = BlockKey(token_of(body.key), body.key, blocked)
    done = await caller.carry_out(
        command, lambda made: key_row(render.key_view(made), now, zone, with_token=True)
    )
    return await caller.respond(done)


def new_key(body: requests.GenerateKey, now: datetime) -> tuple[str, NewKey]:
    """The secret and the command that makes its key. Raises ShapeB 400 for a bad own secret."""
    secret = body.key or "sk-" + secrets.token_urlsafe(16)
    if not secret.startswith("sk-"):
        raise ShapeB(
            400,
            "Invalid key format. LiteLLM Virtual Key must start with 'sk-'. "
            f"Received: {secret[:4]}****",
            family=MANAGEMENT,
        )
    return secret, NewKey(hash_key(secret), key_settings(body, secret, now), body.key is None)


def key_settings(body: requests.GenerateKey, secret: str, now: datetime) -> KeySettings:
    """What is kept of the request; fields without a typed place go into `extra` as they are."""
    sent = body.model_dump(mode="json")
    extra = {name: sent[name] for name in _EXTRA if sent[name] not in (None, {}, [], False)}
    if (permission := object_permission(body.object_permission)) is not None:
        extra["object_permission"] = permission.permissions
        extra["object_permission_id"] = permission.object_permission_id
    kept = {name: sent[name] for name in _IN_METADATA if sent[name] is not None}
    duration = None if body.duration is None else BudgetDuration.parse(body.duration)
    return KeySettings(
        key_name=f"sk-...{secret[-4:]}",
        key_alias=body.key_alias,
        user_id=body.user_id,
        team_id=body.team_id,
        organization_id=body.organization_id or None,
        expires=None if duration is None else duration.expires_after(now),
        blocked=body.blocked,
        models=list(body.models or []),
        allowed_routes=list(body.allowed_routes or _PRESETS.get(body.key_type or "", [])),
        max_budget=body.max_budget,
        soft_budget=body.soft_budget,
        budget_duration=body.budget_duration,
        limits=RateLimits(tpm_limit=body.tpm_limit, rpm_limit=body.rpm_limit),
        max_parallel_requests=body.max_parallel_requests,
        metadata={**(body.metadata or {}), **kept},
        extra=extra,
    )


def token_of(key: str) -> str:
    """The hash of a key given plain or as its hash."""
    return hash_key(key) if key.startswith("sk-") else key.lower()
