"""Use cases on users."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.registry import DomainEvent
from events.streams import EMAIL, TEAM, USER, stream
from events.team import TeamRole
from events.user import UserSettings
from events.values import MemberLimits
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.answers import KeyAnswer, UserAnswer, user_answers
from services.command.application.enrolment import EmailClaim
from services.command.application.keys import NewKey
from services.command.application.membership import without_departed
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import reservation, team, user
from services.command.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class Joining:
    """A team that a new user joins at once."""

    team_id: str
    role: TeamRole
    limits: MemberLimits | None


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user, with a key of his own unless `key` is None, in his teams, or not at all (S10)."""

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
        if self.organizations:
            raise NotFound("organization", self.organizations[0])
        view.need(stream(TEAM, joining.team_id) for joining in self.joining)
        for joining in {j.team_id: j for j in self.joining}.values():
            facts += self._joins(view, joining)
        if self.key is not None:
            facts += self.key.facts(view)
        people = [(self.settings.person, self.wrapped)]
        return Decision(facts, self._answer, people, subject=name)

    def _joins(self, view: View, joining: Joining) -> list[tuple[str, DomainEvent]]:
        found = view.team(joining.team_id)
        if not found.open:
            raise NotFound("team", joining.team_id)
        member = team.NewMember(self.user_id, joining.role, joining.limits)
        found, left = without_departed(view, found, [self.user_id])
        added = team.add_members(found, team.AddMembers([member]))
        return [(stream(TEAM, joining.team_id), fact) for fact in (*left, *added)]

    def _answer(self, after: View) -> tuple[UserAnswer, KeyAnswer | None]:
        made = None if self.key is None else self.key.answer(after)
        return user_answers(after, [self.user_id])[0], made
