"""Use cases on budgets that several things may share (supporting-api.md 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.budget import BudgetSettings
from events.registry import DomainEvent
from events.streams import BUDGET, kind_and_id, stream
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.callers import orphaned, owners
from services.command.application.member_budgets import (
    Limited,
    after_change,
    changed,
    limited_by,
    limits_in,
)
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import budget
from services.command.domain.budget import Budget
from services.command.domain.dependents import KEYS, ORGANIZATIONS
from services.command.domain.errors import AlreadyExists, LimitsMembers, NotFound

LOOKED_AT = 100
"""Up to so many keys of a budget are looked at, whether their end is only to be recorded yet."""


@dataclass(frozen=True, slots=True)
class BudgetAnswer:
    """A budget by its id."""

    budget_id: str
    budget: Budget


def budget_answer(view: View, budget_id: str) -> BudgetAnswer | None:
    """The budget as the view has it; None for one that is gone."""
    found = view.budget(budget_id)
    return BudgetAnswer(budget_id, found) if found.open else None


@dataclass(frozen=True, slots=True)
class NewBudget:
    """`fresh` tells that the id was drawn at random."""

    budget_id: str
    fresh: bool
    settings: BudgetSettings
    name: str = "CreateBudget"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/budget/new", caller)
        name = stream(BUDGET, self.budget_id)
        if self.fresh:
            view.assume_new(name)
        elif limited_by(view, self.budget_id):
            raise AlreadyExists("budget", self.budget_id)
        facts = budget.create(view.budget(self.budget_id), self.budget_id, self.settings)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: budget_answer(after, self.budget_id),
            subject=name,
        )


@dataclass(frozen=True, slots=True)
class ReviseBudget:
    """`changes` are new values of BudgetSettings attributes, None clears (S15).

    What the budget is to members changes with it, for all that have it.
    """

    budget_id: str
    changes: Mapping[str, Any]
    name: str = "UpdateBudget"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/budget/update", caller)
        name = stream(BUDGET, self.budget_id)
        held, members = view.budget(self.budget_id), limited_by(view, self.budget_id)
        if not (held.open or members):
            raise NotFound("budget", self.budget_id)
        own = budget.update(held, self.budget_id, self.changes) if held.open else []
        facts = [*((name, fact) for fact in own), *self._of_members(members, shared=held.open)]
        if held.open:
            return Decision(facts, lambda after: budget_answer(after, self.budget_id), subject=name)
        return Decision(
            facts,
            lambda after: BudgetAnswer(self.budget_id, after_change(after, members[0])),
            subject=members[0].name if len(members) == 1 else None,
        )

    def _of_members(
        self, members: Sequence[Limited], *, shared: bool
    ) -> list[tuple[str, DomainEvent]]:
        limits = limits_in(self.changes, shared=shared) if members else {}
        return [fact for each in members for fact in changed(each, limits)]


@dataclass(frozen=True, slots=True)
class DeleteBudget:
    """Refused while anything uses it (S16); what is not there is answered with None."""

    budget_id: str
    name: str = "DeleteBudget"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/budget/delete", caller)
        name = stream(BUDGET, self.budget_id)
        if limited_by(view, self.budget_id):
            raise LimitsMembers(self.budget_id)
        answer = budget_answer(view, self.budget_id)
        if answer is None:
            return Decision((), lambda _: None)
        facts = budget.delete(answer.budget, self.budget_id, _users(view, name))
        return Decision([(name, fact) for fact in facts], lambda _: answer, subject=name)


def _users(view: View, name: str) -> int:
    """How many organizations and keys refer to a budget; of few keys, only those in force count."""
    view.need_children([(name, ORGANIZATIONS), (name, KEYS)])
    organizations, keys = view.children(name, ORGANIZATIONS), list(view.children(name, KEYS))
    if len(keys) > LOOKED_AT:
        return len(organizations) + len(keys)
    view.need(keys)
    held = [view.key(kind_and_id(key)[1]) for key in keys]
    view.need(owner for key in held for owner in owners(key))
    return len(organizations) + sum(not orphaned(view, key) for key in held)
