"""What hangs on what: keys on teams, users, organizations and budgets, teams on users, ...

The links come from facts alone, are written with them and can be rebuilt; the command side uses
them to find what a deletion concerns, and which teams a user is in.
"""

from dataclasses import dataclass
from typing import Literal

from events.envelope import Envelope
from events.key import (
    KeyDeleted,
    KeyDetailsChanged,
    KeyGenerated,
    KeyMoved,
    KeyOwner,
    KeyRestored,
    KeyRotated,
    KeySettings,
    owner_of,
)
from events.organization import (
    OrganizationBudgetAssigned,
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationMemberAdded,
    OrganizationMemberBudgetChanged,
    OrganizationMemberRemoved,
)
from events.streams import BUDGET, ORGANIZATION, TEAM, USER, stream
from events.team import (
    MemberAdded,
    MemberBudgetChanged,
    MemberRemoved,
    MembersRestored,
    TeamCreated,
    TeamDeleted,
    TeamMemberDefaultsChanged,
    TeamMovedToOrganization,
    TeamRestored,
)
from events.user import UserCreated, UserDeleted
from events.values import JsonObject, MemberLimits
from events.webhook import WEBHOOKS, WebhookCreated, WebhookDeleted

TEAMS, KEYS, USERS, ORGANIZATIONS = "teams", "keys", "users", "organizations"
LIMITS = "limits"
"""From a budget to the teams and organizations in which it limits members, or once did: who looks
for those finds out which. The link goes with the team, or the organization."""

EVERYBODY = "everybody"
"""The one parent of all users."""


def keys_of_member(user_id: str) -> str:
    """The kind of link from a team to the keys that one member has in it."""
    return f"keys/{user_id}"


def revoked_keys(incarnation: int) -> str:
    """The kind of link from a team to the keys that went with that life of it."""
    return f"revoked/{incarnation}"


@dataclass(frozen=True, slots=True)
class Link:
    """`drop` removes every link that leads to `child`, whatever its parent."""

    action: Literal["add", "remove", "drop"]
    parent: str
    kind: str
    child: str
    since: int = 0


def links(envelope: Envelope) -> list[Link]:
    """The changes that one fact makes."""
    stream_name, since = envelope.originator_id, envelope.position
    match envelope.event:
        case MemberAdded(user_id=user_id, limits=limits):
            joined = Link("add", stream(USER, user_id), TEAMS, stream_name, since)
            return [joined, *_limits(stream_name, since, limits)]
        case MemberBudgetChanged(before=own, after=limits):
            return _limits(stream_name, since, limits, own)
        case OrganizationMemberBudgetChanged(before=own, after=limits):
            return _limits(stream_name, since, limits, own)
        case TeamMemberDefaultsChanged(before=own, after=limits):
            return _limits(stream_name, since, limits, own)
        case MemberRemoved(user_id=user_id):
            return [Link("remove", stream(USER, user_id), TEAMS, stream_name)]
        case TeamDeleted():
            return [Link("drop", "", TEAMS, stream_name)]
        case KeyGenerated(settings=settings):
            owners = _moved(stream_name, since, KeyOwner(), owner_of(settings))
            return [*owners, *_budgeted(stream_name, since, {}, settings.extra)]
        case KeyDetailsChanged(before=before_extra, after=after_extra):
            return _budgeted(stream_name, since, before_extra, after_extra)
        case KeyMoved(before=before, after=after):
            return _moved(stream_name, since, before, after)
        case KeyDeleted(settings=settings, cause="team"):
            left = _left(stream_name, since, settings)
            return [*left, *_revoked("add", stream_name, since, settings)]
        case KeyDeleted(settings=settings) | KeyRotated(settings=settings):
            return _left(stream_name, since, settings)
        case KeyRestored(settings=settings):
            owners = _moved(stream_name, since, KeyOwner(), owner_of(settings))
            back = [*owners, *_budgeted(stream_name, since, {}, settings.extra)]
            return [*_revoked("remove", stream_name, since, settings), *back]
        case UserCreated():
            return [Link("add", EVERYBODY, USERS, stream_name, since)]
        case UserDeleted():
            return [Link("drop", "", USERS, stream_name)]
        case TeamCreated(settings=settings) | TeamRestored(settings=settings):
            entered = _in_organization(stream_name, since, None, settings.organization_id)
            return [*entered, *_limits(stream_name, since, settings.member_defaults)]
        case MembersRestored(members=members):
            users = (stream(USER, member.user_id) for member in members)
            joined_again = [Link("add", user, TEAMS, stream_name, since) for user in users]
            held = (_limits(stream_name, since, member.limits) for member in members)
            return [*joined_again, *(link for limits in held for link in limits)]
        case TeamMovedToOrganization(before=before, after=after):
            return _in_organization(stream_name, since, before, after)
        case OrganizationMemberAdded(user_id=user_id, limits=limits):
            joined = Link("add", stream(USER, user_id), ORGANIZATIONS, stream_name, since)
            return [joined, *_limits(stream_name, since, limits)]
        case OrganizationMemberRemoved(user_id=user_id):
            return [Link("remove", stream(USER, user_id), ORGANIZATIONS, stream_name)]
        case OrganizationCreated(settings=settings):
            budget = stream(BUDGET, settings.budget_id)
            return [Link("add", budget, ORGANIZATIONS, stream_name, since)]
        case OrganizationBudgetAssigned(before=old, after=new):
            return [
                Link("remove", stream(BUDGET, old), ORGANIZATIONS, stream_name),
                Link("add", stream(BUDGET, new), ORGANIZATIONS, stream_name, since),
            ]
        case OrganizationDeleted():
            return [Link("drop", "", ORGANIZATIONS, stream_name)]
        case WebhookCreated():
            return [Link("add", WEBHOOKS, WEBHOOKS, stream_name, since)]
        case WebhookDeleted():
            return [Link("drop", "", WEBHOOKS, stream_name)]
    return []


def _left(key: str, since: int, settings: KeySettings) -> list[Link]:
    owners = _moved(key, since, owner_of(settings), KeyOwner())
    return [*owners, *_budgeted(key, since, settings.extra, {})]


def _revoked(
    action: Literal["add", "remove"], key: str, since: int, settings: KeySettings
) -> list[Link]:
    """What a team takes along when it is deleted can come back with it."""
    if settings.team_id is None or settings.team_incarnation is None:
        return []
    kind = revoked_keys(settings.team_incarnation)
    return [Link(action, stream(TEAM, settings.team_id), kind, key, since)]


def _budgeted(key: str, since: int, before: JsonObject, after: JsonObject) -> list[Link]:
    """A key names a budget that it shares with others by `budget_id`."""
    old, new = before.get("budget_id"), after.get("budget_id")
    if old == new:
        return []
    left = [] if old is None else [Link("remove", stream(BUDGET, str(old)), KEYS, key)]
    taken = [] if new is None else [Link("add", stream(BUDGET, str(new)), KEYS, key, since)]
    return [*left, *taken]


def _limits(
    place: str, since: int, limits: MemberLimits | None, before: MemberLimits | None = None
) -> list[Link]:
    """That a budget limits somebody there now, unless it did so before."""
    if limits is None or (before is not None and before.budget_id == limits.budget_id):
        return []
    return [Link("add", stream(BUDGET, limits.budget_id), LIMITS, place, since)]


def _in_organization(team: str, since: int, before: str | None, after: str | None) -> list[Link]:
    left = [] if before is None else [Link("remove", stream(ORGANIZATION, before), TEAMS, team)]
    entered = stream(ORGANIZATION, after) if after is not None else None
    return [*left, *([Link("add", entered, TEAMS, team, since)] if entered is not None else [])]


def _moved(key: str, since: int, before: KeyOwner, after: KeyOwner) -> list[Link]:
    old, new = _parents(before), _parents(after)
    left = [Link("remove", p, k, key) for p, k in old if (p, k) not in new]
    return [*left, *(Link("add", p, k, key, since) for p, k in new if (p, k) not in old)]


def _parents(owner: KeyOwner) -> list[tuple[str, str]]:
    parents: list[tuple[str, str]] = []
    if owner.team_id is not None:
        parents.append((stream(TEAM, owner.team_id), KEYS))
    if owner.user_id is not None:
        parents.append((stream(USER, owner.user_id), KEYS))
    if owner.organization_id is not None:
        parents.append((stream(ORGANIZATION, owner.organization_id), KEYS))
    if owner.team_id is not None and owner.user_id is not None:
        parents.append((stream(TEAM, owner.team_id), keys_of_member(owner.user_id)))
    return parents
