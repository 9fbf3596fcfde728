"""Daily activity of whatever spends: the same answer for teams, users and organizations."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Literal

from psycopg.sql import SQL
from pydantic import Field
from starlette.responses import Response

from events.streams import KEY
from events.values import JsonObject
from services.edge.shapes.activity import (
    Line,
    activity_day,
    daily_activity,
    total,
)
from services.projection.api.asked import MAX_PAGE, Text
from services.projection.api.days import Range
from services.projection.api.dependencies import POSITION_HEADER, Reader
from services.projection.api.streaming import Items, spooled
from services.projection.queries.names import Name, Thing, names
from services.projection.queries.reading import Connection, Paging, Row, snapshot
from services.projection.queries.usage_scope import UsageScope
from services.projection.queries.usage_statements import (
    ORGANIZATION_ID,
    TEAM_ID,
    USER_ID,
    Group,
)
from services.projection.queries.usage_sums import Sums, measured, whole_days
from services.spend.calendar import Calendar

BY_DAY = Group("day", newest_first=True)
Entity = Literal["team", "user", "organization"]
_IDS: Mapping[Entity, SQL] = {"team": TEAM_ID, "user": USER_ID, "organization": ORGANIZATION_ID}
_MANY = 2_000
_TERMS: Mapping[str, SQL] = {
    "key": SQL("s.key_hash"),
    "model": SQL("s.model_name"),
    "model_group": SQL("s.model_group"),
    "mcp_tool": SQL("s.mcp_tool"),
    "provider": SQL("s.provider"),
    "endpoint": SQL("s.endpoint"),
}


class ActivityQuery(Range):
    """Days of a zone, both inclusive; of one model, of the key with this sha256."""

    model: Text | None = None
    api_key: Text | None = None


class PagedActivity(ActivityQuery):
    """The same by page, each of so many days, the newest first."""

    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 1
    page_size: Annotated[int, Field(ge=1, le=1000)] = 10

    @property
    def paging(self) -> Paging:
        """The page that is asked for."""
        return Paging(self.page, self.page_size)


@dataclass(frozen=True, slots=True)
class Activity:
    """What to answer: for whom, about which days, divided by what kind of thing.

    `position` is that of the read models that the scope was judged by.
    """

    reader: Reader
    scope: UsageScope
    entity: Entity
    calendar: Calendar
    position: int

    async def page(self, paging: Paging) -> Response:
        """Days by page; the totals are those of the whole range (D40)."""
        return await self._answered(paging)

    async def whole(self) -> Response:
        """All days at once."""
        return await self._answered(None)

    async def _answered(self, paging: Paging | None) -> Response:
        async with snapshot(self.reader.context.reports_pool) as ledger:
            sums = await Sums.of(ledger, self.scope, self.calendar)
            rows = await sums.all(BY_DAY)
            totals = total([measured(row)[-1] for row in rows])
            shown = rows if paging is None else rows[paging.offset : paging.offset + paging.size]
            number = 1 if paging is None else paging.number
            pages = min(len(rows), 1) if paging is None else paging.pages(len(rows))
            content = daily_activity(Items(self._days(sums, shown)), totals, number, pages)
            return await spooled(content, {POSITION_HEADER: str(self.position)})

    async def _days(self, sums: Sums, rows: Sequence[Row]) -> AsyncIterator[list[JsonObject]]:
        if not rows:
            return
        group = Group("day", {"entity": _IDS[self.entity], **_TERMS}, newest_first=True)
        chunks = sums.chunks(group, first=rows[-1][0], last=rows[0][0])
        labels: dict[Thing, JsonObject] = {}
        async with aclosing(whole_days(chunks)) as days:
            async for found in days:
                lines = [Line._make(measured(row)) for row in found]
                await self._add_labels(labels, sums.connection, lines)
                if len(lines) > _MANY:
                    yield [await asyncio.to_thread(activity_day, lines, self.entity, labels)]
                else:
                    yield [activity_day(lines, self.entity, labels)]

    async def _add_labels(
        self, labels: dict[Thing, JsonObject], ledger: Connection, lines: Sequence[Line]
    ) -> None:
        """Those of keys and entities that have none yet."""
        keys = {(KEY, line.key) for line in lines if line.key is not None}
        entities = {(self.entity, line.entity) for line in lines if line.entity is not None}
        wanted = [*(keys | entities) - labels.keys()]
        found = await names(self.reader.context.read_pool, ledger, wanted) if wanted else {}
        for thing in wanted:
            labels[thing] = _label(thing[0], found.get(thing))


def _label(kind: str, name: Name | None) -> JsonObject:
    """The metadata of a key or an entity; users have none."""
    if name is None:
        return {}
    if kind == KEY:
        return {"key_alias": name.alias, "team_id": name.team_id}
    return {f"{kind}_alias": name.alias}
