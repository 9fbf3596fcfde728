"""How budgets cut time into windows: kept with whatever holds one, for the time that comes after.

What a window began with is needed as long as it lasts, so what was set before counts too.
"""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rpds import HashTrieMap

from events.envelope import Envelope
from events.terms import told


class Pace(NamedTuple):
    """Since when windows last `duration`, or are those of a shared row; see events.terms.Terms."""

    since: datetime
    duration: str | None
    reset_at: datetime | None
    budget_id: str | None
    held: bool
    first: bool


if TYPE_CHECKING:
    Paces: TypeAlias = HashTrieMap[tuple[str, str], tuple[Pace, ...]]
else:
    Paces = HashTrieMap  # the class takes no parameters when it runs

UNPACED: Paces = HashTrieMap()
"""By kind of holder and member, the oldest first: of nothing."""


def paced(paces: Paces, envelope: Envelope) -> Paces:
    """With what one more fact of the same life says."""
    for one in told(envelope.event):
        if one.after.paced_like(one.before):
            continue
        after, holder = one.after, (one.kind, one.member)
        pace = Pace(
            since=envelope.recorded_at,
            duration=after.duration,
            reset_at=after.reset_at,
            budget_id=after.budget_id,
            held=after.held,
            first=one.first,
        )
        paces = paces.insert(holder, (*paces.get(holder, ()), pace))
    return paces
