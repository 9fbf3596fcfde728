"""Use cases on budgets that several things may share (supporting-api.md 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.budget import BudgetSettings
from events.streams import BUDGET, stream
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import budget
from services.command.domain.budget import Budget
from services.command.domain.dependents import KEYS, ORGANIZATIONS


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
        facts = budget.create(view.budget(self.budget_id), self.budget_id, self.settings)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: budget_answer(after, self.budget_id),
            subject=name,
        )


@dataclass(frozen=True, slots=True)
class ReviseBudget:
    """`changes` are new values of BudgetSettings attributes, None clears (S15)."""

    budget_id: str
    changes: Mapping[str, Any]
    name: str = "UpdateBudget"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/budget/update", caller)
        name = stream(BUDGET, self.budget_id)
        facts = budget.update(view.budget(self.budget_id), self.budget_id, self.changes)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: budget_answer(after, self.budget_id),
            subject=name,
        )


@dataclass(frozen=True, slots=True)
class DeleteBudget:
    """Refused while anything uses it (S16); what is not there is answered with None."""

    budget_id: str
    name: str = "DeleteBudget"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/budget/delete", caller)
        name = stream(BUDGET, self.budget_id)
        answer = budget_answer(view, self.budget_id)
        if answer is None:
            return Decision((), lambda _: None)
        users = [(name, ORGANIZATIONS), (name, KEYS)]
        view.need_children(users)
        used_by = sum(len(view.children(*key)) for key in users)
        facts = budget.delete(answer.budget, self.budget_id, used_by)
        return Decision([(name, fact) for fact in facts], lambda _: answer, subject=name)
