"""Members as requests name them."""

from dataclasses import dataclass

from events.streams import EMAIL, stream
from services.command.application.enrolment import EmailClaim
from services.command.application.view import View
from services.command.domain.errors import NotAMember


@dataclass(frozen=True, slots=True)
class ByName:
    """One member as a request names him: by user id, or else by e-mail address."""

    user_id: str | None
    email: EmailClaim | None

    def resolve(self, view: View) -> str:
        """Raises NotAMember for an address that nobody has."""
        if self.user_id is not None:
            return self.user_id
        if self.email is None:
            raise NotAMember("")
        view.need([stream(EMAIL, self.email.claim)])
        holder = view.email(self.email.claim).holder
        if holder is None:
            raise NotAMember(self.email.shown)
        return holder
