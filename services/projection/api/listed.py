"""TeamListItem: a team with memberships and keys, as lists of whole teams show it (3.5)."""

from collections.abc import AsyncIterator

from events.values import JsonObject
from services.access.visibility import sees_every_key
from services.edge.shapes.key import key_row
from services.edge.shapes.team import membership, team
from services.projection.api.dependencies import Reader
from services.projection.api.items import with_total
from services.projection.queries.team_lists import ListedTeam


async def listed_items(
    reader: Reader, user_id: str | None, found: AsyncIterator[ListedTeam]
) -> AsyncIterator[list[JsonObject]]:
    """TeamListItems, one by one; `user_id` is the user whose teams were asked for, if any."""
    async for listed in found:
        yield [_list_item(reader, user_id, listed)]


def _list_item(reader: Reader, user_id: str | None, listed: ListedTeam) -> JsonObject:
    now, zone, record = reader.now, reader.context.zone, listed.record
    item = with_total(team(record.view, now, zone, load_model_table=True), record)
    item["team_memberships"] = _memberships(user_id, listed)
    with_token = sees_every_key(reader.principal, listed.towards)
    item["keys"] = [key_row(key, now, zone, with_token=with_token) for key in listed.keys]
    if listed.keys_total > len(listed.keys):
        item["keys_total"] = listed.keys_total
    return item


def _memberships(user_id: str | None, listed: ListedTeam) -> list[JsonObject]:
    """Those of all members (D43), or only that of the user who was asked for, if any (3.5)."""
    if user_id is None:
        return listed.record.memberships()
    if not listed.of_user:
        return []
    view = listed.record.view
    return [membership(view.team_id, user_id, listed.limits, view.settings)]
