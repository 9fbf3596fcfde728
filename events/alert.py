"""The fact that a budget is used up to a threshold, a stream for each window of each budget."""

from datetime import datetime
from typing import ClassVar
from urllib.parse import quote

from events.registry import DomainEvent, fact
from events.spend import SpendKind
from events.streams import ALERT, Stream, stream
from events.values import Moment, Money, timestamp


def alert_stream(
    kind: SpendKind, identity: str, incarnation: int, member: str, since: datetime | None
) -> Stream:
    """`alert-{kind}-{id}[/{member}]@{life}/{since when spend counts}`, ids percent-encoded."""
    who = quote(identity, safe="") + (f"/{quote(member, safe='')}" if member else "")
    begun = "ever" if since is None else timestamp(since)
    return stream(ALERT, f"{kind}-{who}@{incarnation}/{begun}")


@fact("budget.threshold_crossed")
class BudgetThresholdCrossed(DomainEvent):
    """What one life of a thing has spent in a window reached `percent` of its `max_budget`.

    Where `percent` is None it reached its soft budget. `budget` is that amount, or that soft
    budget, in USD; `spend` is what had counted since `since` when this was found out. Windows go
    from `window_start` until before `window_end`; None is without bound.

    `id` is that of the team or organization where the kind is a membership. `user_id` is the
    member, the user himself, or the owner of the key. Aliases, the team and the organization of a
    thing are those of that moment.
    """

    begins_life: ClassVar[bool] = True

    kind: SpendKind
    id: str
    incarnation: int
    percent: int | None
    budget: Money
    spend: Money
    since: Moment | None
    window_start: Moment | None
    window_end: Moment | None
    user_id: str | None = None
    key_alias: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    organization_id: str | None = None
    organization_alias: str | None = None
