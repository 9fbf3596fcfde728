"""Use cases on whole organizations: create, update (supporting-api.md 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.budget import BudgetSettings
from events.organization import OrganizationSettings
from events.registry import DomainEvent
from events.streams import BUDGET, ORGANIZATION, USER, stream
from services.access.organizations import OrganizationStanding, check_organization_admin
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.organization_answers import (
    organization_answer,
    whole_organization,
)
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import budget, organization
from services.command.domain.dependents import ORGANIZATIONS
from services.command.domain.errors import NotFound
from services.command.domain.organization import Organization


def authorized_organization(
    view: View, caller: Principal, route: str, organization_id: str
) -> Organization:
    """The live organization, for proxy admins and its own admins; strangers learn nothing."""
    check_route(route, caller)
    found = view.organization(organization_id)
    if not caller.is_admin:
        _check_admin(view, caller, route, organization_id, found)
    if not found.open:
        raise NotFound("organization", organization_id)
    return found


def _check_admin(
    view: View, caller: Principal, route: str, organization_id: str, found: Organization
) -> None:
    user_id = caller.user_id if caller.user_known else None
    member = found.members.get(user_id) if found.open and user_id is not None else None
    in_any = user_id is not None and bool(view.children(stream(USER, user_id), ORGANIZATIONS))
    role = None if member is None else member.role
    standing = OrganizationStanding(organization_id, role, in_any)
    check_organization_admin(route, caller, standing)


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """`fresh` tells that the id was drawn at random.

    `budget` is what to make under the fresh id `settings.budget_id`; None where that names a budget
    that has to be there.
    """

    organization_id: str
    fresh: bool
    settings: OrganizationSettings
    budget: BudgetSettings | None
    name: str = "CreateOrganization"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/organization/new", caller)
        name = stream(ORGANIZATION, self.organization_id)
        if self.fresh:
            view.assume_new(name)
        found = view.organization(self.organization_id)
        budgeted = self._budget(view)
        made = organization.create(found, self.organization_id, self.settings)
        return Decision(
            [*budgeted, *((name, fact) for fact in made)],
            lambda after: organization_answer(after, self.organization_id),
            subject=name,
        )

    def _budget(self, view: View) -> list[tuple[str, DomainEvent]]:
        budget_id = self.settings.budget_id
        name = stream(BUDGET, budget_id)
        if self.budget is None:
            if not view.budget(budget_id).open:
                raise NotFound("budget", budget_id)
            return []
        view.assume_new(name)
        made = budget.create(view.budget(budget_id), budget_id, self.budget)
        return [(name, fact) for fact in made]


@dataclass(frozen=True, slots=True)
class ReviseOrganization:
    """`changes` as in `domain.organization.update`; `limits` go to the budget that it then has."""

    organization_id: str
    changes: Mapping[str, Any]
    limits: Mapping[str, Any]
    name: str = "UpdateOrganization"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/organization/update", caller)
        name = stream(ORGANIZATION, self.organization_id)
        found = view.organization(self.organization_id)
        changed = organization.update(found, self.organization_id, self.changes)
        return Decision(
            [*((name, fact) for fact in changed), *self._budget(view, found)],
            lambda after: whole_organization(after, self.organization_id),
            subject=name,
        )

    def _budget(self, view: View, found: Organization) -> list[tuple[str, DomainEvent]]:
        budget_id = str(self.changes.get("budget_id", found.settings.budget_id))
        held = view.budget(budget_id)
        if not held.open:
            raise NotFound("budget", budget_id)
        if not self.limits:
            return []
        changed = budget.update(held, budget_id, self.limits)
        return [(stream(BUDGET, budget_id), fact) for fact in changed]
