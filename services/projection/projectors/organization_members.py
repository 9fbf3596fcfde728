"""Read model `organization_members_1`: one row per member of a life of an organization.

A deleted organization keeps its rows. Who is deleted leaves all of them at once, before his
organizations are told: a later life of his has no role that he was given in an earlier one.
"""

from events.envelope import Envelope
from events.organization import (
    OrganizationMemberAdded,
    OrganizationMemberBudgetChanged,
    OrganizationMemberRemoved,
    OrganizationMemberRoleChanged,
)
from events.streams import USER, stream
from events.user import UserDeleted
from events.values import MemberLimits
from services.projection.projector import Reach, TableProjector, identity, on
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "organization_members_1",
    key={"organization_id": "text", "incarnation": "bigint", "user_id": "text"},
    columns={
        "role": "text",
        "joined": "bigint",
        "joined_at": "timestamptz",
        "updated_at": "timestamptz",
        "limits": "jsonb",
    },
)


def added(rows: Rows, at: Envelope, event: OrganizationMemberAdded) -> None:
    rows.put(
        _key(at, event.user_id),
        role=event.role,
        joined=at.originator_version,
        joined_at=at.recorded_at,
        updated_at=at.recorded_at,
        limits=_limits(event.limits),
    )


def role_changed(rows: Rows, at: Envelope, event: OrganizationMemberRoleChanged) -> None:
    rows.change(_key(at, event.user_id), role=event.after, updated_at=at.recorded_at)


def budget_changed(rows: Rows, at: Envelope, event: OrganizationMemberBudgetChanged) -> None:
    rows.change(_key(at, event.user_id), limits=_limits(event.after), updated_at=at.recorded_at)


def removed(rows: Rows, at: Envelope, event: OrganizationMemberRemoved) -> None:
    rows.delete(_key(at, event.user_id))


def gone(rows: Rows, at: Envelope, _: UserDeleted) -> None:
    rows.clear(user_id=identity(at.originator_id))


def _key(at: Envelope, user_id: str) -> Key:
    return identity(at.originator_id), at.incarnation, user_id


def _limits(limits: MemberLimits | None) -> dict[str, object] | None:
    return None if limits is None else limits.model_dump(mode="json")


ORGANIZATION_MEMBERS = TableProjector(
    TABLE,
    {
        **on(OrganizationMemberAdded, added),
        **on(OrganizationMemberRoleChanged, role_changed),
        **on(OrganizationMemberBudgetChanged, budget_changed),
        **on(OrganizationMemberRemoved, removed),
        **on(UserDeleted, gone),
    },
    [Reach(UserDeleted, {OrganizationMemberAdded: lambda event: stream(USER, event.user_id)})],
)
