"""An entry of the audit log while the facts of one command are taken in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from events import organization, team
from events.audit import AccessReviewed, AuditArchived, AuditExported
from events.budget import BudgetCreated, BudgetDeleted
from events.dead_letters import DeadLettersReplayed
from events.key import (
    KeyBlocked,
    KeyDeleted,
    KeyGenerated,
    KeyRestored,
    KeyRotated,
    KeyUnblocked,
)
from events.quarantine import QuarantineBooked, QuarantineDiscarded
from events.registry import DomainEvent
from events.user import UserCreated, UserDeleted, UserForgotten
from events.webhook import WebhookCreated, WebhookDeleted
from services.projection.projectors.audit_values import Values

_CREATING: set[type[DomainEvent]] = {
    *(team.TeamCreated, UserCreated, KeyGenerated),
    *(team.TeamRestored, KeyRestored),
    *(organization.OrganizationCreated, BudgetCreated),
    *(QuarantineBooked, DeadLettersReplayed, WebhookCreated),
    *(AuditExported, AuditArchived, AccessReviewed),
}
_DELETING: set[type[DomainEvent]] = {
    *(team.TeamDeleted, UserDeleted, UserForgotten, KeyDeleted),
    *(organization.OrganizationDeleted, BudgetDeleted),
    *(QuarantineDiscarded, WebhookDeleted),
}
_BLOCKING: set[type[DomainEvent]] = {
    team.TeamBlocked,
    team.TeamUnblocked,
    KeyBlocked,
    KeyUnblocked,
}

E = TypeVar("E", bound=DomainEvent)
Note = Callable[["Entry", E], None]
Notes = Mapping[type[DomainEvent], Callable[["Entry", Any], None]]


@dataclass(slots=True)
class Entry:
    """What one command did to one thing: first values before, last values after.

    `team_id` is the team of a key. Of members, only those that were touched are here, under the
    name `roster`. `kind` is that of the thing where the stream is of another one. `alerts` are
    thresholds of budgets that were reached.
    """

    object_id: str
    kind: str | None = None
    team_id: str | None = None
    before: Values = field(default_factory=dict)
    after: Values = field(default_factory=dict)
    members_before: dict[str, Values] = field(default_factory=dict)
    members_after: dict[str, Values] = field(default_factory=dict)
    facts: set[type[DomainEvent]] = field(default_factory=set)
    roster: str = "members_with_roles"
    alerts: list[Values] = field(default_factory=list)

    def changed(self, before: Values, after: Values) -> None:
        """Note the fields that differ."""
        for name, value in after.items():
            if before[name] != value:
                self.before.setdefault(name, before[name])
                self.after[name] = value

    def patched(self, name: str, before: Values, after: Values) -> None:
        """Note the keys of an object that changed; a key absent on one side is absent there."""
        known, now = self.before.get(name, {}), self.after.get(name, {})
        self.before[name] = {k: v for k, v in before.items() if k not in now} | known
        self.after[name] = {k: v for k, v in now.items() if k not in before} | after

    def member(self, user_id: str, before: Values | None, after: Values | None) -> None:
        """Note what changed of one member; None on the side where there is no such member."""
        added = user_id in self.members_after and user_id not in self.members_before
        if before is not None and not added:
            self.members_before[user_id] = before | self.members_before.get(user_id, {})
        if after is None:
            self.members_after.pop(user_id, None)
        else:
            self.members_after[user_id] = self.members_after.get(user_id, {}) | after

    @property
    def action(self) -> str:
        """The contract's word for it (supporting-api.md 7)."""
        if KeyRotated in self.facts:
            return "rotated"
        if not self.facts.isdisjoint(_DELETING):
            return "deleted"
        if not self.facts.isdisjoint(_CREATING):
            return "created"
        return "blocked" if self.facts <= _BLOCKING else "updated"

    @property
    def before_value(self) -> Values:
        return self._with_members(self.before, self.members_before)

    @property
    def updated_values(self) -> Values:
        after = {**self.after, "alerts": self.alerts} if self.alerts else self.after
        return self._with_members(after, self.members_after)

    def _with_members(self, fields: Values, members: Mapping[str, Values]) -> Values:
        if not members:
            return fields
        roster = [{"user_id": user_id, **member} for user_id, member in members.items()]
        return {**fields, self.roster: roster}


def replaces(name: str) -> Note[DomainEvent]:
    """For facts whose `before` and `after` are plain values of one column."""

    def fold(entry: Entry, event: DomainEvent) -> None:
        sides = event.model_dump(mode="json", include={"before", "after"})
        entry.changed({name: sides["before"]}, {name: sides["after"]})

    return fold


def on(fact: type[E], note: Note[E]) -> Notes:
    """One entry of the mapping from type of fact to what it tells."""
    return {fact: note}
