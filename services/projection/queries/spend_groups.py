"""Sums divided by several things at once, each group with what tells which it is."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing

from psycopg.sql import SQL

from events.values import JsonObject
from services.edge.shapes.activity import Metrics
from services.edge.shapes.spend_groups import FIELDS, By, hour_of
from services.projection.queries.names import Aliases, aliases_of
from services.projection.queries.reading import Row
from services.projection.queries.usage_statements import (
    ORGANIZATION_ID,
    TEAM_ID,
    USER_ID,
    Each,
    Group,
)
from services.projection.queries.usage_sums import Sums, last_series, measured

TERMS: Mapping[str, SQL] = {
    "organization": ORGANIZATION_ID,
    "team": TEAM_ID,
    "member": USER_ID,
    "key": SQL("s.key_hash"),
    "model": SQL("s.model_name"),
    "provider": SQL("s.provider"),
    "tag": SQL("t.tag"),
}
Found = AsyncGenerator[list[tuple[JsonObject, Metrics]], None]


async def spend_groups(sums: Sums, by: Sequence[By]) -> Found:
    """Groups in the order of time, then of the things they are divided by.

    Without any there is one group, of all calls; none where there are no calls. Aliases are those
    under which the last series of a group spends.
    """
    each: Each = "hour" if "hour" in by else "day" if "day" in by else "range"
    terms: dict[str, SQL] = {name: TERMS[name] for name in by if name in TERMS}
    async with aclosing(sums.chunks(Group(each, terms, tags="tag" in by))) as chunks:
        async for rows in chunks:
            aliases = await aliases_of(sums.connection, {last_series(row) for row in rows})
            yield [_group(by, terms, row, aliases[last_series(row)]) for row in rows]


def _group(
    by: Sequence[By], terms: Collection[str], row: Row, aliases: Aliases
) -> tuple[JsonObject, Metrics]:
    *keys, metrics = measured(row)
    time = keys[: len(keys) - len(terms)]
    found: dict[str, object] = dict(zip(terms, keys[len(time) :], strict=True))
    match time:
        case [day, begin, ahead]:
            found |= {"day": day.isoformat(), "hour": hour_of(begin, ahead)}
        case [day]:
            found["day"] = day.isoformat()
    told: JsonObject = {}
    for name in by:
        field, *alias = FIELDS[name]
        told[field] = found[name]
        told |= {each: found[name] and getattr(aliases, name) for each in alias}
    return told, metrics
