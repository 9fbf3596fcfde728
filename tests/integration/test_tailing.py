"""A reader that tails the store while several processes write: it neither skips nor repeats."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from events.envelope import Envelope
from services.database.connections import open_pool, service_conninfo
from services.projection.feed.store import StoreFeed
from tests.support.eventlog import create_store
from tests.support.processes import create_teams, two_processes
from tests.support.stored import stored_facts

TEAMS = 350
READERS = 2
PAGE = 100


async def tail(feed: StoreFeed, ended: asyncio.Event) -> list[Envelope]:
    """Everything the feed tells until the writers have ended and nothing is left."""
    seen: list[Envelope] = []
    position = 0
    while True:
        over = ended.is_set()
        batch = await feed.after(position, PAGE)
        seen += batch
        position += len(batch)
        if not batch and over:
            return seen
        if not batch:
            await feed.wait(position, 0.2)


def read(envelopes: Sequence[Envelope]) -> list[tuple[int, str, int, str]]:
    return [(e.position, e.originator_id, e.originator_version, e.event_id) for e in envelopes]


async def test_readers_miss_nothing_while_two_processes_write(database_url: str) -> None:
    create_store(database_url)
    conninfo = service_conninfo(database_url)
    ended = asyncio.Event()
    pool = await open_pool(conninfo, 2, 4, "test")
    feeds = [StoreFeed(pool, conninfo) for _ in range(READERS)]
    tails = [asyncio.create_task(tail(feed, ended)) for feed in feeds]
    async with two_processes() as (one, two):
        acknowledged = await asyncio.gather(
            one(create_teams, database_url, "one", TEAMS),
            two(create_teams, database_url, "two", TEAMS),
        )
    ended.set()
    seen = await asyncio.gather(*tails)
    for feed in feeds:
        await feed.close()
    await pool.close()

    stored = [(f.position, f.stream, f.version, f.body["id"]) for f in stored_facts(database_url)]
    assert [position for position, *_ in stored] == list(range(1, len(stored) + 1))
    assert len(stored) > 5_000
    assert [read(envelopes) for envelopes in seen] == [stored] * READERS
    turns = [a != b for a, b in pairwise(stream.split("-")[1] for _, stream, *_ in stored)]
    assert sum(turns) > 10
    created = {f"team-{team}" for teams in acknowledged for team in teams}
    assert len(created) == 2 * TEAMS
    assert created <= {stream for _, stream, *_ in stored}
