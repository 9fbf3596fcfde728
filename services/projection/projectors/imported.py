"""What read models show of a thing that was imported: its moments in the system it comes from."""

from collections.abc import Callable

from events.envelope import Envelope
from events.imported import ThingImported
from events.streams import kind_and_id
from services.projection.projector import Fold
from services.projection.rows import Rows

Columns = Callable[[ThingImported], dict[str, object]]


def makers(event: ThingImported) -> dict[str, object]:
    """Who made the thing there, and who changed it last."""
    return {"created_by": event.created_by, "updated_by": event.updated_by}


def _none(_: ThingImported) -> dict[str, object]:
    return {}


def imported(kind: str, more: Columns = _none) -> Fold[ThingImported]:
    """Fold of a projector with a row per life of a thing of one kind; others do nothing to it.

    A moment that is not known there stays what it is here; columns of `more` are taken as given.
    """

    def fold(rows: Rows, at: Envelope, event: ThingImported) -> None:
        found, identity = kind_and_id(at.originator_id)
        if found != kind:
            return
        moments = {
            "created_at": event.created_at,
            "updated_at": event.updated_at or event.created_at,
        }
        known = {name: moment for name, moment in moments.items() if moment is not None}
        rows.change(
            (identity, at.incarnation), version=at.originator_version, **more(event), **known
        )

    return fold
