"""Teams with their members, budgets, aliases and callbacks, and teams that were deleted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

import orjson
from psycopg.sql import SQL, Composable, Identifier

from events.registry import DomainEvent
from events.spend import spend_stream
from events.streams import ORGANIZATION, TEAM, stream
from events.team import MemberAdded, TeamCreated, TeamDeleted, TeamSettings
from events.values import Callback, JsonObject, MemberLimits, RateLimits, TeamBudget
from services.cli.litellm.beyond import flag_team
from services.cli.litellm.budgets import member_limits
from services.cli.litellm.columns import (
    BUDGETS,
    DELETED_TEAMS,
    MODELS,
    ORGANIZATIONS,
    TEAM_MEMBERS,
    TEAMS,
    USERS,
)
from services.cli.litellm.permissions import object_permission, permissions_of
from services.cli.litellm.rosters import (
    added,
    enrolled,
    entries_of,
    memberships_of,
    resolved,
    streams_of,
)
from services.cli.litellm.source import Row, Source
from services.cli.litellm.things import Context, Kind, Plan, Related, Thing, mark
from services.cli.litellm.values import Finding, Record
from services.command.api.build import callbacks as sealed_callbacks
from services.command.application.view import View
from services.command.application.within import allowance_facts
from services.command.domain.limits import check_size
from services.edge.requests.callback import LOGGING, SETTINGS, sent_callbacks
from services.edge.requests.team import Permission

DEFAULTS = "team_member_budget_id"
_APART = frozenset({LOGGING, SETTINGS, DEFAULTS})
_UNREAD = (
    *("max_parallel_requests", "model_max_budget", "policies", "allow_team_guardrail_config"),
    "litellm_changed_by",
)
_MEMBERSHIPS = SQL(
    "(SELECT team_id, json_agg(json_build_array(user_id, budget_id, spend::text) "
    "ORDER BY user_id)::text AS memberships FROM {} GROUP BY team_id)"
)
_CLAIMED = SQL(
    "(SELECT team_id, array_agg(user_id ORDER BY user_id) AS claimed FROM (SELECT DISTINCT "
    "unnest(teams) AS team_id, user_id FROM {}) u GROUP BY team_id)"
)
_NONE = SQL("(SELECT NULL::text AS team_id, NULL::{} AS {} WHERE false)")
_LIVE = SQL(
    "SELECT {columns}, m.memberships, u.claimed FROM {teams} t "
    "LEFT JOIN {memberships} m ON m.team_id = t.team_id "
    "LEFT JOIN {claimed} u ON u.team_id = t.team_id ORDER BY {order}"
)
_GONE = SQL("SELECT {columns} FROM {teams} t ORDER BY {order}")


def _live_pages(source: Source) -> Iterator[list[Row]]:
    memberships: Composable = _NONE.format(SQL("text"), SQL("memberships"))
    claimed: Composable = _NONE.format(SQL("text[]"), SQL("claimed"))
    if source.has(TEAM_MEMBERS):
        memberships = _MEMBERSHIPS.format(Identifier(TEAM_MEMBERS))
    if source.has(USERS, "teams"):
        claimed = _CLAIMED.format(Identifier(USERS))
    return source.pages(
        _LIVE.format(
            columns=source.columns(TEAMS),
            order=source.order(TEAMS, "created_at", "team_id"),
            teams=Identifier(TEAMS),
            memberships=memberships,
            claimed=claimed,
        )
    )


def _gone_pages(source: Source) -> Iterator[list[Row]]:
    if not source.has(DELETED_TEAMS):
        return iter(())
    return source.pages(
        _GONE.format(
            columns=source.columns(DELETED_TEAMS),
            order=source.order(DELETED_TEAMS, "deleted_at", "id"),
            teams=Identifier(DELETED_TEAMS),
        )
    )


async def _related(context: Context, rows: Sequence[Row]) -> Related:
    source = context.source
    budgets = {_default_id(row) for row in rows}
    for row in rows:
        budgets |= {entry[1] for entry in orjson.loads(row.get("memberships") or "[]")}
    named = (row.get("organization_id") for row in rows)
    organizations = source.by_id(ORGANIZATIONS, "organization_id", named)
    budgets |= {row.get("budget_id") for row in organizations.values()}
    return {
        "organizations": organizations,
        "budgets": source.by_id(BUDGETS, "budget_id", budgets),
        "models": source.by_id(MODELS, "id", (row.get("model_id") for row in rows)),
        "permissions": permissions_of(source, rows),
        "callbacks": {row["team_id"]: await _callbacks(context, row) for row in rows},
    }


def _metadata(row: Row) -> JsonObject:
    """As far as it can be read; a record says what is wrong with it."""
    try:
        value = orjson.loads(row.get("metadata") or "{}")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _default_id(row: Row) -> str | None:
    found = _metadata(row).get(DEFAULTS)
    return found if isinstance(found, str) else None


async def _callbacks(context: Context, row: Row) -> list[Callback] | str:
    """Callbacks with their secrets under seal, or why they are none."""
    try:
        sent = sent_callbacks(_metadata(row))
    except ValueError as wrong:
        return str(wrong)
    if not sent or context.rehearsal:
        return []
    return await sealed_callbacks(context.vault, row["team_id"], sent)


def _settings(record: Record, related: Related) -> TeamSettings:
    """Everything but the members; what has its own place is taken out of the metadata."""
    metadata = record.document("metadata")
    callbacks = related["callbacks"][record.values["team_id"]]
    if isinstance(callbacks, str):
        record.repaired("metadata", f"{callbacks}: left out")
        callbacks = []
    maximum, soft = record.money("max_budget"), record.money("soft_budget")
    if soft is not None and maximum is not None and soft >= maximum:
        record.repaired("soft_budget", f"{soft} is not below max_budget {maximum}: left out")
        soft = None
    record.not_kept(*_UNREAD)
    return TeamSettings(
        team_alias=record.text("team_alias"),
        organization_id=record.text("organization_id") or None,
        admins=list(record.texts("admins")),
        members=list(record.texts("members")),
        metadata={name: v for name, v in metadata.items() if name not in _APART},
        budget=TeamBudget(max_budget=maximum, soft_budget=soft, budget_duration=record.duration()),
        limits=RateLimits(tpm_limit=record.limit("tpm_limit"), rpm_limit=record.limit("rpm_limit")),
        models=record.texts("models"),
        blocked=record.flag("blocked"),
        model_aliases=_aliases(record, related["models"]),
        object_permission=object_permission(record, related["permissions"]),
        router_settings=record.document("router_settings"),
        access_group_ids=record.texts("access_group_ids"),
        member_permissions=_permissions(record),
        member_defaults=_defaults(record, related["budgets"]),
        callbacks=callbacks,
    )


def _permissions(record: Record) -> list[str]:
    """Those that there are: one unknown name broke every key call of the members (D17)."""
    named = record.texts("team_member_permissions")
    if unknown := [name for name in named if name not in get_args(Permission)]:
        shown = ", ".join(map(repr, unknown))
        record.repaired("team_member_permissions", f"{shown}: no such permission, left out")
    return [name for name in named if name not in unknown]


def _aliases(record: Record, models: Mapping[int, Row]) -> JsonObject | None:
    model_id = record.values.get("model_id")
    if model_id is None:
        return None
    if (row := models.get(model_id)) is None:
        record.repaired("model_id", f"model table {model_id} does not exist: no aliases")
        return None
    return Record(row).document("aliases")


def _defaults(record: Record, budgets: Mapping[str, Row]) -> MemberLimits | None:
    """The budget that the metadata names is that of every member without an own one."""
    budget_id = _default_id(dict(record.values))
    if budget_id is None:
        return None
    row = budgets.get(budget_id)
    if row is None:
        record.repaired(f"metadata.{DEFAULTS}", f"{budget_id} does not exist: no member budget")
        return None
    return member_limits(record, row, "member budget")


def _convert(context: Context, record: Record, related: Related) -> Thing:
    team_id = record.identity("team_id")
    name = stream(TEAM, team_id)
    settings = _settings(record, related)
    check_size("team", settings)
    _flag(context, record, settings, related)
    memberships = memberships_of(record, related["budgets"], _default_id(dict(record.values)))
    entries = entries_of(context, record)
    entries += added(record, entries, record.values.get("claimed") or [], "user.teams names it")
    entries += added(record, entries, list(memberships), "it has a membership")
    spent = record.spent()
    digest = context.digest(
        record,
        [settings.member_defaults, settings.model_aliases, settings.object_permission],
        {user_id: held.limits for user_id, held in memberships.items()},
    )

    def decide(view: View) -> Plan:
        plan = Plan([])
        roles = enrolled(context, view, entries, plan)
        now = _placed(view, settings, plan)
        plan.facts.append((name, TeamCreated(settings=now)))
        for user_id, role in roles.items():
            held = memberships.get(user_id)
            limits = None if held is None else held.limits
            plan.facts.append((name, MemberAdded(user_id=user_id, role=role, limits=limits)))
        plan.facts += allowance_facts(view, team_id, None, now)
        life = view.team(team_id).version + 1
        plan.facts += context.opening("team", team_id, life, spent)
        for user_id, held in memberships.items():
            plan.facts += context.opening("member", team_id, life, held.spent, user_id)
        plan.facts.append((name, mark(TEAMS, team_id, digest, record)))
        return plan

    streams = [*streams_of(entries), spend_stream("team", team_id)]
    streams += [spend_stream("member", team_id, u) for u, held in memberships.items() if held.spent]
    if settings.organization_id is not None:
        streams.append(stream(ORGANIZATION, settings.organization_id))
    return Thing("team", TEAMS, team_id, name, digest, decide, streams, record.findings)


def _flag(context: Context, record: Record, settings: TeamSettings, related: Related) -> None:
    organization = related["organizations"].get(settings.organization_id)
    if organization is not None:
        budget = related["budgets"].get(organization.get("budget_id"))
        others = context.allowances.setdefault(organization["organization_id"], {})
        flag_team(record, settings, organization, budget, others)


def _placed(view: View, settings: TeamSettings, plan: Plan) -> TeamSettings:
    """A team of an organization that is not there is a team of none."""
    organization_id = settings.organization_id
    if organization_id is None or view.organization(organization_id).open:
        return settings
    plan.findings.append(
        Finding("repaired", "organization_id", f"{organization_id} does not exist: left out")
    )
    return settings.model_copy(update={"organization_id": None})


def _convert_gone(context: Context, record: Record, related: Related) -> Thing:
    """A short life: it came to be, had its members, and was deleted."""
    team_id, row_id = record.identity("team_id"), record.identity("id")
    name = stream(TEAM, team_id)
    settings = _settings(record, related)
    check_size("team", settings)
    entries = entries_of(context, record)
    spent, digest = record.spent(), context.digest(record)

    def decide(view: View) -> Plan:
        plan = Plan([])
        roles = resolved(view, entries, plan)
        facts: list[DomainEvent] = [
            TeamCreated(settings=settings),
            *(MemberAdded(user_id=user_id, role=role) for user_id, role in roles.items()),
            TeamDeleted(settings=settings, members_total=len(roles)),
        ]
        plan.facts += [(name, fact) for fact in facts]
        plan.facts += context.opening("team", team_id, view.team(team_id).version + 1, spent)
        plan.facts.append((name, mark(DELETED_TEAMS, row_id, digest, record)))
        return plan

    streams = [*streams_of(entries), spend_stream("team", team_id)]
    return Thing(
        "deleted team",
        DELETED_TEAMS,
        row_id,
        name,
        digest,
        decide,
        streams,
        record.findings,
        over=True,
    )


LIVE = Kind("team", TEAMS, "team_id", _live_pages, _related, _convert)
GONE = Kind("deleted team", DELETED_TEAMS, "id", _gone_pages, _related, _convert_gone)
