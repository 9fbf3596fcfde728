"""Use cases on the members of one team."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from events.registry import DomainEvent
from events.streams import TEAM, stream
from events.team import TeamRole
from services.access.principal import Principal
from services.command.application.admission import authorized_team
from services.command.application.answers import TeamAnswer, team_answer
from services.command.application.enrolment import Candidate, Enrolment
from services.command.application.membership import without_departed
from services.command.application.names import ByName
from services.command.application.requests import Decision
from services.command.application.teams import dependent_keys
from services.command.application.view import View
from services.command.domain import team
from services.command.domain.dependents import keys_of_member
from services.command.domain.errors import AlreadyMember
from services.command.domain.team import Team


class EverybodyThere(AlreadyMember):
    """AlreadyMember with the roster, for the text of the refusal (3.9)."""

    def __init__(self, asked: Sequence[Candidate], answer: TeamAnswer, *, single: bool) -> None:
        super().__init__([str(candidate.user_id) for candidate in asked])
        self.asked, self.answer, self.single = asked, answer, single


@dataclass(frozen=True, slots=True)
class AddMembers:
    """`single` tells that one member was sent and not a list: the refusals differ.

    An `available` team may be joined by everybody (D04).
    """

    team_id: str
    candidates: Sequence[Candidate]
    single: bool
    available: bool = False
    name: str = "AddMember"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = self._team(view, caller)
        for candidate in self.candidates:
            team.check_member_limits(candidate.limits)
        enrolment = Enrolment(view)
        members = enrolment.members(self.candidates)
        asked = list(dict.fromkeys(member.user_id for member in members))
        found, left = without_departed(view, found, asked)
        touched = [user_id for user_id in asked if user_id not in found.roster]
        try:
            facts = team.add_members(found, team.AddMembers(members))
        except AlreadyMember:
            answer = team_answer(view, self.team_id, asked)
            raise EverybodyThere(self.candidates, answer, single=self.single) from None
        name = stream(TEAM, self.team_id)
        return Decision(
            [*enrolment.facts, *((name, fact) for fact in (*left, *facts))],
            lambda after: replace(
                team_answer(after, self.team_id, touched, users=True),
                already_there=[user_id for user_id in asked if user_id in found.roster],
            ),
            enrolment.people,
            subject=name,
        )

    def _team(self, view: View, caller: Principal) -> Team:
        if self.available and self._is_just(caller) and view.team(self.team_id).open:
            return view.team(self.team_id)
        return authorized_team(view, caller, "/team/member_add", self.team_id)

    def _is_just(self, caller: Principal) -> bool:
        """Whether the caller adds exactly himself, as a plain member without a budget (D04)."""
        if caller.user_id is None or len(self.candidates) != 1:
            return False
        [one] = self.candidates
        plain = (one.email, one.limits, one.role) == (None, None, "user")
        return plain and one.user_id == caller.user_id


@dataclass(frozen=True, slots=True)
class UpdateMember:
    """`limits` holds only what was sent; see `domain.team.UpdateMember`."""

    team_id: str
    who: ByName
    role: TeamRole | None
    limits: dict[str, Any]
    budget_id: str
    name: str = "UpdateMember"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = authorized_team(view, caller, "/team/member_update", self.team_id)
        user_id = self.who.resolve(view)
        found, _ = without_departed(view, found, [user_id])
        command = team.UpdateMember(user_id, self.role, self.limits, self.budget_id)
        facts = team.update_member(found, command)
        name = stream(TEAM, self.team_id)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: team_answer(after, self.team_id, [user_id], users=False),
            subject=name,
        )


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """The member's keys in the team go with him (3.12); the answer is the team without him."""

    team_id: str
    who: ByName
    name: str = "RemoveMember"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = authorized_team(view, caller, "/team/member_delete", self.team_id)
        user_id = self.who.resolve(view)
        found, _ = without_departed(view, found, [user_id])
        removed = team.remove_member(found, team.RemoveMember(user_id))
        name = stream(TEAM, self.team_id)
        keys, chores = dependent_keys(view, [(name, keys_of_member(user_id))], cause="member")
        facts: list[tuple[str, DomainEvent]] = [*((name, fact) for fact in removed), *keys]
        return Decision(
            facts, lambda after: team_answer(after, self.team_id), chores=chores, subject=name
        )
