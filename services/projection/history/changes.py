"""What a fact changed: fields under the contract's names, with the values on both sides.

The values are those of the audit log. Parts of `metadata` are fields of their own, and so is what a
member has: `metadata.tags`, `members.ann.role`. A user id may hold dots; nothing follows a field of
`metadata`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from events.envelope import Envelope
from events.organization import Allowance, OrganizationAllowanceChanged
from events.registry import known_facts
from events.streams import USER, kind_and_id
from events.user import UserForgotten
from events.values import Sealed
from services.edge.shapes.audit import masked
from services.projection.projector import identity
from services.projection.projectors.audit_entry import Entry
from services.projection.projectors.audit_notes import NOTES, note
from services.projection.projectors.audit_values import Values

MEMBERS, METADATA, ALLOWANCES = "members", "metadata", "allowances"
PERSONAL = frozenset({"user_email", "user_alias"})
"""Fields of users whose values are sealed."""

_NO_FIELDS = frozenset({"members_with_roles", "members_total", "persons", "reason"})
_OWN_KEYS = frozenset({"key_alias", "key_name", "key_type"})
"""Names of ours that sound like a secret, and are none."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field and its values; None on the side where there is none. May still be Sealed."""

    field: str
    before: Any
    after: Any

    def touches(self, field: str) -> bool:
        """Whether it is the field, or a part of it."""
        return self.field == field or self.field.startswith(f"{field}.")


def changes_of(at: Envelope) -> list[Change]:
    """What the fact changed, in the order of its fields; what it leaves empty is not told."""
    if isinstance(at.event, OrganizationAllowanceChanged):
        return [_allowance(at.event)]
    if isinstance(at.event, UserForgotten):
        return [Change("forgotten", before=False, after=True)]
    before, after = sides(at)
    return list(compared(before, after))


def sides(at: Envelope) -> tuple[Values, Values]:
    """Fields that the fact speaks of, before and after it, flat; a field may be on one side."""
    if type(at.event) not in NOTES:
        return {}, {}
    entry = Entry(identity(at.originator_id))
    note(entry, at.event)
    sealed = kind_and_id(at.originator_id)[0] == USER
    return (
        {**flat(entry.before, sealed=sealed), **members(entry.members_before)},
        {**flat(entry.after, sealed=sealed), **members(entry.members_after)},
    )


def flat(values: Mapping[str, Any], *, sealed: bool) -> Values:
    """The fields of a thing; texts that are called keys are masked, `sealed` ones are boxes."""
    found: Values = {}
    for name, value in values.items():
        if name == METADATA and isinstance(value, dict):
            found |= {f"{METADATA}.{part}": masked({part: value[part]})[part] for part in value}
        elif name in PERSONAL and sealed:
            found[name] = _box(value)
        elif name in _OWN_KEYS:
            found[name] = value
        elif name not in _NO_FIELDS:
            found[name] = masked({name: value})[name]
    return found


def members(of: Mapping[str, Values]) -> Values:
    """What members have, each under a name of its own."""
    return {
        f"{MEMBERS}.{user_id}.{name}": value
        for user_id, held in of.items()
        for name, value in held.items()
    }


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The fields that differ; what is empty is as good as absent."""
    for field in dict.fromkeys([*before, *after]):
        was, now = before.get(field), after.get(field)
        if was != now and not (_empty(was) and _empty(now)):
            yield Change(field, was, now)


def _empty(value: object) -> bool:
    return value is None or value in ({}, [])


def _box(value: Any) -> Sealed | None:  # noqa: ANN401
    return None if value is None else Sealed.model_validate(value["sealed"])


def _allowance(event: OrganizationAllowanceChanged) -> Change:
    before, after = map(_limits, (event.before, event.after))
    return Change(f"{ALLOWANCES}.{event.team_id}", before, after)


def _limits(taken: Allowance | None) -> Values | None:
    return None if taken is None else taken.model_dump(mode="json")


_OF_MEMBERS = tuple(
    fact.type_name
    for fact in known_facts()
    if "user_id" in fact.model_fields and fact.model_fields["user_id"].is_required()
)


def silent_on(field: str) -> tuple[str, ...]:
    """Names of facts that tell nothing of a field: those about single members, of any other."""
    return () if field.partition(".")[0] == MEMBERS else _OF_MEMBERS
