"""Adding many members at once, each with a result of his own (team-api.md 3.10, D26)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.streams import TEAM, stream
from events.values import Sealed
from services.access.principal import Principal
from services.command.application.admission import authorized_team
from services.command.application.answers import TeamAnswer, team_answer
from services.command.application.enrolment import Candidate, Enrolment, still_there
from services.command.application.membership import member_of, without_departed
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import team
from services.command.domain.errors import NotSamePerson
from services.command.domain.team import NewMember, Team

ROUTE = "/team/bulk_member_add"
ALREADY = "User already in team"
MISMATCH = "user_email and user_id do not belong to the same user"


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one candidate; `user_id` None: he is nobody; `error` None: he was added."""

    candidate: Candidate
    user_id: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """One item for each candidate, in order; `team.touched` are those who were added.

    `emails` are the addresses, under seal, of the users that the items came to.
    """

    team: TeamAnswer
    items: Sequence[Item]
    emails: Mapping[str, Sealed | None]


@dataclass(frozen=True, slots=True)
class BulkAddMembers:
    """All who can be added are, in one append; the others are told why not.

    `everybody` are users that were found; who is none any more is left out.
    """

    team_id: str
    candidates: Sequence[Candidate]
    everybody: bool = False
    name: str = "BulkAddMembers"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = authorized_team(view, caller, ROUTE, self.team_id)
        for candidate in self.candidates:
            team.check_member_limits(candidate.limits)
        enrolment = Enrolment(view)
        enrolment.need(self.candidates)
        candidates = still_there(view, self.candidates) if self.everybody else self.candidates
        new: dict[str, NewMember] = {}
        items = [self._item(candidate, found, enrolment, new) for candidate in candidates]
        found, left = without_departed(view, found, new)
        facts = team.add_members(found, team.AddMembers(list(new.values()))) if new else []
        name = stream(TEAM, self.team_id)
        return Decision(
            [*enrolment.facts, *((name, fact) for fact in (*left, *facts))],
            lambda after: self._answer(after, items, list(new)),
            enrolment.people,
            subject=name,
        )

    def _answer(self, after: View, items: Sequence[Item], touched: Sequence[str]) -> BulkAnswer:
        answer = team_answer(after, self.team_id, touched, users=True)
        resolved = [item.user_id for item in items if item.user_id is not None]
        users = after.users(dict.fromkeys(resolved))
        return BulkAnswer(answer, items, {u: user.settings.email for u, user in users.items()})

    def _item(
        self, candidate: Candidate, found: Team, enrolment: Enrolment, new: dict[str, NewMember]
    ) -> Item:
        try:
            member = enrolment.member(candidate)
        except NotSamePerson:
            return Item(candidate, None, MISMATCH)
        if member.user_id in new or member_of(enrolment.view, found, member.user_id) is not None:
            return Item(candidate, member.user_id, ALREADY)
        new[member.user_id] = member
        return Item(candidate, member.user_id, None)


@dataclass(frozen=True, slots=True)
class Remember:
    """An answer that several commands made, kept for the repetition of the request (section 4)."""

    team_id: str
    told: Mapping[str, object]
    name: str = "Remember"

    def decide(self, view: View, caller: Principal) -> Decision:
        authorized_team(view, caller, ROUTE, self.team_id)
        return Decision((), lambda _: self.told)
