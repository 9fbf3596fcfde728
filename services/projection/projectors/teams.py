"""Read model `teams_1`: one row per life of a team; a deleted team keeps its row.

The teams of a deleted organization are deleted with it, before their own facts say so.
"""

from events.envelope import Envelope
from events.imported import ThingImported
from events.organization import OrganizationDeleted
from events.registry import DomainEvent
from events.streams import ORGANIZATION, TEAM, Stream, stream
from events.team import (
    MemberAdded,
    MemberBudgetChanged,
    MemberPermissionsChanged,
    MemberRemoved,
    MemberRoleChanged,
    MembersRestored,
    TeamAccessGroupsChanged,
    TeamBlocked,
    TeamBudgetChanged,
    TeamCallbacksChanged,
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
    TeamRestored,
    TeamRouterSettingsChanged,
    TeamUnblocked,
)
from events.values import JsonObject
from services.projection.projector import Fold, Reach, TableProjector, identity, on
from services.projection.projectors.imported import imported
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
        "gone_at": "bigint",
    },
)


def team_key(at: Envelope) -> Key:
    return identity(at.originator_id), at.incarnation


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
    _change(rows, at, {})


def replaces(field: str) -> Fold[DomainEvent]:
    """Fold for facts whose `after` is the new value of one field of the settings."""

    def fold(rows: Rows, at: Envelope, event: DomainEvent) -> None:
        _change(rows, at, {field: _after(event)})

    return fold


def renamed(rows: Rows, at: Envelope, event: TeamRenamed) -> None:
    alias = event.after
    _change(rows, at, {"team_alias": alias}, team_alias=alias, alias_lower=_lower(alias))


def moved(rows: Rows, at: Envelope, event: TeamMovedToOrganization) -> None:
    _change(rows, at, {"organization_id": event.after}, organization_id=event.after)


def budget_changed(rows: Rows, at: Envelope, event: TeamBudgetChanged) -> None:
    before, after = event.before.budget_duration, event.after.budget_duration
    since = _window("budget_since", at, before, after)
    _change(rows, at, {"budget": _after(event)}, **since)


def defaults_changed(rows: Rows, at: Envelope, event: TeamMemberDefaultsChanged) -> None:
    before = event.before.budget_duration if event.before else None
    after = event.after.budget_duration if event.after else None
    since = _window("defaults_since", at, before, after)
    _change(rows, at, {"member_defaults": _after(event)}, **since)


def aliases_changed(rows: Rows, at: Envelope, event: TeamModelAliasesChanged) -> None:
    columns: JsonObject = {"model_aliases_by": at.meta.actor}
    if event.after is None:
        columns = {"model_aliases_by": None, "model_table_id": None}
    elif event.before is None:
        columns["model_table_id"] = at.position
    _change(rows, at, {"model_aliases": event.after}, **columns)


def metadata_changed(rows: Rows, at: Envelope, event: TeamMetadataChanged) -> None:
    rows.merge(team_key(at), "metadata", event.after, event.before.keys() - event.after.keys())
    _change(rows, at, {})


def blocks(*, blocked: bool) -> Fold[DomainEvent]:
    def fold(rows: Rows, at: Envelope, _: DomainEvent) -> None:
        _change(rows, at, {"blocked": blocked}, blocked=blocked)

    return fold


def counts(members: int) -> Fold[DomainEvent]:
    def fold(rows: Rows, at: Envelope, _: DomainEvent) -> None:
        rows.add(team_key(at), "members_total", members)
        _change(rows, at, {})

    return fold


def deleted(rows: Rows, at: Envelope, _: TeamDeleted) -> None:
    rows.change(team_key(at), version=at.originator_version, **_end(at))


def restored(rows: Rows, at: Envelope, _: TeamRestored) -> None:
    """Nothing is left of the end but `gone_at`: keys that were the team's up to there stay void."""
    _change(rows, at, {}, **dict.fromkeys(_end(at).keys() - {"gone_at"}))


def organization_deleted(rows: Rows, at: Envelope, _: OrganizationDeleted) -> None:
    live = {"organization_id": identity(at.originator_id), "deleted_at": None}
    rows.change_where(live, **_end(at))


def _end(at: Envelope) -> JsonObject:
    claim = at.meta.on_behalf_of
    return {
        "deleted_at": at.recorded_at,
        "deleted_by": at.meta.actor,
        "deleted_by_key": at.meta.actor_key,
        "deleted_by_role": at.meta.actor_role,
        "deleted_claim": claim.model_dump() if claim else None,
        "deleted_event_id": at.event_id,
        "gone_at": at.position,
    }


def ended_elsewhere(event: ThingImported) -> dict[str, object]:
    """When a life was over before the import, and by whom, as far as that is known."""
    ended = {
        "deleted_at": event.deleted_at,
        "deleted_by": event.deleted_by,
        "deleted_by_key": event.deleted_by_key,
    }
    return {name: value for name, value in ended.items() if value is not None}


def _change(rows: Rows, at: Envelope, settings: JsonObject, **columns: object) -> None:
    """Every fact about a team gives it a version and a time; most change fields of its settings."""
    key = team_key(at)
    rows.change(key, version=at.originator_version, updated_at=at.recorded_at, **columns)
    if settings:
        rows.merge(key, "settings", settings)


def _window(column: str, at: Envelope, before: str | None, after: str | None) -> JsonObject:
    """D38: only another duration starts the window anew; without a duration there is none."""
    return {} if before == after else {column: at.recorded_at if after else None}


def _created_in(event: TeamCreated) -> Stream | None:
    return _stream_of(event.settings.organization_id)


def _moved_to(event: TeamMovedToOrganization) -> Stream | None:
    return _stream_of(event.after)


def _stream_of(organization_id: str | None) -> Stream | None:
    return None if organization_id is None else stream(ORGANIZATION, organization_id)


def _after(event: DomainEvent) -> object:
    return event.model_dump(mode="json", include={"after"})["after"]


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
        **on(TeamCallbacksChanged, replaces("callbacks")),
        **on(TeamBlocked, blocks(blocked=True)),
        **on(TeamUnblocked, blocks(blocked=False)),
        **on(MemberAdded, counts(+1)),
        **on(MemberRoleChanged, touched),
        **on(MemberBudgetChanged, touched),
        **on(MemberRemoved, counts(-1)),
        **on(MembersRestored, touched),
        **on(TeamDeleted, deleted),
        **on(TeamRestored, restored),
        **on(OrganizationDeleted, organization_deleted),
        **on(ThingImported, imported(TEAM, ended_elsewhere)),
    },
    [Reach(OrganizationDeleted, {TeamCreated: _created_in, TeamMovedToOrganization: _moved_to})],
)
