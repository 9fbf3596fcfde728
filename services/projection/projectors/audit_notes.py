"""What each fact tells an auditor: values before and after, under the contract's names."""

from events import key, team, user
from events.key import (
    KeyBlocked,
    KeyDeleted,
    KeyGenerated,
    KeyRestored,
    KeyRotated,
    KeyUnblocked,
)
from events.registry import DomainEvent
from events.user import UserCreated, UserDeleted, UserEmailChanged, UserForgotten
from events.values import timestamp
from services.projection.projectors import audit_values as values
from services.projection.projectors.audit_alert_notes import ALERT_NOTES
from services.projection.projectors.audit_copy_notes import COPY_NOTES
from services.projection.projectors.audit_entry import Entry, Note, Notes, on, replaces
from services.projection.projectors.audit_organization_notes import ORGANIZATION_NOTES
from services.projection.projectors.audit_spend_notes import SPEND_NOTES
from services.projection.projectors.audit_usage_notes import USAGE_NOTES
from services.projection.projectors.audit_values import Values


def note(entry: Entry, event: DomainEvent) -> None:
    """Take a fact in; one of those that NOTES lists."""
    entry.facts.add(type(event))
    NOTES[type(event)](entry, event)


def team_created(entry: Entry, event: team.TeamCreated) -> None:
    entry.after |= {**values.team(entry.object_id, event.settings), "members_with_roles": []}


def team_deleted(entry: Entry, event: team.TeamDeleted) -> None:
    entry.before |= values.team(entry.object_id, event.settings)
    entry.before["members_total"] = event.members_total


def team_restored(entry: Entry, event: team.TeamRestored) -> None:
    entry.after |= values.team(entry.object_id, event.settings)
    entry.after["members_total"] = event.members_total


def members_restored(entry: Entry, event: team.MembersRestored) -> None:
    for member in event.members:
        limits = values.member_limits(member.limits) if member.limits else {}
        entry.member(member.user_id, None, {"role": member.role, **limits})


def blocks(*, blocked: bool) -> Note[DomainEvent]:
    def fold(entry: Entry, _: DomainEvent) -> None:
        entry.changed({"blocked": not blocked}, {"blocked": blocked})

    return fold


def budget_changed(entry: Entry, event: team.TeamBudgetChanged) -> None:
    entry.changed(values.budget(event.before), values.budget(event.after))


def limits_changed(entry: Entry, event: team.TeamRateLimitsChanged) -> None:
    entry.changed(values.rate_limits(event.before), values.rate_limits(event.after))


def defaults_changed(entry: Entry, event: team.TeamMemberDefaultsChanged) -> None:
    entry.changed(values.member_defaults(event.before), values.member_defaults(event.after))


def permission_changed(entry: Entry, event: team.TeamObjectPermissionChanged) -> None:
    before, after = map(values.object_permission, (event.before, event.after))
    entry.changed({"object_permission": before}, {"object_permission": after})


def callbacks_changed(entry: Entry, event: team.TeamCallbacksChanged) -> None:
    entry.patched("metadata", values.logging(event.before), values.logging(event.after))


def metadata_changed(entry: Entry, event: team.TeamMetadataChanged) -> None:
    entry.patched("metadata", event.before, event.after)


def member_added(entry: Entry, event: team.MemberAdded) -> None:
    limits = values.member_limits(event.limits) if event.limits else {}
    entry.member(event.user_id, None, {"role": event.role, **limits})


def member_removed(entry: Entry, event: team.MemberRemoved) -> None:
    limits = values.member_limits(event.limits) if event.limits else {}
    entry.member(event.user_id, {"role": event.role, **limits}, None)


def role_changed(entry: Entry, event: team.MemberRoleChanged) -> None:
    entry.member(event.user_id, {"role": event.before}, {"role": event.after})


def member_budget_changed(entry: Entry, event: team.MemberBudgetChanged) -> None:
    before, after = values.member_limits(event.before), values.member_limits(event.after)
    news = {name for name in after if before[name] != after[name]}
    entry.member(
        event.user_id,
        {name: before[name] for name in before if name in news},
        {name: after[name] for name in after if name in news},
    )


def user_created(entry: Entry, event: UserCreated) -> None:
    entry.after |= values.user(entry.object_id, event.settings)


def email_changed(entry: Entry, event: UserEmailChanged) -> None:
    before, after = values.sealed(event.before), values.sealed(event.after)
    entry.changed({"user_email": before}, {"user_email": after})


def user_changed(entry: Entry, event: DomainEvent) -> None:
    """Of a user's parts only the columns that differ."""
    before, after = (values.user_part(user.replaced(side)) for side in _sides(event))
    _compared(entry, before, after)


def user_deleted(entry: Entry, event: UserDeleted) -> None:
    entry.before |= values.user(entry.object_id, event.settings)


def user_forgotten(entry: Entry, event: UserForgotten) -> None:
    """How many they are; whose keys were destroyed, the fact itself says."""
    entry.after["forgotten"] = True
    entry.after["persons"] = entry.after.get("persons", 0) + len(event.persons)


def key_generated(entry: Entry, event: KeyGenerated) -> None:
    entry.team_id = event.settings.team_id
    entry.after |= values.key(entry.object_id, event.settings)


def key_changed(entry: Entry, event: DomainEvent) -> None:
    """Of a key's parts only the columns that differ."""
    before, after = (values.key_part(key.replaced(side)) for side in _sides(event))
    _compared(entry, before, after)


def _sides(event: DomainEvent) -> tuple[DomainEvent, DomainEvent]:
    """The fact that would undo this one, and this one."""
    return event.model_copy(update={"after": getattr(event, "before", None)}), event


def _compared(entry: Entry, before: Values, after: Values) -> None:
    names = [*before, *(name for name in after if name not in before)]
    entry.changed(
        {name: before.get(name) for name in names}, {name: after.get(name) for name in names}
    )


def key_rotated(entry: Entry, event: KeyRotated) -> None:
    """The hash that carries the key on; what else changed, the entry of that one says."""
    entry.team_id = event.settings.team_id
    entry.before |= values.key(entry.object_id, event.settings)
    until = None if event.until is None else timestamp(event.until)
    entry.after |= {"token": event.successor, "accepted_until": until}


def key_restored(entry: Entry, event: KeyRestored) -> None:
    entry.team_id = event.settings.team_id
    entry.after |= values.key(entry.object_id, event.settings)


def key_deleted(entry: Entry, event: KeyDeleted) -> None:
    entry.team_id = event.settings.team_id
    entry.before |= values.key(entry.object_id, event.settings)


NOTES: Notes = {
    **on(team.TeamCreated, team_created),
    **on(team.TeamRenamed, replaces("team_alias")),
    **on(team.TeamMovedToOrganization, replaces("organization_id")),
    **on(team.TeamBudgetChanged, budget_changed),
    **on(team.TeamRateLimitsChanged, limits_changed),
    **on(team.TeamModelsChanged, replaces("models")),
    **on(team.TeamModelAliasesChanged, replaces("model_aliases")),
    **on(team.TeamMetadataChanged, metadata_changed),
    **on(team.TeamObjectPermissionChanged, permission_changed),
    **on(team.TeamRouterSettingsChanged, replaces("router_settings")),
    **on(team.TeamAccessGroupsChanged, replaces("access_group_ids")),
    **on(team.TeamMemberDefaultsChanged, defaults_changed),
    **on(team.MemberPermissionsChanged, replaces("team_member_permissions")),
    **on(team.TeamCallbacksChanged, callbacks_changed),
    **on(team.TeamBlocked, blocks(blocked=True)),
    **on(team.TeamUnblocked, blocks(blocked=False)),
    **on(team.MemberAdded, member_added),
    **on(team.MemberRoleChanged, role_changed),
    **on(team.MemberBudgetChanged, member_budget_changed),
    **on(team.MemberRemoved, member_removed),
    **on(team.TeamDeleted, team_deleted),
    **on(team.TeamRestored, team_restored),
    **on(team.MembersRestored, members_restored),
    **on(UserCreated, user_created),
    **on(UserEmailChanged, email_changed),
    **on(user.UserRenamed, user_changed),
    **on(user.UserRoleChanged, user_changed),
    **on(user.UserBudgetChanged, user_changed),
    **on(user.UserLimitsChanged, user_changed),
    **on(user.UserModelsChanged, user_changed),
    **on(user.UserMetadataChanged, user_changed),
    **on(user.UserDetailsChanged, user_changed),
    **on(UserDeleted, user_deleted),
    **on(UserForgotten, user_forgotten),
    **on(KeyGenerated, key_generated),
    **on(key.KeyMoved, key_changed),
    **on(key.KeyBudgetChanged, key_changed),
    **on(key.KeyLimitsChanged, key_changed),
    **on(key.KeyRenamed, key_changed),
    **on(key.KeyModelsChanged, key_changed),
    **on(key.KeyRoutesChanged, key_changed),
    **on(key.KeyExpiryChanged, key_changed),
    **on(key.KeyMetadataChanged, key_changed),
    **on(key.KeyDetailsChanged, key_changed),
    **on(KeyBlocked, blocks(blocked=True)),
    **on(KeyUnblocked, blocks(blocked=False)),
    **on(KeyRotated, key_rotated),
    **on(KeyDeleted, key_deleted),
    **on(KeyRestored, key_restored),
    **ORGANIZATION_NOTES,
    **USAGE_NOTES,
    **ALERT_NOTES,
    **SPEND_NOTES,
    **COPY_NOTES,
}
