"""From a validated request about a key to a command: the secret is drawn and hashed here."""

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from events.duration import BudgetDuration
from events.key import GATEWAY_ROUTES, KeySettings
from events.values import RateLimits
from services.access.credentials import hash_key
from services.command.api.build import object_permission
from services.command.application.bulk_keys import BulkUpdateKeys, KeyChange
from services.command.application.key_rotation import NewSecret, RegenerateKey
from services.command.application.keys import NewKey
from services.command.application.service_keys import NewServiceKey
from services.edge.errors import MANAGEMENT, ShapeA, ShapeB
from services.edge.requests import key as requests

TEAM_REQUIRED = (
    "team_id is required for service account keys. Please specify `team_id` in the request body."
)
NOT_A_KEY = (
    "New key must start with 'sk-'. This is to distinguish a key hash (used by litellm for logging "
    "/ internal logic) from the actual key."
)
NO_MASTER_KEY = (
    "The master key is part of the configuration: set it there, and start the service again"
)
_PLAIN_OR_HASH = re.compile(r"sk-[A-Za-z0-9_-]+|[0-9a-fA-F]{64}")
_PRESETS = {
    "llm_api": ["llm_api_routes"],
    "management": ["management_routes"],
    "read_only": ["info_routes"],
    "gateway": [GATEWAY_ROUTES],
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


def new_key(body: requests.GenerateKey, now: datetime) -> tuple[str, NewKey]:
    """The secret and the command that makes its key. Raises ShapeB 400 for a bad own secret."""
    secret = body.key or _drawn()
    if not secret.startswith("sk-"):
        raise ShapeB(
            400,
            "Invalid key format. LiteLLM Virtual Key must start with 'sk-'. "
            f"Received: {secret[:4]}****",
            family=MANAGEMENT,
        )
    return secret, NewKey(hash_key(secret), key_settings(body, secret, now), body.key is None)


def new_service_key(body: requests.GenerateKey, now: datetime) -> tuple[str, NewServiceKey]:
    """As `new_key`, for a team and nobody in it. Raises ShapeA 400 where no team is named."""
    if body.team_id is None:
        raise ShapeA(400, TEAM_REQUIRED, key=None)
    secret, made = new_key(body.model_copy(update={"user_id": None}), now)
    return secret, NewServiceKey(made, body.team_id)


def regenerate_key(
    body: requests.RegenerateKey, named: str | None, route: str, now: datetime
) -> tuple[str, RegenerateKey]:
    """The new secret and the command that puts it in the place of the one that is `named`.

    Raises ShapeB 400 where no key is named or the new secret is none.
    """
    key = named or body.key
    if not key:
        raise ShapeB(400, "No key passed in.", family=MANAGEMENT)
    if body.new_master_key is not None:
        raise ShapeB(400, NO_MASTER_KEY, family=MANAGEMENT)
    secret = body.new_key or _drawn()
    if not secret.startswith("sk-"):
        raise ShapeB(400, NOT_A_KEY, family=MANAGEMENT)
    grace = body.grace_period
    until = None if grace is None else BudgetDuration.parse(grace).expires_after(now)
    new = NewSecret(hash_key(secret), _name(secret), until, body.new_key is None)
    return secret, RegenerateKey(token_of(key), key, key_changes(body, now), new, route)


def bulk_update(body: requests.BulkUpdateKeys, now: datetime) -> BulkUpdateKeys:
    """The command that changes these keys; each item is an update of its own."""
    items: list[KeyChange] = []
    for item in body.keys:
        update = requests.UpdateKey.model_construct(_fields_set=item.model_fields_set, **dict(item))
        items.append(KeyChange(token_of(item.key), item.key, key_changes(update, now)))
    return BulkUpdateKeys(items)


def _drawn() -> str:
    return "sk-" + secrets.token_urlsafe(16)


def _name(secret: str) -> str:
    """What is shown of a secret (auth.md 1.2)."""
    return f"sk-...{secret[-4:]}"


def key_settings(body: requests.GenerateKey, secret: str, now: datetime) -> KeySettings:
    """What is kept of the request; fields without a typed place go into `extra` as they are."""
    sent = body.model_dump(mode="json")
    extra = {name: sent[name] for name in _EXTRA if sent[name] not in (None, {}, [], False)}
    if (permission := object_permission(body.object_permission)) is not None:
        extra["object_permission"] = permission.permissions
        extra["object_permission_id"] = permission.object_permission_id
    kept = {name: sent[name] for name in _IN_METADATA if sent[name] is not None}
    return KeySettings(
        key_name=_name(secret),
        key_alias=body.key_alias,
        user_id=body.user_id,
        team_id=body.team_id,
        organization_id=body.organization_id or None,
        expires=_expires(body.duration, now),
        blocked=body.blocked,
        models=list(body.models or []),
        allowed_routes=_routes(body),
        max_budget=body.max_budget,
        soft_budget=body.soft_budget,
        budget_duration=body.budget_duration,
        limits=RateLimits(tpm_limit=body.tpm_limit, rpm_limit=body.rpm_limit),
        max_parallel_requests=body.max_parallel_requests,
        metadata={**(body.metadata or {}), **kept},
        extra=extra,
    )


def _routes(body: requests.GenerateKey) -> list[str]:
    """Those sent, else those of the type; the type of a gateway is never left out of account."""
    preset = _PRESETS.get(body.key_type or "", [])
    sent = list(body.allowed_routes or preset)
    missing = body.key_type == "gateway" and GATEWAY_ROUTES not in sent
    return [*sent, *preset] if missing else sent


def token_of(key: str) -> str:
    """The hash of a key given plain or as its hash."""
    return hash_key(key) if key.startswith("sk-") else key.lower()


def well_formed(key: str) -> str:
    """The key, plain or hashed, as `/key/block` takes it (2.7). Raises ShapeB 400 for another."""
    if not _PLAIN_OR_HASH.fullmatch(key):
        raise ShapeB(400, "Invalid key format.", family=MANAGEMENT)
    return key


def key_changes(body: requests.KeyChanges, now: datetime) -> dict[str, Any]:
    """What `/key/update` asks for, as `domain.key_update.revised` takes it: only what was sent."""
    sent, plain = body.model_fields_set, body.model_dump(mode="json")
    result = {name: make(body) for name, make in _WHOLE.items() if name in sent}
    if "duration" in sent:
        result["expires"] = _expires(body.duration, now)
    if limits := {name: getattr(body, name) for name in _LIMITS if name in sent}:
        result["limits"] = limits
    metadata = {name: plain[name] for name in (*_IN_METADATA, *_TEMPORARY) if name in sent}
    if metadata or "metadata" in sent:
        whole = (body.metadata or {}) if "metadata" in sent else None
        result["metadata"] = (whole, metadata)
    extra = {name: plain[name] or None for name in _EXTRA if name in sent}
    if "object_permission" in sent:
        extra |= _permission(body)
    if extra:
        result["extra"] = extra
    return result


_WHOLE: dict[str, Callable[[requests.KeyChanges], Any]] = {
    "key_alias": lambda body: body.key_alias,
    "user_id": lambda body: body.user_id,
    "team_id": lambda body: body.team_id,
    "organization_id": lambda body: body.organization_id or None,
    "blocked": lambda body: body.blocked,
    "models": lambda body: list(body.models or []),
    "allowed_routes": lambda body: list(body.allowed_routes or []),
    "max_budget": lambda body: body.max_budget,
    "soft_budget": lambda body: body.soft_budget,
    "budget_duration": lambda body: body.budget_duration,
    "max_parallel_requests": lambda body: body.max_parallel_requests,
}
_LIMITS = ("tpm_limit", "rpm_limit")
_TEMPORARY = ("temp_budget_increase", "temp_budget_expiry")


def _permission(body: requests.KeyChanges) -> dict[str, Any]:
    permission = object_permission(body.object_permission)
    return {
        "object_permission": None if permission is None else permission.permissions,
        "object_permission_id": None if permission is None else permission.object_permission_id,
    }


def _expires(duration: str | None, now: datetime) -> datetime | None:
    """When a key of that duration ends; "-1" and null are for ever (2.4)."""
    if duration is None or duration == requests.FOR_EVER:
        return None
    return BudgetDuration.parse(duration).expires_after(now)
