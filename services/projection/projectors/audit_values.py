"""Values of facts under the flat column names of the contract, as audit entries show them.

Money is a JSON number of US dollars, limits are per minute. Personal data stays sealed: an object
`{"sealed": {"person", "box"}}` that the API opens when it answers.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from events.budget import BudgetSettings
from events.key import KeySettings
from events.organization import OrganizationSettings
from events.team import TeamSettings
from events.user import UserSettings
from events.values import (
    Callback,
    MemberLimits,
    ObjectPermission,
    RateLimits,
    Sealed,
    TeamBudget,
    timestamp,
)
from services.edge.shapes.team import logging as shown_callbacks

Values = dict[str, Any]


def number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def sealed(box: Sealed | None) -> Values | None:
    return None if box is None else {"sealed": box.model_dump()}


def budget(value: TeamBudget) -> Values:
    return {
        "max_budget": number(value.max_budget),
        "soft_budget": number(value.soft_budget),
        "budget_duration": value.budget_duration,
    }


def rate_limits(value: RateLimits) -> Values:
    return {"tpm_limit": value.tpm_limit, "rpm_limit": value.rpm_limit}


def member_defaults(value: MemberLimits | None) -> Values:
    return {
        "team_member_budget_id": value.budget_id if value else None,
        "team_member_budget": number(value.max_budget) if value else None,
        "team_member_budget_duration": value.budget_duration if value else None,
        "team_member_tpm_limit": value.tpm_limit if value else None,
        "team_member_rpm_limit": value.rpm_limit if value else None,
    }


def member_limits(value: MemberLimits | None) -> Values:
    return {
        "budget_id": value.budget_id if value else None,
        "max_budget_in_team": number(value.max_budget) if value else None,
        "budget_duration": value.budget_duration if value else None,
        "tpm_limit": value.tpm_limit if value else None,
        "rpm_limit": value.rpm_limit if value else None,
    }


def object_permission(value: ObjectPermission | None) -> Values | None:
    if value is None:
        return None
    return {**value.permissions, "object_permission_id": value.object_permission_id}


def logging(value: Sequence[Callback]) -> Values:
    """As a part of metadata, where clients know it; of secrets only their masks."""
    held = [callback.model_dump(mode="json") for callback in value]
    return {"logging": shown_callbacks(held)} if held else {}


def team(team_id: str, settings: TeamSettings) -> Values:
    return {
        "team_id": team_id,
        "team_alias": settings.team_alias,
        "organization_id": settings.organization_id,
        "admins": settings.admins,
        "members": settings.members,
        "metadata": {**settings.metadata, **logging(settings.callbacks)},
        **budget(settings.budget),
        **rate_limits(settings.limits),
        "models": settings.models,
        "blocked": settings.blocked,
        "model_aliases": settings.model_aliases,
        "object_permission": object_permission(settings.object_permission),
        "router_settings": settings.router_settings,
        "access_group_ids": settings.access_group_ids,
        "team_member_permissions": settings.member_permissions,
        **member_defaults(settings.member_defaults),
    }


def user(user_id: str, settings: UserSettings) -> Values:
    return {
        **settings.extra,
        "user_id": user_id,
        "user_email": sealed(settings.email),
        "user_alias": sealed(settings.user_alias),
        "user_role": settings.user_role,
        "max_budget": number(settings.max_budget),
        "budget_duration": settings.budget_duration,
        **rate_limits(settings.limits),
        "max_parallel_requests": settings.max_parallel_requests,
        "models": settings.models,
        "metadata": settings.metadata,
    }


def shared_budget(budget_id: str, settings: BudgetSettings) -> Values:
    values = settings.model_dump(mode="json")
    for name in ("max_budget", "soft_budget"):
        values[name] = number(getattr(settings, name))
    return {"budget_id": budget_id, **values}


def organization(organization_id: str, settings: OrganizationSettings) -> Values:
    return {
        "organization_id": organization_id,
        "organization_alias": settings.organization_alias,
        "budget_id": settings.budget_id,
        "models": settings.models,
        "metadata": settings.metadata,
        "object_permission": object_permission(settings.object_permission),
    }


def organization_limits(value: MemberLimits | None) -> Values:
    return {
        "budget_id": value.budget_id if value else None,
        "max_budget_in_organization": number(value.max_budget) if value else None,
    }


def user_part(changed: Mapping[str, Any]) -> Values:
    """Attributes of UserSettings, whichever are there, under the names of the contract."""
    part = dict(changed)
    if (limits := part.pop("limits", None)) is not None:
        part |= rate_limits(limits)
    if (extra := part.pop("extra", None)) is not None:
        part |= extra
    if "max_budget" in part:
        part["max_budget"] = number(part["max_budget"])
    if "user_alias" in part:
        part["user_alias"] = sealed(part["user_alias"])
    return part


def key_part(changed: Mapping[str, Any]) -> Values:
    """Attributes of KeySettings, whichever are there, under the names of the contract."""
    part = dict(changed)
    if (limits := part.pop("limits", None)) is not None:
        part |= rate_limits(limits)
    if (extra := part.pop("extra", None)) is not None:
        part |= extra
    for name in ("team_incarnation", "member_since"):
        part.pop(name, None)
    for name in ("max_budget", "soft_budget"):
        if name in part:
            part[name] = number(part[name])
    if part.get("expires") is not None:
        part["expires"] = timestamp(part["expires"])
    return part


def key(token: str, settings: KeySettings) -> Values:
    return {
        **settings.extra,
        "token": token,
        "key_name": settings.key_name,
        "key_alias": settings.key_alias,
        "user_id": settings.user_id,
        "team_id": settings.team_id,
        "organization_id": settings.organization_id,
        "expires": timestamp(settings.expires) if settings.expires else None,
        "blocked": settings.blocked,
        "models": settings.models,
        "allowed_routes": settings.allowed_routes,
        "max_budget": number(settings.max_budget),
        "soft_budget": number(settings.soft_budget),
        "budget_duration": settings.budget_duration,
        **rate_limits(settings.limits),
        "max_parallel_requests": settings.max_parallel_requests,
        "metadata": settings.metadata,
    }
