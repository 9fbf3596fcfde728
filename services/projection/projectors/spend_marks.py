"""Read model `spend_marks_1`: what bears on spend beside the calls, one row per fact and thing.

`opened` is what another system said was spent up to a moment; `reset` the amount that spend goes on
from since one. What concerns everything of a kind stands under an empty id and incarnation 0.
"""

from events.envelope import Envelope
from events.spend import SpendOpened, SpendReset, SpendResetEverywhere
from services.projection.projector import TableProjector, on
from services.projection.rows import Rows, Table

OPENED, RESET = "opened", "reset"
EVERYTHING = ""
TABLE = Table(
    "spend_marks_1",
    key={
        "id": "text",
        "incarnation": "bigint",
        "kind": "text",
        "member": "text",
        "position": "bigint",
    },
    columns={
        "sort": "text",
        "at": "timestamptz",
        "amount": "numeric",
        "before": "numeric",
        "by": "text",
        "reason": "text",
    },
    append_only=True,
)


def opened(rows: Rows, at: Envelope, event: SpendOpened) -> None:
    rows.put(
        (event.id, event.incarnation, event.kind, event.user_id or "", at.position),
        sort=OPENED,
        at=event.as_of,
        amount=event.amount,
    )


def reset(rows: Rows, at: Envelope, event: SpendReset) -> None:
    rows.put(
        (event.id, event.incarnation, event.kind, event.user_id or "", at.position),
        sort=RESET,
        at=at.recorded_at,
        amount=event.amount,
        before=event.before,
        by=at.meta.actor,
        reason=event.reason,
    )


def all_reset(rows: Rows, at: Envelope, event: SpendResetEverywhere) -> None:
    for kind in event.kinds:
        rows.put(
            (EVERYTHING, 0, kind, "", at.position),
            sort=RESET,
            at=at.recorded_at,
            amount=0,
            by=at.meta.actor,
            reason=event.reason,
        )


SPEND_MARKS = TableProjector(
    TABLE,
    {
        **on(SpendOpened, opened),
        **on(SpendReset, reset),
        **on(SpendResetEverywhere, all_reset),
    },
)
