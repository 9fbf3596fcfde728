"""Finding the users that a request means, and bringing the unknown ones to exist.

Everything is resolved to user ids before a team is asked (register D27-D29): an e-mail address
belongs to one user whatever its case, and a user that nobody knew yet is created with the address
he was added by.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from events.registry import DomainEvent
from events.streams import EMAIL, USER, stream
from events.team import TeamRole
from events.values import MemberLimits, Sealed
from services.command.application.view import View
from services.command.domain import reservation, user
from services.command.domain.errors import NotSamePerson
from services.command.domain.team import NewMember


class Named(Protocol):
    """Names a user, or nobody by id."""

    @property
    def user_id(self) -> str | None: ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class EmailClaim:
    """An e-mail address as asked for, its reservation name, and the address under seal."""

    shown: str
    claim: str
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Candidate:
    """One member of a request. `new_id`, `person` and `wrapped` serve if he must be created."""

    user_id: str | None
    email: EmailClaim | None
    role: TeamRole
    limits: MemberLimits | None
    new_id: str
    person: str
    wrapped: bytes


@dataclass(slots=True)
class Enrolment:
    """Collects the facts about users that a list of candidates needs, each user once."""

    view: View
    facts: list[tuple[str, DomainEvent]] = field(default_factory=list)
    people: list[tuple[str, bytes]] = field(default_factory=list)
    _by_claim: dict[str, str] = field(default_factory=dict)
    _created: set[str] = field(default_factory=set)
    _addressed: set[str] = field(default_factory=set)

    def members(self, candidates: Sequence[Candidate]) -> list[NewMember]:
        """The candidates as user ids, in order; raises NotSamePerson, or Missing."""
        self.need(candidates)
        return [self.member(candidate) for candidate in candidates]

    def need(self, candidates: Sequence[Candidate]) -> None:
        """Raise Missing for everything that `member` will look at."""
        self.view.need(
            [stream(EMAIL, c.email.claim) for c in candidates if c.email]
            + [stream(USER, c.user_id) for c in candidates if c.user_id is not None]
        )

    def member(self, candidate: Candidate) -> NewMember:
        """One candidate as a user id; raises NotSamePerson, having noted nothing."""
        return NewMember(self.user_id(candidate), candidate.role, candidate.limits)

    def user_id(self, candidate: Candidate) -> str:
        """One candidate, whatever he is to join; raises NotSamePerson, having noted nothing."""
        email = candidate.email
        holder = None if email is None else self._holder(email)
        if holder is not None and email is not None:
            if candidate.user_id not in (None, holder):
                raise NotSamePerson(email.shown, str(candidate.user_id))
            return holder
        if candidate.user_id is None:
            self.view.assume_new(stream(USER, candidate.new_id))
            return self._create(candidate.new_id, candidate)
        known = self.view.user(candidate.user_id)
        if known.open or candidate.user_id in self._created:
            self._give_email(candidate.user_id, known, candidate)
            return candidate.user_id
        return self._create(candidate.user_id, candidate)

    def _holder(self, email: EmailClaim) -> str | None:
        return self._by_claim.get(email.claim) or self.view.email(email.claim).holder

    def _create(self, user_id: str, candidate: Candidate) -> str:
        email = candidate.email
        sealed, claim = (None, None) if email is None else (email.sealed, email.claim)
        created = user.create_implicitly(candidate.person, sealed, claim)
        self.facts.append((stream(USER, user_id), created))
        self.people.append((candidate.person, candidate.wrapped))
        self._created.add(user_id)
        if email is not None:
            self._reserve(email, user_id)
        return user_id

    def _give_email(self, user_id: str, known: user.User, candidate: Candidate) -> None:
        email = candidate.email
        if email is None:
            return
        taken = self._created | self._addressed
        if known.settings.email_claim is not None or user_id in taken:
            raise NotSamePerson(email.shown, user_id)
        sealed = email.sealed
        self.facts.append((stream(USER, user_id), user.give_email(known, sealed, email.claim)))
        self.people.append((candidate.person, candidate.wrapped))
        self._reserve(email, user_id)

    def _reserve(self, email: EmailClaim, user_id: str) -> None:
        name = self.view.email(email.claim)
        for fact in reservation.reserve(name, "email", email.shown, user_id):
            self.facts.append((stream(EMAIL, email.claim), fact))
        self._by_claim[email.claim] = user_id
        self._addressed.add(user_id)


def still_there(view: View, named: Sequence[N]) -> list[N]:
    """Those whose user is one still, of users that were found before."""
    users = view.users(one.user_id for one in named if one.user_id is not None)
    return [one for one in named if one.user_id in users and users[one.user_id].open]
