"""What facts about copies of the audit log tell an auditor."""

from events.audit import AuditArchived, AuditExported
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


COPY_NOTES: Notes = {**on(AuditExported, exported), **on(AuditArchived, archived)}
