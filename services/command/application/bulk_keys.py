"""Changing many keys at once, each with a result of its own (supporting-api.md 2.8)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from events.registry import DomainEvent
from events.streams import KEY, TEAM, USER, stream
from services.access.policy import check_route
from services.access.principal import AccessRefused, Principal
from services.command.application.answers import KeyAnswer
from services.command.application.key_rights import live_key
from services.command.application.key_update import revised_settings
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain.errors import DomainError
from services.command.domain.key import ApiKey
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
        facts: list[tuple[str, DomainEvent]] = []
        changed: dict[str, ApiKey] = {}
        errors: list[DomainError | AccessRefused | None] = []
        for item in self.items:
            try:
                decided = _change(view, caller, item, changed)
            except (DomainError, AccessRefused) as error:
                errors.append(error)
            else:
                errors.append(None)
                facts += [(stream(KEY, item.token), fact) for fact in decided]
        return Decision(facts, lambda after: self._outcomes(after, errors))

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
        found = [(item, after.key(item.token)) for item in self.items]
        answers = [KeyAnswer(item.token, key) if key.open else None for item, key in found]
        return [Outcome(*each) for each in zip(self.items, answers, errors, strict=True)]


def _change(
    view: View, caller: Principal, item: KeyChange, changed: dict[str, ApiKey]
) -> list[DomainEvent]:
    held = changed.get(item.token) or live_key(view, item.token, item.shown)
    wanted = revised_settings(view, caller, held, item.changes)
    facts = update(held, wanted)
    changed[item.token] = replace(held, settings=wanted)
    return facts
