"""Teams as lists show them, rendered once for as long as they look the same."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

import orjson

from events.values import JsonObject
from services.edge.shapes.team import team
from services.projection.queries.records import SHOWN, StoredTeam, TeamRecord
from services.spend.spenders import Reckoning, asked_now, joined, reckoned

_LONGEST = 8 * 1024
FOREVER = datetime.max.replace(tzinfo=UTC)


class TeamItems:
    """The JSON of teams, by the rows it was made from.

    An answer depends on nothing but the row, what was spent and, where there is a budget, its
    present window: so what is kept cannot be stale. Lists are read far more often than their teams
    change.
    """

    def __init__(self, capacity: int = 2_000) -> None:
        self._kept: OrderedDict[StoredTeam, _Kept] = OrderedDict()
        self._reckoned: OrderedDict[StoredTeam, _Reckoned] = OrderedDict()
        self._capacity = capacity

    def reckoning(self, teams: Iterable[StoredTeam], now: datetime, zone: tzinfo) -> Reckoning:
        """How to tell what each has spent in the window that holds `now`, in the order given."""
        return joined(self._reckoning(stored, now, zone) for stored in teams)

    def item(
        self, stored: StoredTeam, spend: Decimal, now: datetime, zone: tzinfo
    ) -> orjson.Fragment:
        """The typed Team (2.1), with `members_total` where the roster is cut.

        `now` never goes back; `zone` is always the same.
        """
        kept = self._kept.get(stored)
        if kept is not None and now < kept.until and spend == kept.spend:
            self._kept.move_to_end(stored)
            return kept.fragment
        record = stored.record()
        content = with_total(team(record.view, now, zone, spend=spend), record)
        text = orjson.dumps(content)
        fragment = orjson.Fragment(text)
        if len(text) <= _LONGEST:
            self._keep(stored, _Kept(shown_until(content), spend, fragment))
        return fragment

    def _reckoning(self, stored: StoredTeam, now: datetime, zone: tzinfo) -> Reckoning:
        known = self._reckoned.get(stored)
        if known is not None and known.since <= now < known.until:
            self._reckoned.move_to_end(stored)
            return known.reckoning
        found = reckoned(asked_now([stored.spender], now, zone), now)
        if stored.size > _LONGEST:
            return found
        self._reckoned[stored] = _Reckoned(now, found.until or FOREVER, found)
        if len(self._reckoned) > self._capacity:
            self._reckoned.popitem(last=False)
        return found

    def _keep(self, stored: StoredTeam, kept: "_Kept") -> None:
        self._kept[stored] = kept
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Reckoned:
    """It holds from one moment until before another."""

    since: datetime
    until: datetime
    reckoning: Reckoning


@dataclass(frozen=True, slots=True)
class _Kept:
    until: datetime
    spend: Decimal
    fragment: orjson.Fragment


def with_total(item: JsonObject, record: TeamRecord) -> JsonObject:
    """The item, which says how many members there are where it does not show all.

    Members that were deleted count until their teams are told, though nobody is shown them.
    """
    if SHOWN <= len(record.view.members) < record.members_total:
        item["members_total"] = record.members_total
    return item


def shown_until(item: JsonObject) -> datetime:
    """Until when the end of a budget window that an answer shows lies ahead."""
    reset_at = item["budget_reset_at"]
    return FOREVER if reset_at is None else datetime.fromisoformat(reset_at)
