"""Read model `budgets_1`: one row per life of a budget; a deleted budget keeps its row."""

from events.budget import BudgetChanged, BudgetCreated, BudgetDeleted
from events.envelope import Envelope
from events.imported import ThingImported
from events.streams import BUDGET
from services.projection.projector import TableProjector, identity, on
from services.projection.projectors.imported import imported, makers
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "budgets_1",
    key={"budget_id": "text", "incarnation": "bigint"},
    columns={
        "created_at": "timestamptz",
        "created_by": "text",
        "updated_at": "timestamptz",
        "updated_by": "text",
        "since": "timestamptz",
        "version": "bigint",
        "deleted_at": "timestamptz",
        "settings": "jsonb",
    },
)


def created(rows: Rows, at: Envelope, event: BudgetCreated) -> None:
    rows.put(
        _key(at),
        created_at=at.recorded_at,
        created_by=at.meta.actor,
        updated_at=at.recorded_at,
        updated_by=at.meta.actor,
        since=at.recorded_at,
        version=at.originator_version,
        settings=event.settings.model_dump(mode="json"),
    )


def changed(rows: Rows, at: Envelope, event: BudgetChanged) -> None:
    """Only another duration starts the window anew (S15)."""
    moved = event.before.budget_duration != event.after.budget_duration
    rows.change(
        _key(at),
        updated_at=at.recorded_at,
        updated_by=at.meta.actor,
        version=at.originator_version,
        settings=event.after.model_dump(mode="json"),
        **({"since": at.recorded_at} if moved else {}),
    )


def deleted(rows: Rows, at: Envelope, _: BudgetDeleted) -> None:
    rows.change(_key(at), deleted_at=at.recorded_at, version=at.originator_version)


def _key(at: Envelope) -> Key:
    return identity(at.originator_id), at.incarnation


BUDGETS = TableProjector(
    TABLE,
    {
        **on(BudgetCreated, created),
        **on(BudgetChanged, changed),
        **on(BudgetDeleted, deleted),
        **on(ThingImported, imported(BUDGET, makers)),
    },
)
