"""Read model `organizations_1`: one row per life of an organization; a deleted one keeps its row.

What an organization has handed out of its throughput is no part of it: only the version tells.
"""

from events.envelope import Envelope
from events.imported import ThingImported
from events.organization import (
    OrganizationAllowanceChanged,
    OrganizationBudgetAssigned,
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationMemberAdded,
    OrganizationMemberBudgetChanged,
    OrganizationMemberRemoved,
    OrganizationMemberRoleChanged,
    OrganizationMetadataChanged,
    OrganizationModelsChanged,
    OrganizationObjectPermissionChanged,
    OrganizationRenamed,
)
from events.registry import DomainEvent
from events.streams import ORGANIZATION
from services.projection.projector import Fold, TableProjector, identity, on
from services.projection.projectors.imported import imported, makers
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "organizations_1",
    key={"organization_id": "text", "incarnation": "bigint"},
    columns={
        "organization_alias": "text",
        "alias_lower": "text",
        "budget_id": "text",
        "created_at": "timestamptz",
        "created_by": "text",
        "updated_at": "timestamptz",
        "updated_by": "text",
        "version": "bigint",
        "deleted_at": "timestamptz",
        "gone_at": "bigint",
        "members_total": "bigint",
        "settings": "jsonb",
        "metadata": "jsonb",
    },
)


def created(rows: Rows, at: Envelope, event: OrganizationCreated) -> None:
    settings = event.settings
    rows.put(
        _key(at),
        organization_alias=settings.organization_alias,
        alias_lower=settings.organization_alias.lower(),
        budget_id=settings.budget_id,
        created_at=at.recorded_at,
        created_by=at.meta.actor,
        updated_at=at.recorded_at,
        updated_by=at.meta.actor,
        version=at.originator_version,
        members_total=0,
        settings=settings.model_dump(mode="json", exclude={"metadata"}),
        metadata=settings.metadata,
    )


def renamed(rows: Rows, at: Envelope, event: OrganizationRenamed) -> None:
    alias = event.after
    rows.merge(_key(at), "settings", {"organization_alias": alias})
    _change(rows, at, organization_alias=alias, alias_lower=alias.lower())


def budget_assigned(rows: Rows, at: Envelope, event: OrganizationBudgetAssigned) -> None:
    rows.merge(_key(at), "settings", {"budget_id": event.after})
    _change(rows, at, budget_id=event.after)


def replaces(field: str) -> Fold[DomainEvent]:
    """Fold for facts whose `after` is the new value of one field of the settings."""

    def fold(rows: Rows, at: Envelope, event: DomainEvent) -> None:
        after = event.model_dump(mode="json", include={"after"})["after"]
        rows.merge(_key(at), "settings", {field: after})
        _change(rows, at)

    return fold


def metadata_changed(rows: Rows, at: Envelope, event: OrganizationMetadataChanged) -> None:
    rows.merge(_key(at), "metadata", event.after, event.before.keys() - event.after.keys())
    _change(rows, at)


def counts(members: int) -> Fold[DomainEvent]:
    def fold(rows: Rows, at: Envelope, _: DomainEvent) -> None:
        rows.add(_key(at), "members_total", members)
        _change(rows, at)

    return fold


def allowed(rows: Rows, at: Envelope, _: OrganizationAllowanceChanged) -> None:
    rows.change(_key(at), version=at.originator_version)


def deleted(rows: Rows, at: Envelope, _: OrganizationDeleted) -> None:
    rows.change(
        _key(at),
        deleted_at=at.recorded_at,
        gone_at=at.position,
        version=at.originator_version,
    )


def _change(rows: Rows, at: Envelope, **columns: object) -> None:
    rows.change(
        _key(at),
        version=at.originator_version,
        updated_at=at.recorded_at,
        updated_by=at.meta.actor,
        **columns,
    )


def _key(at: Envelope) -> Key:
    return identity(at.originator_id), at.incarnation


ORGANIZATIONS = TableProjector(
    TABLE,
    {
        **on(OrganizationCreated, created),
        **on(OrganizationRenamed, renamed),
        **on(OrganizationBudgetAssigned, budget_assigned),
        **on(OrganizationModelsChanged, replaces("models")),
        **on(OrganizationObjectPermissionChanged, replaces("object_permission")),
        **on(OrganizationMetadataChanged, metadata_changed),
        **on(OrganizationMemberAdded, counts(+1)),
        **on(OrganizationMemberRoleChanged, counts(0)),
        **on(OrganizationMemberBudgetChanged, counts(0)),
        **on(OrganizationMemberRemoved, counts(-1)),
        **on(OrganizationAllowanceChanged, allowed),
        **on(OrganizationDeleted, deleted),
        **on(ThingImported, imported(ORGANIZATION, makers)),
    },
)
