"""What facts about usage that was not booked at once tell an auditor: what it was, and where."""

from events.dead_letters import DeadLettersReplayed
from events.quarantine import QuarantineBooked, QuarantineDiscarded, Waited
from events.values import timestamp
from services.projection.projectors.audit_entry import Entry, Notes, on
from services.projection.projectors.audit_values import Values


def booked(entry: Entry, event: QuarantineBooked) -> None:
    waited, started_at = event.waited, timestamp(event.started_at)
    entry.after |= {**_waited(waited), "started_at": started_at}


def discarded(entry: Entry, event: QuarantineDiscarded) -> None:
    entry.before |= _waited(event.waited)


def replayed(entry: Entry, event: DeadLettersReplayed) -> None:
    entry.after |= event.model_dump(mode="json")


def _waited(waited: Waited) -> Values:
    """`usage` as it was reported."""
    return waited.model_dump(mode="json")


USAGE_NOTES: Notes = {
    **on(QuarantineBooked, booked),
    **on(QuarantineDiscarded, discarded),
    **on(DeadLettersReplayed, replayed),
}
