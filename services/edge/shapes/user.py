"""User, the user row and the answer of /user/new (team-api.md 2.3, supporting-api.md 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from events.values import JsonObject, Sealed
from services.edge.shapes.key import KeyView, expires
from services.edge.shapes.money import NOTHING_SPENT, Spent, usd
from services.edge.shapes.times import budget_reset_at, iso


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as answers need it, `email` and `alias` opened.

    `settings` is the JSON form of events.user.UserSettings; its `extra` holds the fields of the
    request that have no typed place. `teams` are the ids of the teams the user is a member of.
    `budget_since` is when the present budget duration was set, `version` that of his stream.
    """

    user_id: str
    settings: JsonObject
    email: str | Sealed | None
    alias: str | Sealed | None
    teams: Sequence[str]
    created_at: datetime
    updated_at: datetime
    budget_since: datetime
    version: int


def user(
    view: UserView, now: datetime, zone: tzinfo, *, spend: Spent = NOTHING_SPENT
) -> JsonObject:
    """The typed User (2.3): USD, tokens and requests per minute."""
    settings = view.settings
    extra, limits = settings["extra"], settings["limits"]
    return {
        "user_id": view.user_id,
        "max_budget": usd(settings["max_budget"]),
        "spend": usd(spend),
        "model_max_budget": extra.get("model_max_budget") or {},
        "model_spend": {},
        "user_email": view.email,
        "user_alias": view.alias,
        "models": settings["models"],
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "user_role": settings["user_role"],
        "organization_memberships": None,
        "teams": list(view.teams),
        "sso_user_id": extra.get("sso_user_id"),
        "budget_duration": settings["budget_duration"],
        "budget_reset_at": _reset_at(view, now, zone),
        "metadata": settings["metadata"],
        "created_at": iso(view.created_at),
        "updated_at": iso(view.updated_at),
        "object_permission": None,
    }


def listed_user(
    view: UserView,
    key_count: int,
    now: datetime,
    zone: tzinfo,
    *,
    spend: Spent = NOTHING_SPENT,
) -> JsonObject:
    """An item of /user/list (3.3): how many keys in force the user owns."""
    return {**user(view, now, zone, spend=spend), "key_count": key_count}


def _reset_at(view: UserView, now: datetime, zone: tzinfo) -> str | None:
    """From when the duration began to apply, whatever else changed since (S11, D38)."""
    return budget_reset_at(view.settings["budget_duration"], view.budget_since, now, zone)


def user_row(
    view: UserView, now: datetime, zone: tzinfo, *, spend: Spent = NOTHING_SPENT
) -> JsonObject:
    """The `user_info` of /user/info: all columns. There is no password to show (S01)."""
    settings = view.settings
    extra, limits = settings["extra"], settings["limits"]
    return {
        "user_id": view.user_id,
        "user_alias": view.alias,
        "team_id": None,
        "sso_user_id": extra.get("sso_user_id"),
        "organization_id": None,
        "object_permission_id": None,
        "password": None,
        "teams": list(view.teams),
        "user_role": settings["user_role"],
        "max_budget": usd(settings["max_budget"]),
        "spend": usd(spend),
        "user_email": view.email,
        "models": settings["models"],
        "metadata": settings["metadata"],
        "max_parallel_requests": settings["max_parallel_requests"],
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "budget_duration": settings["budget_duration"],
        "budget_reset_at": _reset_at(view, now, zone),
        "allowed_cache_controls": extra.get("allowed_cache_controls") or [],
        "policies": [],
        "model_spend": {},
        "model_max_budget": extra.get("model_max_budget") or {},
        "created_at": iso(view.created_at),
        "updated_at": iso(view.updated_at),
        "litellm_organization_table": None,
        "organization_memberships": [],
        "invitations_created": None,
        "invitations_updated": None,
        "invitations_user": None,
        "object_permission": None,
    }


def new_user_answer(view: UserView, key: KeyView | None, secret: str = "") -> JsonObject:
    """The answer of POST /user/new: the form of /key/generate, mostly null, plus the user.

    `key` and its `secret` where the request did not say `auto_create_key: false`; the contract
    shows the key and when it expires, and leaves `token` null (supporting-api.md 3.1).
    """
    settings = view.settings
    limits = settings["limits"]
    return {
        "key_alias": None,
        "duration": None,
        "models": settings["models"],
        "spend": 0.0,
        "max_budget": usd(settings["max_budget"]),
        "user_id": view.user_id,
        "team_id": None if key is None else key.settings["team_id"],
        "agent_id": None,
        "max_parallel_requests": settings["max_parallel_requests"],
        "metadata": settings["metadata"],
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "budget_duration": settings["budget_duration"],
        "allowed_cache_controls": [],
        "config": {},
        "permissions": {},
        "model_max_budget": None,
        "model_rpm_limit": None,
        "model_tpm_limit": None,
        "guardrails": None,
        "policies": None,
        "prompts": None,
        "blocked": None,
        "aliases": {},
        "object_permission": None,
        "key": secret,
        "budget_id": None,
        "tags": None,
        "enforced_params": None,
        "allowed_routes": [],
        "allowed_passthrough_routes": None,
        "allowed_vector_store_indexes": None,
        "rpm_limit_type": None,
        "tpm_limit_type": None,
        "router_settings": None,
        "access_group_ids": None,
        "key_name": None,
        "expires": None if key is None else expires(key.settings),
        "token_id": None,
        "organization_id": None,
        "project_id": None,
        "litellm_budget_table": None,
        "token": None,
        "created_by": None,
        "updated_by": None,
        "created_at": None,
        "updated_at": None,
        "user_email": view.email,
        "user_role": settings["user_role"],
        "teams": None,
        "user_alias": view.alias,
    }
