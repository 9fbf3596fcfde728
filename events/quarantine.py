"""Facts about usage that came too late or too early to be booked unseen, stream `quarantine-{id}`.

The id is the one the ledger knows the record by, in hex: 128 bits of its source and its own id.
"""

from typing import ClassVar

from events.registry import DomainEvent, fact
from events.values import JsonObject, Moment, Value


class Waited(Value):
    """What waited, since when and why; `usage` is a `UsageRecorded` as its source reported it."""

    source: str
    request_id: str
    reason: str
    received_at: Moment
    usage: JsonObject


@fact("usage.quarantine_booked")
class QuarantineBooked(DomainEvent):
    """It is to be booked, as a call that began at `started_at`."""

    begins_life: ClassVar[bool] = True

    waited: Waited
    started_at: Moment


@fact("usage.quarantine_discarded")
class QuarantineDiscarded(DomainEvent):
    """It is not to be booked."""

    begins_life: ClassVar[bool] = True

    waited: Waited
