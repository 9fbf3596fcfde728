"""What facts about organizations and budgets tell an auditor.

What an organization hands out of its throughput is told by the team that takes it.
"""

from events import organization
from events.budget import BudgetChanged, BudgetCreated, BudgetDeleted
from services.projection.projectors import audit_values as values
from services.projection.projectors.audit_entry import E, Entry, Note, Notes, on, replaces


def budget_created(entry: Entry, event: BudgetCreated) -> None:
    entry.after |= values.shared_budget(entry.object_id, event.settings)


def shared_budget_changed(entry: Entry, event: BudgetChanged) -> None:
    before, after = (
        values.shared_budget(entry.object_id, side) for side in (event.before, event.after)
    )
    entry.changed(before, after)


def budget_deleted(entry: Entry, event: BudgetDeleted) -> None:
    entry.before |= values.shared_budget(entry.object_id, event.settings)


def organization_created(entry: Entry, event: organization.OrganizationCreated) -> None:
    entry.after |= values.organization(entry.object_id, event.settings)


def organization_deleted(entry: Entry, event: organization.OrganizationDeleted) -> None:
    entry.before |= values.organization(entry.object_id, event.settings)


def of_organization(note: Note[E]) -> Note[E]:
    """For facts about a member of an organization, whose roster has another name."""

    def fold(entry: Entry, event: E) -> None:
        entry.roster = "members"
        note(entry, event)

    return fold


def organization_member_added(entry: Entry, event: organization.OrganizationMemberAdded) -> None:
    limits = values.organization_limits(event.limits) if event.limits else {}
    entry.member(event.user_id, None, {"user_role": event.role, **limits})


def organization_member_removed(
    entry: Entry, event: organization.OrganizationMemberRemoved
) -> None:
    limits = values.organization_limits(event.limits) if event.limits else {}
    entry.member(event.user_id, {"user_role": event.role, **limits}, None)


def organization_role_changed(
    entry: Entry, event: organization.OrganizationMemberRoleChanged
) -> None:
    entry.member(event.user_id, {"user_role": event.before}, {"user_role": event.after})


def organization_limits_changed(
    entry: Entry, event: organization.OrganizationMemberBudgetChanged
) -> None:
    before, after = map(values.organization_limits, (event.before, event.after))
    entry.member(event.user_id, before, after)


def metadata_changed(entry: Entry, event: organization.OrganizationMetadataChanged) -> None:
    entry.patched("metadata", event.before, event.after)


def permission_changed(
    entry: Entry, event: organization.OrganizationObjectPermissionChanged
) -> None:
    before, after = map(values.object_permission, (event.before, event.after))
    entry.changed({"object_permission": before}, {"object_permission": after})


ORGANIZATION_NOTES: Notes = {
    **on(BudgetCreated, budget_created),
    **on(BudgetChanged, shared_budget_changed),
    **on(BudgetDeleted, budget_deleted),
    **on(organization.OrganizationCreated, organization_created),
    **on(organization.OrganizationRenamed, replaces("organization_alias")),
    **on(organization.OrganizationBudgetAssigned, replaces("budget_id")),
    **on(organization.OrganizationModelsChanged, replaces("models")),
    **on(organization.OrganizationMetadataChanged, metadata_changed),
    **on(organization.OrganizationObjectPermissionChanged, permission_changed),
    **on(organization.OrganizationMemberAdded, of_organization(organization_member_added)),
    **on(organization.OrganizationMemberRemoved, of_organization(organization_member_removed)),
    **on(organization.OrganizationMemberRoleChanged, of_organization(organization_role_changed)),
    **on(
        organization.OrganizationMemberBudgetChanged,
        of_organization(organization_limits_changed),
    ),
    **on(organization.OrganizationDeleted, organization_deleted),
}
