"""What facts about copies tell an auditor."""

from events.audit import AccessReviewed, AuditArchived, AuditExported
from events.values import Sealed, timestamp
from services.projection.projectors import audit_values as values
from services.projection.projectors.audit_entry import Entry, Notes, on


def exported(entry: Entry, event: AuditExported) -> None:
    """Filters under their names, sealed as they are; `until` is a position."""
    entry.after |= {"format": event.form, "until": event.until, "entries": event.entries}
    for name, value in event.filters.items():
        entry.after[name] = values.sealed(value) if isinstance(value, Sealed) else value


def archived(entry: Entry, event: AuditArchived) -> None:
    entry.after |= {**event.model_dump(mode="json"), "before": timestamp(event.before)}


def reviewed(entry: Entry, event: AccessReviewed) -> None:
    """`until` is a position; without organizations all of them were meant."""
    entry.after |= {
        "format": event.form,
        "as_of": timestamp(event.as_of),
        "until": event.until,
        "entries": event.entries,
    }
    if event.organizations is not None:
        entry.after["organizations"] = event.organizations


COPY_NOTES: Notes = {
    **on(AuditExported, exported),
    **on(AuditArchived, archived),
    **on(AccessReviewed, reviewed),
}
