"""Budgets that things share, and budget rows that are the limits of one member."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg.sql import SQL, Composable, Identifier

from events.budget import BudgetSettings
from events.streams import BUDGET, stream
from events.values import MemberLimits
from services.cli.litellm.columns import (
    BUDGETS,
    KEYS,
    ORGANIZATION_MEMBERS,
    ORGANIZATIONS,
    TEAM_MEMBERS,
    TEAMS,
)
from services.cli.litellm.source import Row, Source
from services.cli.litellm.things import Context, Kind, Plan, Thing, mark
from services.cli.litellm.values import Record
from services.command.application.view import View
from services.command.domain import budget

_REFERENCE = SQL("SELECT budget_id FROM {} WHERE budget_id IS NOT NULL")
_DEFAULTS = SQL(
    "SELECT metadata->>'team_member_budget_id' AS budget_id FROM {} "
    "WHERE metadata->>'team_member_budget_id' IS NOT NULL"
)
_NOTHING = SQL("SELECT NULL::text AS budget_id WHERE false")
_QUERY = SQL(
    """
    SELECT {columns}, s.budget_id IS NOT NULL AS shared
    FROM {budgets} t LEFT JOIN ({shared}) s ON s.budget_id = t.budget_id
    WHERE s.budget_id IS NOT NULL OR t.budget_id NOT IN ({own})
    ORDER BY {order}
    """
)


def _pages(source: Source) -> Iterator[list[Row]]:
    """Not those that are limits of members alone: they become a part of team or organization."""
    if not source.has(BUDGETS):
        return iter(())
    own = [*_references(source, TEAM_MEMBERS, ORGANIZATION_MEMBERS)]
    if source.has(TEAMS, "metadata"):
        own.append(_DEFAULTS.format(Identifier(TEAMS)))
    return source.pages(
        _QUERY.format(
            columns=source.columns(BUDGETS),
            order=source.order(BUDGETS, "created_at", "budget_id"),
            budgets=Identifier(BUDGETS),
            shared=SQL(" UNION ").join(_references(source, ORGANIZATIONS, KEYS) or [_NOTHING]),
            own=SQL(" UNION ALL ").join(own or [_NOTHING]),
        )
    )


def _references(source: Source, *tables: str) -> list[Composable]:
    there = [table for table in tables if source.has(table, "budget_id")]
    return [_REFERENCE.format(Identifier(table)) for table in there]


async def _related(_: Context, __: Sequence[Row]) -> Mapping[str, Any]:
    return {}


def _convert(context: Context, record: Record, _: Mapping[str, Any]) -> Thing:
    budget_id = record.identity("budget_id")
    if not record.values["shared"]:
        record.flagged("budget_id", "no organization, team, member or key refers to it")
    digest = context.digest(record)
    settings = settings_of(record)
    name = stream(BUDGET, budget_id)

    def decide(view: View) -> Plan:
        created = budget.create(view.budget(budget_id), budget_id, settings)
        ended = mark(BUDGETS, budget_id, digest, record)
        return Plan([*((name, fact) for fact in created), (name, ended)])

    return Thing("budget", BUDGETS, budget_id, name, digest, decide, findings=record.findings)


def settings_of(record: Record) -> BudgetSettings:
    """What a budget row says."""
    maximum = record.money("max_budget")
    soft = record.money("soft_budget")
    if soft is not None and maximum is not None and soft >= maximum:
        record.repaired("soft_budget", f"{soft} is not below max_budget {maximum}: left out")
        soft = None
    return BudgetSettings(
        max_budget=maximum,
        soft_budget=soft,
        max_parallel_requests=record.limit("max_parallel_requests"),
        tpm_limit=record.limit("tpm_limit"),
        rpm_limit=record.limit("rpm_limit"),
        model_max_budget=record.document("model_max_budget") or None,
        budget_duration=record.duration(),
    )


def member_limits(record: Record, row: Row, whose: str) -> MemberLimits | None:
    """A budget row as limits of a member; notes go to the record it is a part of."""
    own = Record(row)
    limits = MemberLimits(
        budget_id=own.identity("budget_id"),
        max_budget=own.money("max_budget"),
        tpm_limit=own.limit("tpm_limit"),
        rpm_limit=own.limit("rpm_limit"),
        budget_duration=own.duration(),
    )
    own.not_kept("soft_budget", "max_parallel_requests", "model_max_budget")
    for finding in own.findings:
        record.repaired(f"{whose}, {finding.what}", finding.why)
    return limits


KIND = Kind("budget", BUDGETS, "budget_id", _pages, _related, _convert)
