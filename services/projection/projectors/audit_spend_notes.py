"""What resets of spend tell an auditor: of one thing, or of everything at once."""

from events.spend import SpendReset, SpendResetEverywhere
from events.streams import ORGANIZATION, TEAM
from services.projection.projectors.audit_entry import Entry, Notes, on
from services.projection.projectors.audit_values import number

GROUPS = {"member": TEAM, "organization_member": ORGANIZATION}
"""A member is told of by the team or organization, as whatever else is changed of him."""


def spend_reset(entry: Entry, event: SpendReset) -> None:
    entry.object_id, entry.kind = event.id, GROUPS.get(event.kind, event.kind)
    before, after = {"spend": number(event.before)}, {"spend": number(event.amount)}
    if event.user_id is None:
        entry.changed(before, after)
    else:
        entry.roster = "members" if entry.kind == ORGANIZATION else entry.roster
        entry.member(event.user_id, before, after)
    if event.reason is not None:
        entry.after["reason"] = event.reason


def all_spend_reset(entry: Entry, event: SpendResetEverywhere) -> None:
    entry.after |= {"kinds": event.kinds, "spend": 0.0}
    if event.reason is not None:
        entry.after["reason"] = event.reason


SPEND_NOTES: Notes = {
    **on(SpendReset, spend_reset),
    **on(SpendResetEverywhere, all_spend_reset),
}
