"""Changing many keys at once, each with a result of its own (supporting-api.md 2.8)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from events.envelope import Meta
from events.registry import DomainEvent
from events.streams import KEY, TEAM, USER, stream
from services.access.policy import check_route
from services.access.principal import AccessRefused, Principal
from services.command.application.answers import KeyAnswer, key_answer
from services.command.application.key_rights import live_key
from services.command.application.key_update import revised_settings
from services.command.application.requests import Decision
from services.command.application.view import Missing, View
from services.command.domain.errors import DomainError
from services.command.domain.key_update import update

ROUTE = "/key/bulk_update"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key, as the caller named it, and what is to change; see `UpdateKey`."""

    token: str
    shown: str
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change: the key as it is now, None if there is none; why it failed."""

    asked: KeyChange
    key: KeyAnswer | None
    error: DomainError | AccessRefused | None


@dataclass(frozen=True, slots=True)
class BulkUpdateKeys:
    """All that can be changed are, in one append; of the others it is told why not.

    A key that is named twice is changed by both, in order.
    """

    items: Sequence[KeyChange]
    name: str = "BulkUpdateKeys"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(ROUTE, caller)
        if not caller.is_admin:
            raise AccessRefused(403, "Only proxy admins can perform bulk key updates")
        self._need(view)
        so_far = _SoFar(view.fork())
        errors = [so_far.refusal(item, caller) for item in self.items]
        if so_far.missing:
            raise reduce(or_, so_far.missing)
        return Decision(so_far.facts, lambda after: self._outcomes(after, errors))

    def _need(self, view: View) -> None:
        """One load for all keys, one for all that they and their changes refer to."""
        view.need({stream(KEY, item.token) for item in self.items})
        held = [view.key(item.token).settings for item in self.items]
        team_ids = {settings.team_id for settings in held}
        team_ids |= {item.changes.get("team_id") for item in self.items}
        user_ids = {settings.user_id for settings in held}
        teams = {stream(TEAM, team_id) for team_id in team_ids if team_id is not None}
        view.need(teams | {stream(USER, user_id) for user_id in user_ids if user_id is not None})

    def _outcomes(
        self, after: View, errors: Sequence[DomainError | AccessRefused | None]
    ) -> list[Outcome]:
        answers = [
            key_answer(after, item.token) if after.key(item.token).open else None
            for item in self.items
        ]
        return [Outcome(*each) for each in zip(self.items, answers, errors, strict=True)]


_REHEARSAL = Meta(command_id="", command="BulkUpdateKeys")


@dataclass(slots=True)
class _SoFar:
    """Changes one after the other, each on what those before it made of the keys."""

    view: View
    facts: list[tuple[str, DomainEvent]] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def refusal(self, item: KeyChange, caller: Principal) -> DomainError | AccessRefused | None:
        """Why a change cannot be made, None for one that was; what must be loaded is noted."""
        try:
            held = live_key(self.view, item.token, item.shown)
            wanted = revised_settings(self.view, caller, item.token, item.changes)
            decided = [(stream(KEY, item.token), fact) for fact in update(held, wanted)]
            self.view.record(decided, _REHEARSAL)
        except Missing as need:
            self.missing.append(need)
        except (DomainError, AccessRefused) as error:
            return error
        else:
            self.facts += decided
        return None
