"""Team, TeamRow, DeletedTeam, Membership and Budget (team-api.md 2.1 to 2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from events.values import JsonObject, Sealed
from services.edge.shapes.money import NOTHING_SPENT, Spent, usd
from services.edge.shapes.times import budget_reset_at, iso


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a roster, joined with the user's e-mail address. `role` is admin or user."""

    user_id: str
    user_email: str | Sealed | None
    role: str


class Joined(Protocol):
    """What a roster entry has, whichever side it comes from; `user_email` may be under seal."""

    @property
    def user_id(self) -> str: ...

    @property
    def user_email(self) -> str | Sealed | None: ...

    @property
    def role(self) -> str: ...


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team as answers need it.

    `settings` is the JSON form of events.team.TeamSettings. `members` stand in the order in which
    they joined. `budget_since` is when the present budget duration was set, None for as long as
    the team exists. A team with model aliases has a `model_table_id`; `model_aliases_by` and
    `model_aliases_at` tell who set them last, and when (None: when the team was created).
    """

    team_id: str
    settings: JsonObject
    members: Sequence[Joined]
    created_at: datetime
    updated_at: datetime
    budget_since: datetime | None = None
    model_table_id: int | None = None
    model_aliases_by: str | None = None
    model_aliases_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a team, or a key, came to an end; `id` names the archive entry, as ids are used again.

    `by` is the user id of the caller, `by_api_key` the sha256 of the credential, `changed_by` the
    opened claim of the caller, where it counts (register D46).
    """

    id: str | None
    at: datetime
    by: str | None
    by_api_key: str | None
    changed_by: str | None = None


def team(
    view: TeamView,
    now: datetime,
    zone: tzinfo,
    *,
    spend: Spent = NOTHING_SPENT,
    load_model_table: bool = False,
) -> JsonObject:
    """The typed Team (2.1). USD, tokens and requests per minute; `object_permission` by id only.

    `load_model_table` as /team/new and /team/list do; all others show the id alone.
    """
    settings = view.settings
    budget, limits = settings["budget"], settings["limits"]
    return {
        "team_alias": settings["team_alias"],
        "team_id": view.team_id,
        "organization_id": settings["organization_id"],
        "admins": settings["admins"],
        "members": settings["members"],
        "members_with_roles": [
            {"user_id": m.user_id, "user_email": m.user_email, "role": m.role} for m in view.members
        ],
        "team_member_permissions": settings["member_permissions"],
        "metadata": _metadata(settings),
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "max_budget": usd(budget["max_budget"]),
        "soft_budget": usd(budget["soft_budget"]),
        "budget_duration": budget["budget_duration"],
        "models": settings["models"],
        "blocked": settings["blocked"],
        "router_settings": settings["router_settings"],
        "access_group_ids": settings["access_group_ids"],
        "spend": usd(spend),
        "max_parallel_requests": None,
        "budget_reset_at": _reset_at(view, now, zone),
        "model_id": view.model_table_id,
        "litellm_model_table": _model_table(view) if load_model_table else None,
        "object_permission": None,
        "updated_at": iso(view.updated_at),
        "created_at": iso(view.created_at),
        "object_permission_id": _object_permission_id(settings),
    }


def team_row(
    view: TeamView,
    now: datetime,
    zone: tzinfo,
    *,
    load_model_table: bool,
    spend: Spent = NOTHING_SPENT,
) -> JsonObject:
    """The untyped TeamRow (2.2): the columns of the table and the names of its relations."""
    settings = view.settings
    budget, limits = settings["budget"], settings["limits"]
    return {
        "team_id": view.team_id,
        "team_alias": settings["team_alias"],
        "organization_id": settings["organization_id"],
        "object_permission_id": _object_permission_id(settings),
        "admins": settings["admins"],
        "members": settings["members"],
        "members_with_roles": [
            {"role": m.role, "user_id": m.user_id, "user_email": m.user_email} for m in view.members
        ],
        "metadata": _metadata(settings),
        "max_budget": usd(budget["max_budget"]),
        "soft_budget": usd(budget["soft_budget"]),
        "spend": usd(spend),
        "models": settings["models"],
        "max_parallel_requests": None,
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "budget_duration": budget["budget_duration"],
        "budget_reset_at": _reset_at(view, now, zone),
        "blocked": settings["blocked"],
        "created_at": iso(view.created_at),
        "updated_at": iso(view.updated_at),
        "model_spend": {},
        "model_max_budget": {},
        "router_settings": settings["router_settings"],
        "team_member_permissions": settings["member_permissions"],
        "access_group_ids": settings["access_group_ids"],
        "policies": [],
        "model_id": view.model_table_id,
        "allow_team_guardrail_config": False,
        "litellm_organization_table": None,
        "litellm_model_table": _model_table_row(view) if load_model_table else None,
        "object_permission": None,
        "projects": None,
    }


def deleted_team(
    view: TeamView, deletion: Deletion, zone: tzinfo, *, spend: Spent = NOTHING_SPENT
) -> JsonObject:
    """DeletedTeam (2.3): the Team as it last was; its budget window is the one it ended in."""
    return {
        **team(view, deletion.at, zone, spend=spend),
        "id": deletion.id,
        "deleted_at": iso(deletion.at),
        "deleted_by": deletion.by,
        "deleted_by_api_key": deletion.by_api_key,
        "litellm_changed_by": deletion.changed_by,
    }


def team_info(
    view: TeamView, now: datetime, zone: tzinfo, *, spend: Spent = NOTHING_SPENT
) -> JsonObject:
    """The `team_info` of /team/info (3.4): with object permission and the members' default."""
    answer = team(view, now, zone, spend=spend)
    answer["object_permission"] = _object_permission(view.settings)
    answer["team_member_budget_table"] = _member_budget_table(view.settings)
    return answer


def membership(
    team_id: str,
    user_id: str,
    limits: JsonObject | None,
    settings: JsonObject,
    *,
    spend: Spent = NOTHING_SPENT,
) -> JsonObject:
    """Membership (2.3). Every member has one, its budget null without any limits (D43).

    `limits` are the member's own, the JSON form of MemberLimits, `settings` the team's. A member's
    own limits take the place of the team's defaults as a whole (chapter 6, 7).
    """
    effective = settings["member_defaults"] if limits is None else limits
    return {
        "user_id": user_id,
        "team_id": team_id,
        "budget_id": None if effective is None else effective["budget_id"],
        "spend": usd(spend),
        "litellm_budget_table": None if effective is None else budget(effective, settings),
    }


def budget(limits: JsonObject, settings: JsonObject) -> JsonObject:
    """The typed Budget (2.3) of one member's limits: USD, tokens and requests per minute.

    It is reset with the team's, unless it says otherwise (D37).
    """
    lasts = limits["budget_duration"] or settings["budget"]["budget_duration"]
    return {
        "budget_id": limits["budget_id"],
        "soft_budget": None,
        "max_budget": usd(limits["max_budget"]),
        "max_parallel_requests": None,
        "tpm_limit": limits["tpm_limit"],
        "rpm_limit": limits["rpm_limit"],
        "model_max_budget": None,
        "budget_duration": lasts,
    }


def _member_budget_table(settings: JsonObject) -> JsonObject | None:
    """The same Budget, in the order of columns in which /team/info alone writes it."""
    defaults = settings["member_defaults"]
    if defaults is None:
        return None
    columns = budget(defaults, settings)
    return {
        "budget_id": columns.pop("budget_id"),
        "max_budget": columns.pop("max_budget"),
        **columns,
    }


def _metadata(settings: JsonObject) -> JsonObject:
    metadata: JsonObject = settings["metadata"]
    defaults, held = settings["member_defaults"], settings["callbacks"]
    if defaults is None and not held:
        return metadata
    budget_id = {} if defaults is None else {"team_member_budget_id": defaults["budget_id"]}
    return {**metadata, **({"logging": logging(held)} if held else {}), **budget_id}


def logging(callbacks: Sequence[JsonObject]) -> list[JsonObject]:
    """`metadata.logging` from the JSON form of callbacks: of secrets only their masks (D23)."""
    return [
        {
            "callback_name": callback["callback_name"],
            "callback_type": callback["callback_type"],
            "callback_vars": {name: v["shown"] for name, v in callback["variables"].items()},
        }
        for callback in callbacks
    ]


def _reset_at(view: TeamView, now: datetime, zone: tzinfo) -> str | None:
    since = view.budget_since or view.created_at
    return budget_reset_at(view.settings["budget"]["budget_duration"], since, now, zone)


def _object_permission_id(settings: JsonObject) -> str | None:
    held = settings["object_permission"]
    return None if held is None else str(held["object_permission_id"])


def _object_permission(settings: JsonObject) -> JsonObject | None:
    held = settings["object_permission"]
    if held is None:
        return None
    allowed: JsonObject = held["permissions"]
    return {
        "object_permission_id": held["object_permission_id"],
        "mcp_servers": allowed.get("mcp_servers", []),
        "mcp_access_groups": allowed.get("mcp_access_groups", []),
        "mcp_tool_permissions": allowed.get("mcp_tool_permissions"),
        "vector_stores": allowed.get("vector_stores", []),
        "agents": allowed.get("agents", []),
        "agent_access_groups": allowed.get("agent_access_groups", []),
    }


def _model_table(view: TeamView) -> JsonObject | None:
    if view.model_table_id is None:
        return None
    return {
        "id": view.model_table_id,
        "model_aliases": view.settings["model_aliases"],
        "created_by": view.model_aliases_by,
        "updated_by": view.model_aliases_by,
        "team": None,
    }


def _model_table_row(view: TeamView) -> JsonObject | None:
    if view.model_table_id is None:
        return None
    since = iso(view.model_aliases_at or view.created_at)
    return {
        "id": view.model_table_id,
        "model_aliases": view.settings["model_aliases"],
        "created_at": since,
        "created_by": view.model_aliases_by,
        "updated_at": since,
        "updated_by": view.model_aliases_by,
        "team": None,
    }
