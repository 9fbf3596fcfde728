"""Use cases on users."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.registry import DomainEvent
from events.streams import EMAIL, ORGANIZATION, TEAM, USER, stream
from events.team import TeamRole
from events.user import UserSettings
from events.values import MemberLimits
from services.access.policy import check_new_user, check_route
from services.access.principal import AccessRefused, Principal
from services.command.application.admission import authorized_team
from services.command.application.answers import KeyAnswer, UserAnswer, user_answers
from services.command.application.enrolment import EmailClaim
from services.command.application.key_rights import check_narrowing
from services.command.application.keys import NewKey
from services.command.application.membership import (
    organization_without_departed,
    without_departed,
)
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.application.within import live_organization
from services.command.domain import organization, reservation, team, user
from services.command.domain.organization import NewOrganizationMember
from services.command.domain.team import Team


@dataclass(frozen=True, slots=True)
class Joining:
    """A team that a new user joins at once."""

    team_id: str
    role: TeamRole
    limits: MemberLimits | None


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user, with a key of his own unless `key` is None, in all that he is to be in (S10).

    He is a plain member of the `organizations`. An admin of organizations puts him into teams that
    he may add members to, and gives him no key that can do more than his own.
    """

    user_id: str
    fresh: bool
    settings: UserSettings
    email: EmailClaim | None
    wrapped: bytes
    key: NewKey | None
    joining: Sequence[Joining] = ()
    organizations: Sequence[str] = ()
    name: str = "CreateUser"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/user/new", caller)
        check_new_user(caller, self.organizations, self.settings.user_role)
        if self.key is not None:
            check_narrowing(view, caller, None, self.key.settings)
        name = stream(USER, self.user_id)
        if self.fresh:
            view.assume_new(name)
        command = user.CreateUser(self.user_id, self.settings)
        facts: list[tuple[str, DomainEvent]] = [
            (name, fact) for fact in user.create(view.user(self.user_id), command)
        ]
        if self.email is not None:
            held = view.email(self.email.claim)
            reserved = reservation.reserve(held, "email", self.email.shown, self.user_id)
            facts += [(stream(EMAIL, self.email.claim), fact) for fact in reserved]
        facts += self._memberships(view, caller)
        if self.key is not None:
            facts += self.key.facts(view)
        people = [(self.settings.person, self.wrapped)]
        return Decision(facts, self._answer, people, subject=name)

    def _memberships(self, view: View, caller: Principal) -> list[tuple[str, DomainEvent]]:
        joining = {joining.team_id: joining for joining in self.joining}
        organizations = dict.fromkeys(self.organizations)
        view.need(
            [stream(TEAM, team_id) for team_id in joining]
            + [stream(ORGANIZATION, organization_id) for organization_id in organizations]
        )
        entered = [fact for of in organizations for fact in self._enters(view, of)]
        joined = [fact for each in joining.values() for fact in self._joins(view, each, caller)]
        return [*entered, *joined]

    def _enters(self, view: View, organization_id: str) -> list[tuple[str, DomainEvent]]:
        found = live_organization(view, organization_id)
        found, left = organization_without_departed(view, found, [self.user_id])
        member = NewOrganizationMember(self.user_id, "internal_user")
        added = organization.add_members(found, [member])
        return [(stream(ORGANIZATION, organization_id), fact) for fact in (*left, *added)]

    def _joins(
        self, view: View, joining: Joining, caller: Principal
    ) -> list[tuple[str, DomainEvent]]:
        found = _team_to_join(view, caller, joining.team_id)
        member = team.NewMember(self.user_id, joining.role, joining.limits)
        found, left = without_departed(view, found, [self.user_id])
        added = team.add_members(found, team.AddMembers([member]))
        return [(stream(TEAM, joining.team_id), fact) for fact in (*left, *added)]

    def _answer(self, after: View) -> tuple[UserAnswer, KeyAnswer | None]:
        made = None if self.key is None else self.key.answer(after)
        return user_answers(after, [self.user_id])[0], made


def _team_to_join(view: View, caller: Principal, team_id: str) -> Team:
    """The live team, for who may add members to it; refused in the shape of routes on users."""
    try:
        return authorized_team(view, caller, "/team/member_add", team_id)
    except AccessRefused as refused:
        raise AccessRefused(refused.status, refused.text) from None
