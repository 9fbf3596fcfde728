"""A thing as its facts made it: each field with the fact that set it last.

A restoration goes on with the life that ended, so what it leaves as it was keeps its origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from events.envelope import Envelope
from events.key import KeyDeleted, KeyRestored, KeyRotated
from events.organization import OrganizationAllowanceChanged, OrganizationDeleted
from events.registry import DomainEvent
from events.streams import USER, kind_and_id
from events.team import TeamDeleted, TeamRestored
from events.user import UserDeleted, UserForgotten
from services.projection.history.changes import changes_of, flat, members
from services.projection.projector import identity
from services.projection.projectors.audit_entry import Entry
from services.projection.projectors.audit_notes import NOTES, note
from services.projection.projectors.audit_values import Values

_ENDING = (TeamDeleted, UserDeleted, KeyDeleted, KeyRotated, OrganizationDeleted)
_GOING_ON = (TeamRestored, KeyRestored)


@dataclass(frozen=True, slots=True)
class Held:
    """A value, and the fact that set it last."""

    value: Any
    at: Envelope


@dataclass(slots=True)
class Member:
    """What a member has, and the fact that added him."""

    added: Envelope
    fields: dict[str, Held] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """The last life of a thing up to a fact `last`, None where there was none; `ended` ended it."""

    fields: dict[str, Held] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    last: Envelope | None = None
    ended: Envelope | None = None

    def fold(self, at: Envelope) -> None:
        """Take the next fact in."""
        self.last = at
        if isinstance(at.event, _ENDING):
            self.ended = at
            return
        if at.event.begins_life:
            self.fields, self.members, self.ended = {}, {}, None
        if isinstance(at.event, OrganizationAllowanceChanged):
            for change in changes_of(at):
                self._set({change.field: change.before}, {change.field: change.after}, at)
        elif _speaks_of_fields(at.event):
            self._note(at)

    @property
    def live(self) -> bool:
        """Whether there is the thing."""
        return self.last is not None and self.ended is None

    def state(self) -> Values:
        """Values by field, of members too; nothing where there was nothing, or no longer."""
        if self.ended is not None:
            return {}
        roster = {
            user_id: {name: held.value for name, held in member.fields.items()}
            for user_id, member in self.members.items()
        }
        return {**{name: held.value for name, held in self.fields.items()}, **members(roster)}

    def _note(self, at: Envelope) -> None:
        entry = Entry(identity(at.originator_id))
        note(entry, at.event)
        sealed = kind_and_id(at.originator_id)[0] == USER
        after = flat(entry.after, sealed=sealed)
        before = flat(entry.before, sealed=sealed)
        if isinstance(at.event, _GOING_ON):
            before, self.ended = dict.fromkeys(self.fields), None
        self._set(before, after, at)
        for user_id in entry.members_before.keys() - entry.members_after.keys():
            self.members.pop(user_id, None)
        for user_id, values in entry.members_after.items():
            _hold(self.members.setdefault(user_id, Member(at)).fields, values, at)

    def _set(self, before: Values, after: Values, at: Envelope) -> None:
        for name in before.keys() - after.keys():
            self.fields.pop(name, None)
        _hold(self.fields, after, at)


def _hold(fields: dict[str, Held], values: Mapping[str, Any], at: Envelope) -> None:
    for name, value in values.items():
        held = fields.get(name)
        if held is None or held.value != value:
            fields[name] = Held(value, at)


def _speaks_of_fields(event: DomainEvent) -> bool:
    return type(event) in NOTES and not isinstance(event, UserForgotten)
