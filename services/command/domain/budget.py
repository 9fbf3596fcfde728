"""The budget that several things may share (supporting-api.md 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from events import budget as facts
from events.budget import BudgetSettings
from events.envelope import Envelope
from events.imported import ThingImported
from events.registry import DomainEvent
from events.values import TeamBudget
from services.command.domain.errors import AlreadyExists, BudgetInUse, NotFound
from services.command.domain.limits import (
    alike,
    check_budget_order,
    check_not_negative,
    check_size,
)
from services.command.domain.pace import UNPACED, Paces

MAX_BUDGET_BYTES = 96 * 1024
"""A change is recorded with all values before and after."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Folded state of one budget stream; `since` is when its present duration was set."""

    incarnation: int = 0
    open: bool = False
    version: int = 0
    settings: BudgetSettings = field(default_factory=BudgetSettings)
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    since: datetime | None = None
    paces: Paces = UNPACED


def create(budget: Budget, budget_id: str, settings: BudgetSettings) -> list[DomainEvent]:
    """Refuses an id in use, limits below zero and a soft budget that is not below the budget."""
    _check(settings)
    if budget.open:
        raise AlreadyExists("budget", budget_id)
    return [facts.BudgetCreated(settings=settings)]


def update(budget: Budget, budget_id: str, changes: Mapping[str, Any]) -> list[DomainEvent]:
    """Only what `changes` names differs afterwards; None clears; [] when nothing does (S15).

    With another duration a reset time that somebody set by hand is forgotten: it is computed again.
    """
    if not budget.open:
        raise NotFound("budget", budget_id)
    before = budget.settings
    wanted = dict(changes)
    if wanted.get("budget_duration", before.budget_duration) != before.budget_duration:
        wanted.setdefault("budget_reset_at", None)
    after = before.model_copy(update=wanted)
    _check(after)
    same = alike(before.model_dump(mode="json"), after.model_dump(mode="json"))
    return [] if same else [facts.BudgetChanged(before=before, after=after)]


def delete(budget: Budget, budget_id: str, used_by: int) -> list[DomainEvent]:
    """Refuses while things refer to it: their limits would vanish silently (S16)."""
    if not budget.open:
        raise NotFound("budget", budget_id)
    if used_by:
        raise BudgetInUse(budget_id, used_by)
    return [facts.BudgetDeleted(settings=budget.settings)]


def _check(settings: BudgetSettings) -> None:
    check_not_negative(
        {
            "max_budget": settings.max_budget,
            "soft_budget": settings.soft_budget,
            "tpm_limit": settings.tpm_limit,
            "rpm_limit": settings.rpm_limit,
            "max_parallel_requests": settings.max_parallel_requests,
        }
    )
    order = TeamBudget(max_budget=settings.max_budget, soft_budget=settings.soft_budget)
    check_budget_order(order, blamed=("soft_budget",))
    check_size("budget", settings, MAX_BUDGET_BYTES)


def evolve(budget: Budget, envelope: Envelope) -> Budget:
    """The state after one more fact."""
    event, at, actor = envelope.event, envelope.recorded_at, envelope.meta.actor
    version = envelope.originator_version
    if isinstance(event, ThingImported):
        return replace(
            budget,
            version=version,
            created_at=event.created_at or budget.created_at,
            created_by=event.created_by,
            updated_at=event.updated_at or event.created_at or budget.updated_at,
            updated_by=event.updated_by,
        )
    budget = replace(budget, version=version, updated_at=at, updated_by=actor)
    match event:
        case facts.BudgetCreated(settings=settings):
            return Budget(
                incarnation=version,
                open=True,
                version=version,
                settings=settings,
                created_at=at,
                created_by=actor,
                updated_at=at,
                updated_by=actor,
                since=at,
            )
        case facts.BudgetChanged(before=before, after=after):
            moved = before.budget_duration != after.budget_duration
            return replace(budget, settings=after, since=at if moved else budget.since)
        case facts.BudgetDeleted():
            return replace(budget, open=False)
    return budget
