"""Read model `links_1`: which things ever had to do with one another; rows are never removed.

The past of one thing is that of others, too: of the keys that a team had then, of users who were in
it. What is linked no more stands in no other table, so the past is looked for along these.
"""

from collections.abc import Iterable

from events.envelope import Envelope
from events.key import KeyGenerated, KeyMoved, KeyOwner, KeySettings
from events.organization import OrganizationMemberAdded
from events.streams import KEY, ORGANIZATION, TEAM, USER
from events.team import MemberAdded, TeamCreated, TeamMovedToOrganization
from services.projection.projector import TableProjector, identity, on
from services.projection.rows import Rows, Table

TABLE = Table(
    "links_1",
    key={"holder_kind": "text", "holder": "text", "kind": "text", "id": "text"},
    columns={"position": "bigint"},
)
Thing = tuple[str, str | None]
"""A kind and an id; None for nothing of that kind."""


def _link(rows: Rows, at: Envelope, kind: str, holders: Iterable[Thing], name: str) -> None:
    for holder_kind, holder in holders:
        if holder is not None:
            rows.put((holder_kind, holder, kind, name), position=at.position)


def member_added(rows: Rows, at: Envelope, event: MemberAdded) -> None:
    _link(rows, at, USER, [(TEAM, identity(at.originator_id))], event.user_id)


def organization_member_added(rows: Rows, at: Envelope, event: OrganizationMemberAdded) -> None:
    _link(rows, at, USER, [(ORGANIZATION, identity(at.originator_id))], event.user_id)


def team_created(rows: Rows, at: Envelope, event: TeamCreated) -> None:
    holder = (ORGANIZATION, event.settings.organization_id)
    _link(rows, at, TEAM, [holder], identity(at.originator_id))


def team_moved(rows: Rows, at: Envelope, event: TeamMovedToOrganization) -> None:
    _link(rows, at, TEAM, [(ORGANIZATION, event.after)], identity(at.originator_id))


def key_generated(rows: Rows, at: Envelope, event: KeyGenerated) -> None:
    _link(rows, at, KEY, _holders(event.settings), identity(at.originator_id))


def key_moved(rows: Rows, at: Envelope, event: KeyMoved) -> None:
    _link(rows, at, KEY, _holders(event.after), identity(at.originator_id))


def _holders(owner: KeyOwner | KeySettings) -> list[Thing]:
    of = (ORGANIZATION, owner.organization_id)
    return [(TEAM, owner.team_id), (USER, owner.user_id), of]


LINKS = TableProjector(
    TABLE,
    {
        **on(MemberAdded, member_added),
        **on(OrganizationMemberAdded, organization_member_added),
        **on(TeamCreated, team_created),
        **on(TeamMovedToOrganization, team_moved),
        **on(KeyGenerated, key_generated),
        **on(KeyMoved, key_moved),
    },
)
