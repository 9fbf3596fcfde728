"""Read model `memberships_1`: one row per member of a team; a deleted team keeps its rows.

Who is deleted leaves all rosters at once, those of deleted teams too, before his teams are told.
"""

from events.envelope import Envelope
from events.streams import USER, stream
from events.team import MemberAdded, MemberBudgetChanged, MemberRemoved, MemberRoleChanged
from events.user import UserDeleted
from events.values import MemberLimits
from services.projection.projector import Reach, TableProjector, identity, on
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "memberships_1",
    key={"team_id": "text", "incarnation": "bigint", "user_id": "text"},
    columns={"role": "text", "joined": "bigint", "joined_at": "timestamptz", "limits": "jsonb"},
)


def added(rows: Rows, at: Envelope, event: MemberAdded) -> None:
    rows.put(
        _key(at, event.user_id),
        role=event.role,
        joined=at.originator_version,
        joined_at=at.recorded_at,
        limits=_limits(event.limits),
    )


def role_changed(rows: Rows, at: Envelope, event: MemberRoleChanged) -> None:
    rows.change(_key(at, event.user_id), role=event.after)


def budget_changed(rows: Rows, at: Envelope, event: MemberBudgetChanged) -> None:
    rows.change(_key(at, event.user_id), limits=_limits(event.after))


def removed(rows: Rows, at: Envelope, event: MemberRemoved) -> None:
    rows.delete(_key(at, event.user_id))


def gone(rows: Rows, at: Envelope, _: UserDeleted) -> None:
    rows.clear(user_id=identity(at.originator_id))


def _key(at: Envelope, user_id: str) -> Key:
    return identity(at.originator_id), at.incarnation, user_id


def _limits(limits: MemberLimits | None) -> dict[str, object] | None:
    return None if limits is None else limits.model_dump(mode="json")


MEMBERSHIPS = TableProjector(
    TABLE,
    {
        **on(MemberAdded, added),
        **on(MemberRoleChanged, role_changed),
        **on(MemberBudgetChanged, budget_changed),
        **on(MemberRemoved, removed),
        **on(UserDeleted, gone),
    },
    [Reach(UserDeleted, {MemberAdded: lambda event: stream(USER, event.user_id)})],
)
