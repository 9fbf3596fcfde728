"""KeyRow and the answers of /key/generate and /key/info (team-api.md 2.3, supporting-api.md 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from events.values import JsonObject
from services.edge.shapes.money import NOTHING_SPENT, Spent, usd
from services.edge.shapes.times import budget_reset_at, iso, iso_with_offset


@dataclass(frozen=True, slots=True)
class KeyView:
    """A virtual key as answers need it; `token` is the sha256 of the key, which nobody stores.

    `settings` is the JSON form of events.key.KeySettings; its `extra` holds the fields of the
    request that have no typed place, under their own names. `created_by`, `updated_by`: user ids.
    `budget_since` is when the present budget duration was set. `rotations` is how often the key got
    a new secret, `rotated_at` when it got this one by rotation. `team_organization` is where its
    team is.
    """

    token: str
    settings: JsonObject
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    updated_by: str | None
    budget_since: datetime
    rotations: int = 0
    rotated_at: datetime | None = None
    team_organization: str | None = None

    @property
    def organization_id(self) -> str | None:
        """The organization that the key counts for: its own, else that of its team."""
        own: str | None = self.settings["organization_id"]
        return own or self.team_organization


def key_row(
    view: KeyView,
    now: datetime,
    zone: tzinfo,
    *,
    with_token: bool,
    spend: Spent = NOTHING_SPENT,
) -> JsonObject:
    """KeyRow: all columns and relations. Without `with_token` the hash is left out (D08)."""
    settings = view.settings
    extra, limits = settings["extra"], settings["limits"]
    row: JsonObject = {"token": view.token} if with_token else {}
    row |= {
        "key_name": settings["key_name"],
        "key_alias": settings["key_alias"],
        "soft_budget_cooldown": False,
        "spend": usd(spend),
        "expires": _expires_of_row(settings),
        "models": settings["models"],
        "aliases": extra.get("aliases") or {},
        "config": extra.get("config") or {},
        "router_settings": extra.get("router_settings") or {},
        "user_id": settings["user_id"],
        "team_id": settings["team_id"],
        "agent_id": extra.get("agent_id"),
        "project_id": extra.get("project_id"),
        "permissions": extra.get("permissions") or {},
        "max_parallel_requests": settings["max_parallel_requests"],
        "metadata": settings["metadata"],
        "blocked": settings["blocked"],
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "max_budget": usd(settings["max_budget"]),
        "budget_duration": settings["budget_duration"],
        "budget_reset_at": budget_reset_at(
            settings["budget_duration"], view.budget_since, now, zone
        ),
        "allowed_cache_controls": extra.get("allowed_cache_controls") or [],
        "allowed_routes": settings["allowed_routes"],
        "policies": [],
        "access_group_ids": extra.get("access_group_ids") or [],
        "model_spend": {},
        "model_max_budget": extra.get("model_max_budget") or {},
        "budget_id": extra.get("budget_id"),
        "organization_id": view.organization_id,
        "object_permission_id": extra.get("object_permission_id"),
        "created_at": iso(view.created_at),
        "created_by": view.created_by,
        "updated_at": iso(view.updated_at),
        "updated_by": view.updated_by,
        "last_active": None,
        "rotation_count": view.rotations,
        "auto_rotate": extra.get("auto_rotate") or False,
        "rotation_interval": extra.get("rotation_interval"),
        "last_rotation_at": None if view.rotated_at is None else iso(view.rotated_at),
        "key_rotation_at": None,
        "litellm_budget_table": _budget_table(settings),
        "litellm_organization_table": None,
        "litellm_project_table": None,
        "object_permission": None,
        "jwt_key_mappings": None,
    }
    return row


def key_blocked(
    view: KeyView,
    now: datetime,
    zone: tzinfo,
    *,
    with_token: bool,
    spend: Spent = NOTHING_SPENT,
) -> JsonObject:
    """The answer of POST /key/block, typed by LiteLLM: it names the organization `org_id`, too."""
    row = key_row(view, now, zone, with_token=with_token, spend=spend)
    return {**row, "org_id": view.settings["organization_id"]}


def key_info(
    view: KeyView, asked: str, now: datetime, zone: tzinfo, *, spend: Spent = NOTHING_SPENT
) -> JsonObject:
    """The answer of GET /key/info: `asked` as the caller sent it, the row without its hash."""
    row = key_row(view, now, zone, with_token=False, spend=spend)
    row["object_permission"] = view.settings["extra"].get("object_permission")
    return {"key": asked, "info": row}


def key_infos(
    views: Mapping[str, tuple[KeyView, Decimal]], now: datetime, zone: tzinfo
) -> JsonObject:
    """The answer of POST /v2/key/info: keys as the caller named them, and the row of each.

    Each comes with what it has spent, in USD.
    """
    rows = [
        {
            **key_row(view, now, zone, with_token=True, spend=spend),
            "object_permission": view.settings["extra"].get("object_permission"),
        }
        for view, spend in views.values()
    ]
    return {"key": list(views), "info": rows}


def generated(view: KeyView, secret: str, *, spend: Spent = NOTHING_SPENT) -> JsonObject:
    """The answer of POST /key/generate, the only one that ever shows the key itself.

    Fields that live in `metadata` are null at the top level.
    """
    settings = view.settings
    extra, limits = settings["extra"], settings["limits"]
    return {
        "key_alias": settings["key_alias"],
        "duration": extra.get("duration"),
        "models": settings["models"],
        "spend": usd(spend),
        "max_budget": usd(settings["max_budget"]),
        "user_id": settings["user_id"],
        "team_id": settings["team_id"],
        "agent_id": extra.get("agent_id"),
        "max_parallel_requests": settings["max_parallel_requests"],
        "metadata": settings["metadata"],
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "budget_duration": settings["budget_duration"],
        "allowed_cache_controls": extra.get("allowed_cache_controls") or [],
        "config": extra.get("config") or {},
        "permissions": extra.get("permissions") or {},
        "model_max_budget": extra.get("model_max_budget") or {},
        "model_rpm_limit": None,
        "model_tpm_limit": None,
        "guardrails": None,
        "policies": None,
        "prompts": None,
        "blocked": settings["blocked"],
        "aliases": extra.get("aliases") or {},
        "object_permission": extra.get("object_permission"),
        "key": secret,
        "budget_id": extra.get("budget_id"),
        "tags": None,
        "enforced_params": None,
        "allowed_routes": settings["allowed_routes"],
        "allowed_passthrough_routes": None,
        "allowed_vector_store_indexes": None,
        "rpm_limit_type": None,
        "tpm_limit_type": None,
        "router_settings": _every_router_setting(extra.get("router_settings") or {}),
        "access_group_ids": extra.get("access_group_ids") or [],
        "key_name": settings["key_name"],
        "expires": expires(settings),
        "token_id": view.token,
        "organization_id": view.organization_id,
        "project_id": extra.get("project_id"),
        "litellm_budget_table": _budget_table(settings),
        "token": view.token,
        "created_by": view.created_by,
        "updated_by": view.updated_by,
        "created_at": iso(view.created_at),
        "updated_at": iso(view.updated_at),
    }


def expires(settings: JsonObject) -> str | None:
    """When a key of these settings stops working, as typed answers write it; None for never."""
    moment = settings["expires"]
    return None if moment is None else iso(datetime.fromisoformat(moment))


def _expires_of_row(settings: JsonObject) -> str | None:
    moment = settings["expires"]
    return None if moment is None else iso_with_offset(datetime.fromisoformat(moment))


def _budget_table(settings: JsonObject) -> JsonObject | None:
    """A key has a Budget of its own only where a soft budget was asked for."""
    if settings["soft_budget"] is None:
        return None
    limits = settings["limits"]
    return {
        "budget_id": settings["extra"].get("budget_id"),
        "soft_budget": usd(settings["soft_budget"]),
        "max_budget": usd(settings["max_budget"]),
        "max_parallel_requests": settings["max_parallel_requests"],
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "model_max_budget": None,
        "budget_duration": settings["budget_duration"],
    }


_ROUTER_SETTINGS: JsonObject = {
    "routing_strategy_args": None,
    "routing_strategy": None,
    "model_group_retry_policy": None,
    "allowed_fails": None,
    "cooldown_time": None,
    "num_retries": None,
    "timeout": None,
    "max_retries": None,
    "retry_after": None,
    "fallbacks": None,
    "context_window_fallbacks": None,
    "model_group_alias": {},
}


def _every_router_setting(given: JsonObject) -> JsonObject:
    return {name: given.get(name, default) for name, default in _ROUTER_SETTINGS.items()}
