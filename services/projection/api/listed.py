"""TeamListItem: a team with memberships and keys, as lists of whole teams show it (3.5)."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from events.values import JsonObject
from services.access.visibility import sees_every_key
from services.edge.shapes.key import key_row
from services.edge.shapes.team import membership, team
from services.projection.api.dependencies import Reader
from services.projection.api.items import with_total
from services.projection.queries.reading import Connection
from services.projection.queries.team_lists import ListedTeam
from services.spend.spenders import Spender

_AT_ONCE = 2_000
"""Things whose spend is asked for by one statement; a team is never cut in two."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A team of the list, and everything of it that spends: itself, memberships, keys."""

    listed: ListedTeam
    members: Sequence[Spender]
    keys: Sequence[Spender]

    @property
    def spenders(self) -> list[Spender]:
        return [self.listed.record.spender, *self.members, *self.keys]


async def listed_items(
    reader: Reader,
    user_id: str | None,
    found: AsyncIterator[ListedTeam],
    within: Connection | None,
) -> AsyncIterator[list[JsonObject]]:
    """TeamListItems, some at a time; `user_id` is the user whose teams were asked for, if any.

    `within` is the connection that the teams are read over, if they are still being read.
    """
    waiting: list[_Counted] = []
    size = 0
    async for listed in found:
        keys = await reader.context.spending.of_keys([key.life for key in listed.keys], within)
        counted = _Counted(listed, _members(user_id, listed), keys)
        waiting.append(counted)
        size += 1 + len(counted.members) + len(keys)
        if size >= _AT_ONCE:
            yield await _items(reader, user_id, waiting)
            waiting, size = [], 0
    if waiting:
        yield await _items(reader, user_id, waiting)


async def _items(
    reader: Reader, user_id: str | None, teams: Sequence[_Counted]
) -> list[JsonObject]:
    spenders = [spender for counted in teams for spender in counted.spenders]
    spent = iter(await reader.context.spending.now(spenders, reader.now))
    return [_list_item(reader, user_id, counted, spent) for counted in teams]


def _list_item(
    reader: Reader, user_id: str | None, counted: _Counted, spent: Iterator[Decimal]
) -> JsonObject:
    listed, now, zone = counted.listed, reader.now, reader.context.zone
    view = listed.record.view
    shown = team(view, now, zone, spend=next(spent), load_model_table=True)
    item = with_total(shown, listed.record)
    members = list(islice(spent, len(counted.members)))
    item["team_memberships"] = _memberships(user_id, listed, members)
    with_token = sees_every_key(reader.principal, listed.towards)
    item["keys"] = [
        key_row(key.view, now, zone, with_token=with_token, spend=next(spent))
        for key in listed.keys
    ]
    if listed.keys_total > len(listed.keys):
        item["keys_total"] = listed.keys_total
    return item


def _members(user_id: str | None, listed: ListedTeam) -> list[Spender]:
    if user_id is None:
        return listed.record.members
    return [listed.record.member(user_id)] if listed.of_user else []


def _memberships(
    user_id: str | None, listed: ListedTeam, spent: Sequence[Decimal]
) -> list[JsonObject]:
    """Those of all members (D43), or only that of the user who was asked for, if any (3.5)."""
    if user_id is None:
        return listed.record.memberships(spent)
    view = listed.record.view
    return [
        membership(view.team_id, user_id, listed.limits, view.settings, spend=spend)
        for spend in spent
    ]
