"""Who is in a team, as long as the members that were deleted have not left it yet (S14).

A user who is deleted is in no team from then on; when he was in many, the facts of his leaving
follow in portions (see `departures`). Until then his memberships are void by rule.
"""

from collections.abc import Iterable
from dataclasses import replace

from events.registry import DomainEvent
from services.command.application.view import View
from services.command.domain import team
from services.command.domain.roster import Membership
from services.command.domain.team import Team
from services.command.domain.user import User


def is_over(member: Membership, user: User) -> bool:
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
