"""Who is in a team or an organization, while members that were deleted have yet to leave it (S14).

A user who is deleted is in none from then on; when he was in many, the facts of his leaving follow
in portions (see `departures`). Until then his memberships are void by rule.
"""

from collections.abc import Iterable
from dataclasses import replace

from events.registry import DomainEvent
from services.command.application.view import View
from services.command.domain import organization, team
from services.command.domain.organization import Organization, OrganizationMember
from services.command.domain.roster import Membership
from services.command.domain.team import Team
from services.command.domain.user import User


def is_over(member: Membership | OrganizationMember, user: User) -> bool:
    """Whether the user was deleted since he joined; he may have been created again."""
    return 0 < member.at <= user.gone_at


def member_of(view: View, found: Team, user_id: str | None) -> Membership | None:
    """The membership of a user, None for strangers and for who was deleted since he joined."""
    member = None if user_id is None else found.roster.get(user_id)
    if member is None or user_id is None or is_over(member, view.user(user_id)):
        return None
    return member


def without_departed(
    view: View, found: Team, user_ids: Iterable[str]
) -> tuple[Team, list[DomainEvent]]:
    """The team without those of these users whose memberships are void, and that they left."""
    left: list[DomainEvent] = []
    for user_id in dict.fromkeys(user_ids):
        if user_id in found.roster and member_of(view, found, user_id) is None:
            left += team.remove_member(found, team.RemoveMember(user_id))
            found = replace(found, roster=found.roster.discard(user_id))
    return found, left


def organization_without_departed(
    view: View, found: Organization, user_ids: Iterable[str]
) -> tuple[Organization, list[DomainEvent]]:
    """The organization without those of these users who were deleted, and that they left."""
    left: list[DomainEvent] = []
    for user_id in dict.fromkeys(user_ids):
        member = found.members.get(user_id)
        if member is not None and is_over(member, view.user(user_id)):
            left += organization.remove_member(found, user_id)
            found = replace(found, members=found.members.discard(user_id))
    return found, left
