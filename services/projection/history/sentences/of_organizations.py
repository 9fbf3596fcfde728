"""What somebody did to an organization, as a phrase that follows his name."""

from events import organization
from services.projection.history.sentences.wording import (
    Phrases,
    Told,
    joined,
    of_list,
    of_object,
    own_limits,
    pace,
    quoted,
)


def created(event: organization.OrganizationCreated, _: Told) -> str:
    return f"created the organization {quoted(event.settings.organization_alias)}"


def renamed(event: organization.OrganizationRenamed, _: Told) -> str:
    return f"renamed the organization from {quoted(event.before)} to {quoted(event.after)}"


def budget(event: organization.OrganizationBudgetAssigned, _: Told) -> str:
    before, after = quoted(event.before), quoted(event.after)
    return f"gave the organization the budget {after} instead of {before}"


def models(event: organization.OrganizationModelsChanged, _: Told) -> str:
    return of_list("models", event.before, event.after, "all models may be used")


def metadata(event: organization.OrganizationMetadataChanged, _: Told) -> str:
    return of_object("metadata", event.before, event.after)


def permission(event: organization.OrganizationObjectPermissionChanged, _: Told) -> str:
    before, after = (None if p is None else p.permissions for p in (event.before, event.after))
    return of_object("object permissions", before, after)


def member_added(event: organization.OrganizationMemberAdded, told: Told) -> str:
    return f"added {told.teller.person(event.user_id)} as {event.role}"


def role_changed(event: organization.OrganizationMemberRoleChanged, told: Told) -> str:
    who = told.teller.person(event.user_id)
    return f"changed the role of {who} from {event.before} to {event.after}"


def member_budget(event: organization.OrganizationMemberBudgetChanged, told: Told) -> str:
    whom = f"{told.teller.person(event.user_id)} in the organization"
    return own_limits(whom, event.before, event.after)


def member_removed(event: organization.OrganizationMemberRemoved, told: Told) -> str:
    who = told.teller.person(event.user_id)
    return f"removed {who}, who was {event.role}, from the organization"


def allowance(event: organization.OrganizationAllowanceChanged, _: Told) -> str:
    whose = f"the team {quoted(event.team_id)}"
    if event.after is None:
        return f"gave back the throughput guaranteed to {whose}"
    was = event.before or organization.Allowance()
    changed = joined(pace(was, event.after), "changed the limits of models")
    return f"{changed} guaranteed to {whose}"


def deleted(event: organization.OrganizationDeleted, _: Told) -> str:
    return f"deleted the organization {quoted(event.settings.organization_alias)}"


PHRASES: Phrases = {
    organization.OrganizationCreated: created,
    organization.OrganizationRenamed: renamed,
    organization.OrganizationBudgetAssigned: budget,
    organization.OrganizationModelsChanged: models,
    organization.OrganizationMetadataChanged: metadata,
    organization.OrganizationObjectPermissionChanged: permission,
    organization.OrganizationMemberAdded: member_added,
    organization.OrganizationMemberRoleChanged: role_changed,
    organization.OrganizationMemberBudgetChanged: member_budget,
    organization.OrganizationMemberRemoved: member_removed,
    organization.OrganizationAllowanceChanged: allowance,
    organization.OrganizationDeleted: deleted,
}
