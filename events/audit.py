"""Facts about copies, stream `audit-copies`: who took what of the log, and up to where."""

from typing import Literal

from events.registry import DomainEvent, fact
from events.streams import AUDIT, stream
from events.values import Moment, Sealed

COPIES = stream(AUDIT, "copies")
"""The stream of all of them."""


@fact("audit.exported")
class AuditExported(DomainEvent):
    """Entries that match were read, up to the position `until`; recorded before the first one is.

    `filters` are what was asked for, by name; what may be an address is sealed for whom it names.
    `proof` is the log itself, with what proves it, and `entries` are then leaves.
    """

    form: Literal["jsonl", "csv", "proof"]
    filters: dict[str, str | Sealed] = {}
    until: int
    entries: int


@fact("audit.archived")
class AuditArchived(DomainEvent):
    """The log up to a checkpoint was written to a file; nothing was taken out of it.

    The checkpoint is the last one signed at or before `before`; `leaves` and `root`, in hex, are
    its tree, `until` the last event in it. `sha256` is that of the file.
    """

    before: Moment
    until: int
    leaves: int
    root: str
    sha256: str


@fact("audit.access_reviewed")
class AccessReviewed(DomainEvent):
    """It was read who could do what at a moment; recorded before the first line was sent.

    `until` is the last event by the moment `as_of`; `organizations` are those whose rights were
    read, None all there are.
    """

    form: Literal["csv", "json"]
    as_of: Moment
    until: int
    organizations: list[str] | None = None
    entries: int


Copied = AuditExported | AuditArchived | AccessReviewed
"""What is recorded of a copy."""
