"""Teams as lists show them, rendered once for as long as they look the same."""

from collections import OrderedDict
from datetime import UTC, datetime, tzinfo

import orjson

from events.values import JsonObject
from services.edge.shapes.team import team
from services.projection.queries.records import SHOWN, StoredTeam, TeamRecord

_LONGEST = 8 * 1024
_FOREVER = datetime.max.replace(tzinfo=UTC)


class TeamItems:
    """The JSON of teams, by the rows it was made from.

    An answer depends on nothing but the row and, where there is a budget, its present window: so
    what is kept cannot be stale. Lists are read far more often than their teams change.
    """

    def __init__(self, capacity: int = 2_000) -> None:
        self._kept: OrderedDict[StoredTeam, tuple[datetime, orjson.Fragment]] = OrderedDict()
        self._capacity = capacity

    def item(self, stored: StoredTeam, now: datetime, zone: tzinfo) -> orjson.Fragment:
        """The typed Team (2.1), with `members_total` where the roster is cut.

        `now` never goes back; `zone` is always the same.
        """
        until, fragment = self._kept.get(stored, (now, None))
        if fragment is not None and now < until:
            self._kept.move_to_end(stored)
            return fragment
        record = stored.record()
        content = with_total(team(record.view, now, zone), record)
        text = orjson.dumps(content)
        fragment = orjson.Fragment(text)
        if len(text) <= _LONGEST:
            self._keep(stored, _end(content), fragment)
        return fragment

    def _keep(self, stored: StoredTeam, until: datetime, fragment: orjson.Fragment) -> None:
        self._kept[stored] = until, fragment
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)


def with_total(item: JsonObject, record: TeamRecord) -> JsonObject:
    """The item, which says how many members there are where it does not show all.

    Members that were deleted count until their teams are told, though nobody is shown them.
    """
    if SHOWN <= len(record.view.members) < record.members_total:
        item["members_total"] = record.members_total
    return item


def _end(content: JsonObject) -> datetime:
    reset_at = content["budget_reset_at"]
    return _FOREVER if reset_at is None else datetime.fromisoformat(reset_at)
