"""Read model `budget_periods_1`: every budget there ever was, from when on, and who set it.

A period lasts until the next one of the same holder (see events.terms). A thing that began without
a budget has no period until it gets one. `held` is false where a member has nothing of his own from
then on; `first` tells that a thing began with it, `paced` that windows may be others since.
"""

from events.envelope import Envelope
from events.registry import DomainEvent
from events.terms import TELLING, told
from services.projection.projector import TableProjector, identity
from services.projection.rows import Rows, Table

TABLE = Table(
    "budget_periods_1",
    key={
        "id": "text",
        "incarnation": "bigint",
        "kind": "text",
        "member": "text",
        "position": "bigint",
    },
    columns={
        "since": "timestamptz",
        "max_budget": "numeric",
        "soft_budget": "numeric",
        "duration": "text",
        "reset_at": "timestamptz",
        "budget_id": "text",
        "by": "text",
        "held": "boolean",
        "first": "boolean",
        "paced": "boolean",
    },
    append_only=True,
)


def began(rows: Rows, at: Envelope, event: DomainEvent) -> None:
    for one in told(event):
        after = one.after
        rows.put(
            (identity(at.originator_id), at.incarnation, one.kind, one.member, at.position),
            since=at.recorded_at,
            max_budget=after.max_budget,
            soft_budget=after.soft_budget,
            duration=after.duration,
            reset_at=after.reset_at,
            budget_id=after.budget_id,
            by=at.meta.actor,
            held=after.held,
            first=one.first,
            paced=not after.paced_like(one.before),
        )


BUDGET_PERIODS = TableProjector(TABLE, dict.fromkeys(TELLING, began))
