"""Changing what a user is (supporting-api.md 3.4, S03, auth.md A01)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from events.envelope import Meta
from events.registry import DomainEvent
from events.streams import EMAIL, USER, stream
from events.user import UserSettings
from events.values import Sealed
from services.access.policy import check_route
from services.access.principal import AccessRefused, Principal
from services.command.application.answers import UserAnswer, teams_of, user_answers
from services.command.application.enrolment import EmailClaim, still_there
from services.command.application.requests import Decision
from services.command.application.view import Missing, View
from services.command.domain import reservation, user
from services.command.domain.dependents import TEAMS
from services.command.domain.errors import DomainError, TeamsNotByUpdate
from services.command.domain.user import User
from services.command.domain.user_update import beyond_himself, revised, update, with_limits_kept

UPDATE, BULK_UPDATE = "/user/update", "/user/bulk_update"
Facts = list[tuple[str, DomainEvent]]


def only_himself() -> AccessRefused:
    """The refusal of who would change another user, known or unknown (A01)."""
    text = (
        "User does not have permission to update this user. "
        "Only PROXY_ADMIN can update other users."
    )
    return AccessRefused(403, text)


def only_by_admins(names: Sequence[str]) -> AccessRefused:
    """The refusal of who would change what limits himself (S03)."""
    return AccessRefused(403, f"Only PROXY_ADMIN can change {', '.join(names)} of a user.")


@dataclass(frozen=True, slots=True)
class UpdateUser:
    """`changes` as in `domain.user_update.revised`; address and alias are sealed for `person`.

    With a `user_id` the address is the one he is to have, without it names him. A proxy admin
    makes a user that does not exist, under `new_id` if he was named by address. `teams` are those
    that the client believes him to be in.
    """

    user_id: str | None
    email: EmailClaim | None
    alias: Sealed | None
    changes: Mapping[str, Any]
    new_id: str
    person: str
    wrapped: bytes
    teams: frozenset[str] | None = None
    name: str = "UpdateUser"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(UPDATE, caller)
        user_id = self._named(view)
        if not caller.is_admin and (user_id is None or user_id != caller.user_id):
            raise only_himself()
        if user_id is None:
            user_id = self.new_id
            view.assume_new(stream(USER, user_id))
        held = view.user(user_id)
        self._check_teams(view, user_id, held)
        facts = self._facts(view, caller, user_id, held)
        sealed = not held.open or self.email is not None or self.alias is not None
        return Decision(
            facts,
            lambda after: user_answers(after, [user_id])[0],
            [(self.person, self.wrapped)] if sealed and facts else (),
            subject=stream(USER, user_id),
        )

    def _named(self, view: View) -> str | None:
        if self.user_id is not None or self.email is None:
            return self.user_id
        return view.email(self.email.claim).holder

    def _check_teams(self, view: View, user_id: str, held: User) -> None:
        if self.teams is None:
            return
        known = teams_of(view, user_id) if held.version else []
        if self.teams != frozenset(known):
            raise TeamsNotByUpdate

    def _facts(self, view: View, caller: Principal, user_id: str, held: User) -> Facts:
        name = stream(USER, user_id)
        if not held.open:
            wanted = self._wanted(UserSettings(person=self.person), self.changes)
            made = user.create(held, user.CreateUser(user_id, wanted))
            return [*((name, fact) for fact in made), *self._address(view, user_id, None, wanted)]
        changes = dict(self.changes)
        if not caller.is_admin and "metadata" in changes:
            replacement, single = changes["metadata"]
            if replacement is not None:
                replacement = with_limits_kept(held.settings.metadata, replacement)
            changes["metadata"] = (replacement, single)
        wanted = self._wanted(held.settings, changes)
        changed = update(held, wanted)
        if not caller.is_admin and (forbidden := beyond_himself(held.settings, changed)):
            raise only_by_admins(forbidden)
        before = held.settings.email_claim
        return [*((name, fact) for fact in changed), *self._address(view, user_id, before, wanted)]

    def _wanted(self, held: UserSettings, changes: Mapping[str, Any]) -> UserSettings:
        wanted = dict(changes)
        if self.email is not None and self.email.claim != held.email_claim:
            wanted |= {"email": self.email.sealed, "email_claim": self.email.claim}
        if self.alias is not None:
            wanted["user_alias"] = self.alias
        return revised(held, wanted)

    def _address(self, view: View, user_id: str, before: str | None, wanted: UserSettings) -> Facts:
        """The reservation moves with the address; raises AlreadyExists for somebody else's."""
        if self.email is None or wanted.email_claim == before:
            return []
        claims = [claim for claim in (before, self.email.claim) if claim is not None]
        view.need(stream(EMAIL, claim) for claim in claims)
        taken = view.email(self.email.claim)
        facts: Facts = [
            (stream(EMAIL, self.email.claim), fact)
            for fact in reservation.reserve(taken, "email", self.email.shown, user_id)
        ]
        if before is not None:
            freed = reservation.release(view.email(before), user_id)
            facts += [(stream(EMAIL, before), fact) for fact in freed]
        return facts


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of one update of many: the user afterwards, or why not."""

    asked: UpdateUser
    user: UserAnswer | None
    error: DomainError | None


@dataclass(frozen=True, slots=True)
class BulkUpdateUsers:
    """All updates that can be made are, in this order and in one append.

    Those of `everybody` are of users that were found; who is none any more is left out.
    """

    updates: Sequence[UpdateUser]
    everybody: bool = False
    name: str = "BulkUpdateUsers"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(BULK_UPDATE, caller)
        updates = still_there(view, self.updates) if self.everybody else self.updates
        so_far = _SoFar(view.fork())
        outcomes = [so_far.outcome(one, caller) for one in updates]
        if so_far.missing:
            raise reduce(or_, so_far.missing)

        def answer(after: View) -> list[Updated]:
            changed = [user_id for user_id in outcomes if isinstance(user_id, str)]
            shown = {made.user_id: made for made in user_answers(after, changed)}
            return [
                Updated(one, shown[outcome], None)
                if isinstance(outcome, str)
                else Updated(one, None, outcome)
                for one, outcome in zip(updates, outcomes, strict=True)
            ]

        named = {one.user_id for one in updates}
        [only] = named if len(named) == 1 else [None]
        subject = None if only is None else stream(USER, only)
        return Decision(so_far.facts, answer, so_far.people, subject=subject)


_REHEARSAL = Meta(command_id="", command="BulkUpdateUsers")


@dataclass(slots=True)
class _SoFar:
    """Updates one after the other, each on what those before it made of the users."""

    view: View
    facts: Facts = field(default_factory=list)
    people: list[tuple[str, bytes]] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def outcome(self, one: UpdateUser, caller: Principal) -> str | DomainError:
        """The id of the user, or the refusal; what must be loaded first is noted."""
        try:
            decision = one.decide(self.view, caller)
            user_id = one.user_id or self._named(one)
            self.view.need_children([(stream(USER, user_id), TEAMS)])
        except Missing as need:
            self.missing.append(need)
            return ""
        except DomainError as refusal:
            return refusal
        self.view.record(decision.facts, _REHEARSAL)
        self.facts += decision.facts
        self.people += decision.people
        return user_id

    def _named(self, one: UpdateUser) -> str:
        holder = None if one.email is None else self.view.email(one.email.claim).holder
        return holder or one.new_id


@dataclass(frozen=True, slots=True)
class RememberUpdates:
    """An answer that several commands made, kept for the repetition of the request (section 4)."""

    told: Mapping[str, object]
    name: str = "Remember"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        check_route(BULK_UPDATE, caller)
        return Decision((), lambda _: self.told)
