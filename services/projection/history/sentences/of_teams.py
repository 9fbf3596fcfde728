"""What somebody did to a team, as a phrase that follows his name."""

from events import team
from events.values import MemberLimits, RateLimits, TeamBudget
from services.projection.history.sentences.wording import (
    Phrases,
    Told,
    joined,
    listed,
    of_list,
    of_object,
    own_limits,
    pace,
    quoted,
    replaced,
    says,
    spending,
    usd,
)

_EVERY_MODEL = "all models may be used"


def _named(told: Told, alias: str | None) -> str:
    return quoted(told.identity if alias is None else alias)


def created(event: team.TeamCreated, told: Told) -> str:
    settings = event.settings
    parts = [f"created the team {_named(told, settings.team_alias)}"]
    if settings.organization_id is not None:
        parts[0] += f" in the organization {quoted(settings.organization_id)}"
    parts += spending(TeamBudget(), settings.budget)
    parts += pace(RateLimits(), settings.limits)
    return joined(parts, "")


def renamed(event: team.TeamRenamed, _: Told) -> str:
    return joined([*replaced("name of the team", event.before, event.after)], "renamed the team")


def moved(event: team.TeamMovedToOrganization, _: Told) -> str:
    left = "" if event.before is None else f" out of the organization {quoted(event.before)}"
    entered = "" if event.after is None else f" into the organization {quoted(event.after)}"
    return f"moved the team{left}{entered}"


def budget(event: team.TeamBudgetChanged, _: Told) -> str:
    return joined(spending(event.before, event.after), "changed the budget")


def limits(event: team.TeamRateLimitsChanged, _: Told) -> str:
    return joined(pace(event.before, event.after), "changed the limits")


def models(event: team.TeamModelsChanged, _: Told) -> str:
    return of_list("models", event.before, event.after, _EVERY_MODEL)


def aliases(event: team.TeamModelAliasesChanged, _: Told) -> str:
    return of_object("model aliases", event.before, event.after)


def metadata(event: team.TeamMetadataChanged, _: Told) -> str:
    return of_object("metadata", event.before, event.after)


def permission(event: team.TeamObjectPermissionChanged, _: Told) -> str:
    before, after = (None if p is None else p.permissions for p in (event.before, event.after))
    return of_object("object permissions", before, after)


def router(event: team.TeamRouterSettingsChanged, _: Told) -> str:
    return of_object("router settings", event.before, event.after)


def groups(event: team.TeamAccessGroupsChanged, _: Told) -> str:
    return of_list("access groups", event.before, event.after, "there are none")


def defaults(event: team.TeamMemberDefaultsChanged, _: Told) -> str:
    return own_limits("members without limits of their own", event.before, event.after)


def permissions(event: team.MemberPermissionsChanged, _: Told) -> str:
    return of_list("permissions of members", event.before, event.after, "the default holds")


def callbacks(event: team.TeamCallbacksChanged, _: Told) -> str:
    before, after = ([each.callback_name for each in side] for side in (event.before, event.after))
    if set(before) == set(after):
        return f"changed the settings of the logging callbacks {listed(after)}"
    return of_list("logging callbacks", before, after, "nothing is logged")


def member_added(event: team.MemberAdded, told: Told) -> str:
    return f"added {told.teller.person(event.user_id)} as {event.role}{_with(event.limits)}"


def role_changed(event: team.MemberRoleChanged, told: Told) -> str:
    who = told.teller.person(event.user_id)
    return f"changed the role of {who} from {event.before} to {event.after}"


def member_budget(event: team.MemberBudgetChanged, told: Told) -> str:
    whom = f"{told.teller.person(event.user_id)} in the team"
    return own_limits(whom, event.before, event.after)


def member_removed(event: team.MemberRemoved, told: Told) -> str:
    return f"removed {told.teller.person(event.user_id)}, who was {event.role}, from the team"


def deleted(event: team.TeamDeleted, told: Told) -> str:
    name = _named(told, event.settings.team_alias)
    return f"deleted the team {name} with {_members(event.members_total)}"


def restored(event: team.TeamRestored, told: Told) -> str:
    keys = "with its keys" if event.keys else "without its keys"
    name = _named(told, event.settings.team_alias)
    return f"restored the team {name} with {_members(event.members_total)}, {keys}"


def members_restored(event: team.MembersRestored, told: Told) -> str:
    who = [told.teller.person(member.user_id) for member in event.members]
    shown = ", ".join(who) if len(who) <= len("three") else _members(len(who))
    return f"kept {shown} in the restored team"


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"


def _with(limits: MemberLimits | None) -> str:
    if limits is None or limits.max_budget is None:
        return ""
    per = f" per {limits.budget_duration}" if limits.budget_duration else ""
    return f" with a budget of {usd(limits.max_budget)}{per}"


PHRASES: Phrases = {
    team.TeamCreated: created,
    team.TeamRenamed: renamed,
    team.TeamMovedToOrganization: moved,
    team.TeamBudgetChanged: budget,
    team.TeamRateLimitsChanged: limits,
    team.TeamModelsChanged: models,
    team.TeamModelAliasesChanged: aliases,
    team.TeamMetadataChanged: metadata,
    team.TeamObjectPermissionChanged: permission,
    team.TeamRouterSettingsChanged: router,
    team.TeamAccessGroupsChanged: groups,
    team.TeamMemberDefaultsChanged: defaults,
    team.MemberPermissionsChanged: permissions,
    team.TeamCallbacksChanged: callbacks,
    team.TeamBlocked: says("blocked the team"),
    team.TeamUnblocked: says("unblocked the team"),
    team.MemberAdded: member_added,
    team.MemberRoleChanged: role_changed,
    team.MemberBudgetChanged: member_budget,
    team.MemberRemoved: member_removed,
    team.TeamDeleted: deleted,
    team.TeamRestored: restored,
    team.MembersRestored: members_restored,
}
