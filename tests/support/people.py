"""People as requests name them, with the keys and claims that a vault would give them."""

import hashlib
from dataclasses import dataclass, field

from events.team import TeamRole
from events.values import MemberLimits
from services.command.application.enrolment import Candidate, EmailClaim
from services.database.vault import Person, normalised

WRAPPED = b"wrapped"


@dataclass
class People:
    """Draws ids in a fixed order: the same requests twice are the same requests."""

    drawn: int = field(default=0)

    def candidate(
        self,
        user_id: str | None = None,
        email: str | None = None,
        role: TeamRole = "user",
        limits: MemberLimits | None = None,
    ) -> Candidate:
        self.drawn += 1
        person = Person(f"p-{self.drawn}", self.drawn.to_bytes(32), WRAPPED)
        return Candidate(
            user_id=user_id,
            email=None if email is None else claimed(email, person),
            role=role,
            limits=limits,
            new_id=f"new-{self.drawn}",
            person=person.person,
            wrapped=person.wrapped,
        )


def claimed(email: str, person: Person) -> EmailClaim:
    """An address as the vault would name and seal it; any digest of it serves as its name."""
    return EmailClaim(email, claim_of(email), person.seal(email))


def claim_of(email: str) -> str:
    return hashlib.sha256(normalised(email).encode()).hexdigest()
