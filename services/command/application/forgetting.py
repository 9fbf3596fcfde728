"""Forgetting a person: what is sealed for him becomes unreadable, for good (decision 012).

The fact names the persons whose keys are destroyed: all under which something of the user was ever
sealed, and whoever is called by his id or an address of his in claims and as a caller. History,
totals and positions stay as they are.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from events.envelope import Envelope
from events.streams import USER, stream
from events.user import UserCreated, UserEmailChanged
from events.values import Sealed
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.departures import ends_of_users
from services.command.application.loop import NO_TERMS, CommandLoop
from services.command.application.requests import Decision, Done, Origin, Render, Terms
from services.command.application.view import View
from services.command.domain import user
from services.command.domain.errors import ChangedMeanwhile, NotFound
from services.command.domain.user import User, evolve
from services.database.vault import Vault

FORGET = "/v1/users/{user_id:path}/forget"
_ATTEMPTS = 5
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to forget of a user at a version of his: persons, and whether any has a key."""

    version: int
    persons: frozenset[str]
    readable: bool


@dataclass(frozen=True, slots=True)
class Forgotten:
    """`persons` have no keys any more; `deleted` tells that the user was still there.

    An id that is an e-mail address stands in facts, which never change: it remains.
    """

    user_id: str
    persons: int
    deleted: bool

    @property
    def id_remains(self) -> bool:
        return _ADDRESS.fullmatch(self.user_id.strip()) is not None


@dataclass(frozen=True, slots=True)
class ForgetUser:
    """Delete the user if he is there, as DeleteUsers does, and forget him; [] if that is done.

    Raises ChangedMeanwhile when there is more to forget than `known` says.
    """

    user_id: str
    known: Known
    name: str = "ForgetUser"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(FORGET, caller)
        name = stream(USER, self.user_id)
        view.need([name])
        found = view.user(self.user_id)
        if not found.incarnation:
            raise NotFound("user", self.user_id)
        if found.version != self.known.version:
            raise ChangedMeanwhile(self.user_id)
        facts, chores = ends_of_users(view, {self.user_id: name} if found.open else {})
        if found.open or self.known.readable or not self.known.persons <= found.forgotten:
            facts = [*facts, *((name, fact) for fact in user.forget(self.known.persons))]
        answer = Forgotten(self.user_id, len(self.known.persons), deleted=found.open)
        return Decision(facts, lambda _: answer, chores=chores, subject=name)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Forgets users; what is known of one is looked up again while he is being changed."""

    loop: CommandLoop
    vault: Vault

    async def carry_out(
        self, user_id: str, origin: Origin, render: Render, terms: Terms = NO_TERMS
    ) -> Done:
        """Forget a user; raises what `CommandLoop.handle` raises."""
        for left in reversed(range(_ATTEMPTS)):
            known = await known_of(self.loop.facts(stream(USER, user_id)), self.vault, user_id)
            command = ForgetUser(user_id, known)
            try:
                return await self.loop.handle(command, origin, render, terms)
            except ChangedMeanwhile:
                if not left:
                    raise
        raise AssertionError("the last attempt returns or raises")


async def known_of(facts: AsyncIterator[Envelope], vault: Vault, user_id: str) -> Known:
    """All persons of a user, those included that are called by his id or by an address of his."""
    found, addresses = User(), set[Sealed]()
    async for at in facts:
        found = evolve(found, at)
        addresses |= {box for box in _addresses(at) if box is not None}
    opened = await vault.open_all(addresses)
    names = [user_id, *(text for text in opened.values() if text is not None)]
    persons = found.persons | found.forgotten | {vault.person_named(name) for name in names}
    return Known(found.version, persons, readable=bool(await vault.known(persons)))


def _addresses(at: Envelope) -> tuple[Sealed | None, ...]:
    match at.event:
        case UserCreated(settings=settings):
            return (settings.email,)
        case UserEmailChanged(before=before, after=after):
            return before, after
    return ()
