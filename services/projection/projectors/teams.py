"""Read model `teams_1`: one row per life of a team; a deleted team keeps its row."""

from events.envelope import Envelope
from events.registry import DomainEvent
from events.streams import kind_and_id
from events.team import (
    MemberAdded,
    MemberBudgetChanged,
    MemberPermissionsChanged,
    MemberRemoved,
    MemberRoleChanged,
    TeamAccessGroupsChanged,
    TeamBlocked,
    TeamBudgetChanged,
    TeamCreated,
    TeamDeleted,
    TeamMemberDefaultsChanged,
    TeamMetadataChanged,
    TeamModelAliasesChanged,
    TeamModelsChanged,
    TeamMovedToOrganization,
    TeamObjectPermissionChanged,
    TeamRateLimitsChanged,
    TeamRenamed,
    TeamRouterSettingsChanged,
    TeamUnblocked,
)
from services.projection.projector import Fold, TableProjector, on
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "teams_1",
    key={"team_id": "text", "incarnation": "bigint"},
    columns={
        "team_alias": "text",
        "alias_lower": "text",
        "organization_id": "text",
        "blocked": "boolean",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "version": "bigint",
        "created_position": "bigint",
        "deleted_at": "timestamptz",
        "deleted_by": "text",
        "deleted_by_key": "text",
        "deleted_by_role": "text",
        "deleted_claim": "jsonb",
        "deleted_event_id": "text",
        "members_total": "bigint",
        "settings": "jsonb",
        "metadata": "jsonb",
        "budget_since": "timestamptz",
        "defaults_since": "timestamptz",
        "model_table_id": "bigint",
        "model_aliases_by": "text",
    },
)


def team_key(at: Envelope) -> Key:
    return kind_and_id(at.originator_id)[1], at.incarnation


def created(rows: Rows, at: Envelope, event: TeamCreated) -> None:
    settings = event.settings
    defaults, aliases = settings.member_defaults, settings.model_aliases
    rows.put(
        team_key(at),
        team_alias=settings.team_alias,
        alias_lower=_lower(settings.team_alias),
        organization_id=settings.organization_id,
        blocked=settings.blocked,
        created_at=at.recorded_at,
        updated_at=at.recorded_at,
        version=at.originator_version,
        created_position=at.position,
        members_total=0,
        settings=settings.model_dump(mode="json", exclude={"metadata"}),
        metadata=settings.metadata,
        budget_since=at.recorded_at if settings.budget.budget_duration else None,
        defaults_since=at.recorded_at if defaults and defaults.budget_duration else None,
        model_table_id=None if aliases is None else at.position,
        model_aliases_by=None if aliases is None else at.meta.actor,
    )


def touched(rows: Rows, at: Envelope, _: DomainEvent) -> None:
    rows.change(team_key(at), version=at.originator_version, updated_at=at.recorded_at)


def replaces(field: str) -> Fold[DomainEvent]:
    """Fold for facts whose `after` is the new value of one field of the settings."""

    def replaced(rows: Rows, at: Envelope, event: DomainEvent) -> None:
        after = event.model_dump(mode="json", include={"after"})["after"]
        rows.merge(team_key(at), "settings", {field: after})
        touched(rows, at, event)

    return replaced


def renamed(rows: Rows, at: Envelope, event: TeamRenamed) -> None:
    replaces("team_alias")(rows, at, event)
    rows.change(team_key(at), team_alias=event.after, alias_lower=_lower(event.after))


def moved(rows: Rows, at: Envelope, event: TeamMovedToOrganization) -> None:
    replaces("organization_id")(rows, at, event)
    rows.change(team_key(at), organization_id=event.after)


def budget_changed(rows: Rows, at: Envelope, event: TeamBudgetChanged) -> None:
    """D38: only another duration starts the window anew; without one there is no window."""
    replaces("budget")(rows, at, event)
    duration = event.after.budget_duration
    if duration != event.before.budget_duration:
        rows.change(team_key(at), budget_since=at.recorded_at if duration else None)


def defaults_changed(rows: Rows, at: Envelope, event: TeamMemberDefaultsChanged) -> None:
    replaces("member_defaults")(rows, at, event)
    before = event.before.budget_duration if event.before else None
    after = event.after.budget_duration if event.after else None
    if after != before:
        rows.change(team_key(at), defaults_since=at.recorded_at if after else None)


def aliases_changed(rows: Rows, at: Envelope, event: TeamModelAliasesChanged) -> None:
    replaces("model_aliases")(rows, at, event)
    rows.change(team_key(at), model_aliases_by=at.meta.actor)
    if event.before is None:
        rows.change(team_key(at), model_table_id=at.position)


def metadata_changed(rows: Rows, at: Envelope, event: TeamMetadataChanged) -> None:
    removed = event.before.keys() - event.after.keys()
    rows.merge(team_key(at), "metadata", event.after, removed)
    touched(rows, at, event)


def blocks(*, blocked: bool) -> Fold[DomainEvent]:
    def fold(rows: Rows, at: Envelope, event: DomainEvent) -> None:
        rows.merge(team_key(at), "settings", {"blocked": blocked})
        rows.change(team_key(at), blocked=blocked)
        touched(rows, at, event)

    return fold


def counts(members: int) -> Fold[DomainEvent]:
    def fold(rows: Rows, at: Envelope, event: DomainEvent) -> None:
        rows.add(team_key(at), "members_total", members)
        touched(rows, at, event)

    return fold


def deleted(rows: Rows, at: Envelope, _: TeamDeleted) -> None:
    claim = at.meta.on_behalf_of
    rows.change(
        team_key(at),
        version=at.originator_version,
        deleted_at=at.recorded_at,
        deleted_by=at.meta.actor,
        deleted_by_key=at.meta.actor_key,
        deleted_by_role=at.meta.actor_role,
        deleted_claim=claim.model_dump() if claim else None,
        deleted_event_id=at.event_id,
    )


def _lower(alias: str | None) -> str | None:
    return None if alias is None else alias.lower()


TEAMS = TableProjector(
    TABLE,
    {
        **on(TeamCreated, created),
        **on(TeamRenamed, renamed),
        **on(TeamMovedToOrganization, moved),
        **on(TeamBudgetChanged, budget_changed),
        **on(TeamRateLimitsChanged, replaces("limits")),
        **on(TeamModelsChanged, replaces("models")),
        **on(TeamModelAliasesChanged, aliases_changed),
        **on(TeamMetadataChanged, metadata_changed),
        **on(TeamObjectPermissionChanged, replaces("object_permission")),
        **on(TeamRouterSettingsChanged, replaces("router_settings")),
        **on(TeamAccessGroupsChanged, replaces("access_group_ids")),
        **on(TeamMemberDefaultsChanged, defaults_changed),
        **on(MemberPermissionsChanged, replaces("member_permissions")),
        **on(TeamBlocked, blocks(blocked=True)),
        **on(TeamUnblocked, blocks(blocked=False)),
        **on(MemberAdded, counts(+1)),
        **on(MemberRoleChanged, touched),
        **on(MemberBudgetChanged, touched),
        **on(MemberRemoved, counts(-1)),
        **on(TeamDeleted, deleted),
    },
)
