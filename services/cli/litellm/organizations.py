"""Organizations with their members."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

import orjson
from psycopg.sql import SQL, Identifier

from events.organization import (
    OrganizationMemberAdded,
    OrganizationRole,
    OrganizationSettings,
)
from events.spend import spend_stream
from events.streams import BUDGET, ORGANIZATION, stream
from services.cli.litellm.budgets import member_limits
from services.cli.litellm.columns import BUDGETS, ORGANIZATION_MEMBERS, ORGANIZATIONS
from services.cli.litellm.permissions import object_permission, permissions_of
from services.cli.litellm.source import Row, Source
from services.cli.litellm.things import Context, Kind, Plan, Thing, mark
from services.cli.litellm.values import Record, unfit
from services.command.application.view import View
from services.command.domain import organization

_MEMBERS = SQL(
    "SELECT organization_id, json_agg(json_build_array(user_id, user_role, budget_id, "
    "spend::text) ORDER BY created_at, user_id)::text AS roster FROM {} GROUP BY organization_id"
)
_NOBODY = SQL("SELECT NULL::text AS organization_id, NULL::text AS roster WHERE false")
_QUERY = SQL(
    "SELECT {columns}, m.roster FROM {organizations} t LEFT JOIN ({members}) m "
    "ON m.organization_id = t.organization_id ORDER BY {order}"
)
_ROLES = get_args(OrganizationRole)


def _pages(source: Source) -> Iterator[list[Row]]:
    if not source.has(ORGANIZATIONS):
        return iter(())
    there = source.has(ORGANIZATION_MEMBERS)
    return source.pages(
        _QUERY.format(
            columns=source.columns(ORGANIZATIONS),
            order=source.order(ORGANIZATIONS, "created_at", "organization_id"),
            organizations=Identifier(ORGANIZATIONS),
            members=_MEMBERS.format(Identifier(ORGANIZATION_MEMBERS)) if there else _NOBODY,
        )
    )


async def _related(context: Context, rows: Sequence[Row]) -> Mapping[str, Any]:
    rosters = [entry for row in rows for entry in orjson.loads(row["roster"] or "[]")]
    budgets = (entry[2] for entry in rosters)
    return {
        "permissions": permissions_of(context.source, rows),
        "budgets": context.source.by_id(BUDGETS, "budget_id", budgets),
    }


def _convert(context: Context, record: Record, related: Mapping[str, Any]) -> Thing:
    organization_id = record.identity("organization_id")
    name = stream(ORGANIZATION, organization_id)
    budgets = related["budgets"]
    permission = object_permission(record, related["permissions"])
    settings = OrganizationSettings(
        organization_alias=record.text("organization_alias") or "",
        budget_id=record.identity("budget_id"),
        models=record.texts("models"),
        metadata=record.document("metadata"),
        object_permission=permission,
    )
    spent = record.spent()
    members, spends = _members(record, budgets)
    digest = context.digest(record, permission, members)

    def decide(view: View) -> Plan:
        state = view.organization(organization_id)
        created = organization.create(state, organization_id, settings)
        plan = Plan([(name, fact) for fact in [*created, *members]])
        if not view.budget(settings.budget_id).open:
            noted = Record({})
            noted.flagged("budget_id", f"there is no budget {settings.budget_id}")
            plan.findings += noted.findings
        life = state.version + 1
        plan.facts += context.opening("organization", organization_id, life, spent)
        for user_id, amount in spends:
            plan.facts += context.opening(
                "organization_member", organization_id, life, amount, user_id
            )
        plan.facts.append((name, mark(ORGANIZATIONS, organization_id, digest, record)))
        return plan

    streams = [
        stream(BUDGET, settings.budget_id),
        spend_stream("organization", organization_id),
        *(spend_stream("organization_member", organization_id, user) for user, _ in spends),
    ]
    return Thing(
        "organization",
        ORGANIZATIONS,
        organization_id,
        name,
        digest,
        decide,
        streams,
        record.findings,
    )


def _members(
    record: Record, budgets: Mapping[str, Row]
) -> tuple[list[OrganizationMemberAdded], list[tuple[str, Any]]]:
    """Who is in it, and what each has spent in it."""
    members, spends = [], []
    for user_id, role, budget_id, spend in orjson.loads(record.values["roster"] or "[]"):
        if (reason := unfit(user_id)) is not None:
            record.repaired("member", f"{reason}: left out")
            continue
        if role not in _ROLES:
            record.repaired(f"member {user_id}, user_role", f"{role!r} is no role: internal_user")
            role = "internal_user"  # noqa: PLW2901
        row = budgets.get(budget_id)
        limits = None if row is None else member_limits(record, row, f"member {user_id}")
        if budget_id is not None and row is None:
            record.repaired(f"member {user_id}, budget_id", f"{budget_id} does not exist: left out")
        members.append(
            OrganizationMemberAdded(
                user_id=user_id, role=cast("OrganizationRole", role), limits=limits
            )
        )
        own = Record({"spend": spend})
        if amount := own.spent():
            spends.append((user_id, amount))
        record.findings += own.findings
    return members, spends


KIND = Kind("organization", ORGANIZATIONS, "organization_id", _pages, _related, _convert)
