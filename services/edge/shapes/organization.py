"""Organization and OrgMembership (supporting-api.md 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from events.values import JsonObject, Sealed
from services.edge.shapes.budget import BudgetView, budget
from services.edge.shapes.money import NOTHING_SPENT, Spent, usd
from services.edge.shapes.times import iso


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization as answers need it, with the budget it has, unless that is gone.

    `settings` is the JSON form of events.organization.OrganizationSettings.
    """

    organization_id: str
    settings: JsonObject
    budget: BudgetView | None
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    updated_by: str | None


@dataclass(frozen=True, slots=True)
class MembershipView:
    """One member; `limits` is the JSON form of MemberLimits, his own, if any."""

    user_id: str
    organization_id: str
    role: str
    limits: JsonObject | None
    created_at: datetime
    updated_at: datetime


def organization(view: OrganizationView, *, spend: Spent = NOTHING_SPENT) -> JsonObject:
    """The typed Organization, as /organization/new answers it."""
    return {**_head(view, spend), **_tail(view)}


def organization_with(
    view: OrganizationView,
    members: object,
    teams: object,
    *,
    spend: Spent = NOTHING_SPENT,
    totals: Mapping[str, int] | None = None,
) -> JsonObject:
    """The Organization with `members` and `teams`; `totals` count what is cut there."""
    lists = {"members": members, "teams": teams, **(totals or {})}
    return {**_head(view, spend), **lists, **_tail(view)}


def _head(view: OrganizationView, spend: Spent) -> JsonObject:
    settings = view.settings
    held = settings["object_permission"]
    return {
        "organization_id": view.organization_id,
        "organization_alias": settings["organization_alias"],
        "budget_id": settings["budget_id"],
        "spend": usd(spend),
        "metadata": settings["metadata"],
        "models": settings["models"],
        "created_by": view.created_by or "",
        "updated_by": view.updated_by or "",
        "users": None,
        "litellm_budget_table": None if view.budget is None else budget(view.budget),
        "object_permission": _object_permission(held),
        "object_permission_id": None if held is None else held["object_permission_id"],
    }


def _tail(view: OrganizationView) -> JsonObject:
    return {"created_at": iso(view.created_at), "updated_at": iso(view.updated_at)}


def _object_permission(held: JsonObject | None) -> JsonObject | None:
    if held is None:
        return None
    allowed: JsonObject = held["permissions"]
    lists = ("mcp_servers", "mcp_access_groups", "vector_stores", "agents", "agent_access_groups")
    return {
        "object_permission_id": held["object_permission_id"],
        "mcp_tool_permissions": allowed.get("mcp_tool_permissions"),
        **{name: allowed.get(name, []) for name in lists},
    }


def membership(
    view: MembershipView,
    *,
    email: str | Sealed | None = None,
    user: JsonObject | None = None,
    spend: Spent = NOTHING_SPENT,
) -> JsonObject:
    """OrgMembership with the member's own budget; `user` and his address only where all is told."""
    return {
        "user_id": view.user_id,
        "organization_id": view.organization_id,
        "user_role": view.role,
        "spend": usd(spend),
        "budget_id": None if view.limits is None else view.limits["budget_id"],
        "created_at": iso(view.created_at),
        "updated_at": iso(view.updated_at),
        "user": user,
        "litellm_budget_table": None if view.limits is None else _own_budget(view.limits),
        "user_email": email,
    }


def _own_budget(limits: JsonObject) -> JsonObject:
    return {
        "budget_id": limits["budget_id"],
        "soft_budget": None,
        "max_budget": usd(limits["max_budget"]),
        "max_parallel_requests": None,
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "model_max_budget": None,
        "budget_duration": limits["budget_duration"],
    }


def cut(name: str, shown: Sequence[object], total: int) -> dict[str, int]:
    """`{name}_total`, where not all are shown."""
    return {f"{name}_total": total} if total > len(shown) else {}
