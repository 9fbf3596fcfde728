"""Shaping accepted commands on organizations and budgets into the contract's answers."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from events.values import JsonObject
from services.command.api.render import known, team, user
from services.command.application.budgets import BudgetAnswer
from services.command.application.organization_answers import (
    OrganizationAnswer,
    OrganizationMembersAnswer,
)
from services.command.domain.organization import OrganizationMember
from services.edge.shapes import organization as shapes
from services.edge.shapes.budget import BudgetView, budget_row
from services.spend.budgets import Account


def budget(answer: BudgetAnswer | None, now: datetime, zone: tzinfo) -> JsonObject | None:
    """The row, or null for what was not there."""
    return None if answer is None else budget_row(budget_view(answer), now, zone)


def budget_view(answer: BudgetAnswer) -> BudgetView:
    """The budget as shapes take it."""
    held = answer.budget
    return BudgetView(
        budget_id=answer.budget_id,
        settings=held.settings.model_dump(mode="json"),
        created_at=known(held.created_at),
        created_by=held.created_by,
        updated_at=known(held.updated_at),
        updated_by=held.updated_by,
        since=known(held.since),
    )


def organization_view(answer: OrganizationAnswer) -> shapes.OrganizationView:
    """The organization as shapes take it."""
    held = answer.organization
    return shapes.OrganizationView(
        organization_id=answer.organization_id,
        settings=held.settings.model_dump(mode="json"),
        budget=None if answer.budget is None else budget_view(answer.budget),
        created_at=known(held.created_at),
        created_by=held.created_by,
        updated_at=known(held.updated_at),
        updated_by=held.updated_by,
    )


def new_organization(answer: OrganizationAnswer) -> JsonObject:
    """The typed Organization."""
    return shapes.organization(organization_view(answer))


def organization(answer: OrganizationAnswer, zone: tzinfo) -> JsonObject:
    """With its members and teams, or what they number where not all are shown."""
    life = answer.organization_id, answer.organization.incarnation
    members = [membership(life, user, held) for user, held in answer.members]
    teams = [team(each, zone) for each in answer.teams]
    totals = {
        **shapes.cut("members", members, answer.members_total),
        **shapes.cut("teams", teams, answer.teams_total),
    }
    view, spend = organization_view(answer), _account(answer)
    return shapes.organization_with(view, members, teams, spend=spend, totals=totals)


def deleted_organizations(answers: Sequence[OrganizationAnswer]) -> list[JsonObject]:
    """As they were, without what went with them."""
    return [
        shapes.organization_with(organization_view(answer), [], [], spend=_account(answer))
        for answer in answers
    ]


def _account(answer: OrganizationAnswer) -> Account:
    return Account("organization", answer.organization_id, answer.organization.incarnation)


def membership(life: tuple[str, int], user_id: str, member: OrganizationMember) -> JsonObject:
    """OrgMembership without the user; `life` is that of the organization, id and incarnation."""
    view = shapes.MembershipView(
        user_id=user_id,
        organization_id=life[0],
        role=member.role,
        limits=None if member.limits is None else member.limits.model_dump(mode="json"),
        created_at=known(member.created_at),
        updated_at=known(member.updated_at),
    )
    return shapes.membership(view, spend=Account("organization_member", *life, user_id))


def added_members(answer: OrganizationMembersAnswer, now: datetime, zone: tzinfo) -> JsonObject:
    """The answer of /organization/member_add: those just added, with their memberships."""
    life = answer.organization_id, answer.incarnation
    memberships = [membership(life, u, held) for u, held in answer.members]
    return {
        "organization_id": answer.organization_id,
        "updated_users": [user(each, now, zone) for each in answer.users],
        "updated_organization_memberships": memberships,
    }


def one_membership(answer: OrganizationMembersAnswer | None) -> JsonObject | None:
    """The membership that a command was about, or null for what was not there."""
    if answer is None:
        return None
    [(user_id, member)] = answer.members
    return membership((answer.organization_id, answer.incarnation), user_id, member)
