"""From a validated request about an organization or a budget to a command."""

import uuid
from decimal import Decimal
from typing import Any

from events.budget import BudgetSettings
from events.organization import OrganizationSettings
from services.command.api import build
from services.command.application.budgets import NewBudget, ReviseBudget
from services.command.application.organization_members import Joining
from services.command.application.organizations import NewOrganization, ReviseOrganization
from services.database.vault import Vault
from services.edge.requests import budget as budget_requests
from services.edge.requests import organization as requests
from services.edge.requests.member import Member


def new_budget(body: budget_requests.BudgetBody) -> NewBudget:
    """A budget under its own id, or under one that is drawn."""
    budget_id = body.budget_id or str(uuid.uuid4())
    settings = BudgetSettings.model_validate(body.budget_fields())
    return NewBudget(budget_id, body.budget_id is None, settings)


def revised_budget(budget_id: str, body: budget_requests.BudgetBody) -> ReviseBudget:
    """Only what was sent."""
    return ReviseBudget(budget_id, body.budget_fields())


def new_organization(body: requests.NewOrganization) -> NewOrganization:
    """An organization with a budget of its own, unless the request names one."""
    named = body.budget_id
    settings = OrganizationSettings(
        organization_alias=body.organization_alias,
        budget_id=named or str(uuid.uuid4()),
        models=list(dict.fromkeys(body.models)),
        metadata=body.metadata_fields() or {},
        object_permission=build.object_permission(body.object_permission),
    )
    limits = {name: value for name, value in body.budget_fields().items() if value is not None}
    return NewOrganization(
        organization_id=body.organization_id or str(uuid.uuid4()),
        fresh=body.organization_id is None,
        settings=settings,
        budget=None if named else BudgetSettings.model_validate(limits),
    )


def revised_organization(body: requests.UpdateOrganization) -> ReviseOrganization:
    """Only what was sent with a value; limits go to the budget."""
    changes: dict[str, Any] = {
        "organization_alias": body.organization_alias,
        "budget_id": body.budget_id,
        "models": None if body.models is None else list(dict.fromkeys(body.models)),
        "metadata": body.metadata_fields(),
        "object_permission": build.object_permission(body.object_permission),
    }
    sent = {name: value for name, value in changes.items() if value is not None}
    return ReviseOrganization(body.organization_id, sent, body.budget_fields())


def joining(
    vault: Vault, member: requests.OrganizationMember, max_budget: Decimal | None
) -> Joining:
    """Somebody to add, with what it takes to create him if nobody knows him."""
    who = Member(user_id=member.user_id, user_email=member.user_email, role="user")
    return Joining(build.candidate(vault, who), member.role, build.own_limits(max_budget))
