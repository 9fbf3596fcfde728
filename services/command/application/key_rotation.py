"""A new secret for a key (supporting-api.md 2.8, auth.md 4, A08, S07, decision record 008)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.registry import DomainEvent
from events.streams import KEY, KEY_ALIAS, stream
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.answers import KeyAnswer, key_answer
from services.command.application.key_rights import check_regenerate, live_key
from services.command.application.key_update import revised_settings
from services.command.application.keys import alias_claimed, alias_digest
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import reservation
from services.command.domain.key_rotation import carry_on, rotate

Facts = list[tuple[str, DomainEvent]]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """The hash of a secret that takes another one's place, and what is shown of it.

    The old one is accepted until `until`, None: no more. `fresh` secrets were drawn at random.
    """

    token: str
    key_name: str
    until: datetime | None
    fresh: bool


@dataclass(frozen=True, slots=True)
class RegenerateKey:
    """`changes` as for `UpdateKey`; `shown` is how the caller named the key, on which `route`."""

    token: str
    shown: str
    changes: dict[str, Any]
    secret: NewSecret
    route: str
    name: str = "RegenerateKey"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(self.route, caller)
        held = live_key(view, self.token, self.shown)
        check_regenerate(view, caller, held, self.shown)
        wanted = revised_settings(view, caller, self.token, self.changes)
        wanted = wanted.model_copy(update={"key_name": self.secret.key_name})
        old, new = stream(KEY, self.token), stream(KEY, self.secret.token)
        if self.secret.fresh:
            view.assume_new(new)
        successor = view.key(self.secret.token)
        ended = rotate(held, self.token, self.secret.token, self.secret.until)
        begun = carry_on(successor, held, self.token, wanted, view.now)
        facts: Facts = [*((old, fact) for fact in ended), *((new, fact) for fact in begun)]
        facts += self._alias_facts(view, held.settings.key_alias, wanted.key_alias)
        return Decision(facts, self._answer, subject=old)

    def _answer(self, after: View) -> KeyAnswer:
        return key_answer(after, self.secret.token)

    def _alias_facts(self, view: View, before: str | None, after: str | None) -> Facts:
        """The alias moves on with the key; another one has to be free."""
        digests = {alias: alias_digest(alias) for alias in (before, after) if alias is not None}
        view.need(stream(KEY_ALIAS, digest) for digest in digests.values())
        facts: Facts = []
        for alias, digest in digests.items():
            if before != after == alias:
                facts += alias_claimed(view, alias, self.secret.token)
                continue
            held, name = view.key_alias(digest), stream(KEY_ALIAS, digest)
            if before == after:
                moved = reservation.hand_over(held, self.token, self.secret.token)
            else:
                moved = reservation.release(held, self.token)
            facts += [(name, fact) for fact in moved]
        return facts
