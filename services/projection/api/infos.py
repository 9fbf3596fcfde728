"""A team as a whole, as /team/info shows it, rendered once for as long as it looks the same."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import NamedTuple

import orjson

from events.values import JsonObject
from services.edge.shapes.key import key_row
from services.edge.shapes.team import team_info
from services.projection.api.items import FOREVER, shown_until
from services.projection.queries.reading import Connection
from services.projection.queries.records import StoredTeam
from services.projection.queries.spending import Spending
from services.projection.queries.teams import FoundTeam
from services.spend.spenders import Reckoning

CAPACITY = 16 * 1024 * 1024
LONGEST = 64 * 1024
"""Bytes of all answers that are kept, and of one of them."""


class TeamInfos:
    """The JSON of /team/info, by the rows it was made from.

    An answer depends on nothing but these rows, what was spent, and present windows: so what is
    kept cannot be stale. Only a key that was rotated spends as what it was before, too, of which
    other rows tell: a team with such a key is rendered each time.
    """

    def __init__(self, spending: Spending, zone: tzinfo, capacity: int = CAPACITY) -> None:
        self._spending, self._zone = spending, zone
        self._kept: OrderedDict[_Shown, _Kept] = OrderedDict()
        self._capacity = capacity
        self._bytes = 0

    async def info(
        self, found: FoundTeam, now: datetime, *, with_token: bool
    ) -> orjson.Fragment | None:
        """The team with keys and memberships, and what each has spent in its present window.

        Without `with_token` the hashes of keys are left out. None for a team that is large.
        """
        shown = _Shown(found.stored, found.keys_shown, with_token)
        kept = self._kept.get(shown)
        if kept is not None and kept.since <= now < kept.until:
            self._kept.move_to_end(shown)
            reckoning = kept.reckoning
        elif found.is_large:
            return None
        else:
            kept, reckoning = None, await team_reckoning(self._spending, found, now)
        spent = await self._spending.told(reckoning)
        if kept is not None and kept.spent == spent:
            return kept.fragment
        content = team_content(found, spent, now, self._zone, with_token=with_token)
        text = orjson.dumps(content)
        fragment = orjson.Fragment(text)
        if len(text) <= LONGEST and not any(key.life.rotations for key in found.keys):
            until = min(reckoning.until or FOREVER, *map(shown_until, _with_windows(content)))
            self._keep(shown, _Kept(now, until, reckoning, spent, fragment, len(text)))
        return fragment

    def _keep(self, shown: "_Shown", kept: "_Kept") -> None:
        if shown in self._kept:
            self._bytes -= self._kept.pop(shown).size
        self._kept[shown] = kept
        self._bytes += kept.size
        while self._bytes > self._capacity:
            self._bytes -= self._kept.popitem(last=False)[1].size


async def team_reckoning(
    spending: Spending, found: FoundTeam, now: datetime, within: Connection | None = None
) -> Reckoning:
    """How to tell what the team, each of its members and each of its keys has spent.

    `within` is that of `Spending.of_keys`.
    """
    keys = await spending.of_keys([key.life for key in found.keys], within)
    return spending.reckoning([found.record.spender, *found.record.members, *keys], now)


def team_content(
    found: FoundTeam,
    spent: Sequence[Decimal],
    now: datetime,
    zone: tzinfo,
    *,
    with_token: bool,
) -> JsonObject:
    """The answer of /team/info (team-api.md 3.4); `spent` as `team_reckoning` orders it."""
    record = found.record
    of_team, *others = spent
    of_members, of_keys = others[: len(record.view.members)], others[len(record.view.members) :]
    return {
        "team_id": record.view.team_id,
        "team_info": team_info(record.view, now, zone, spend=of_team),
        "keys": [
            key_row(key.view, now, zone, with_token=with_token, spend=spend)
            for key, spend in zip(found.keys, of_keys, strict=True)
        ],
        "team_memberships": record.memberships(of_members),
    }


class _Shown(NamedTuple):
    """What an answer is made from: rows of team, roster and keys, and whether it shows hashes."""

    stored: StoredTeam
    keys: str | None
    with_token: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer of so many bytes that holds from one moment until before another."""

    since: datetime
    until: datetime
    reckoning: Reckoning
    spent: Sequence[Decimal]
    fragment: orjson.Fragment
    size: int


def _with_windows(content: JsonObject) -> list[JsonObject]:
    return [content["team_info"], *content["keys"]]
