"""A running group of projectors on real databases, as a process would have it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from events.envelope import Envelope
from events.streams import TEAM, stream
from events.team import MemberAdded, TeamCreated, TeamSettings
from services.database.connections import Pool, open_pool, service_conninfo
from services.projection.feed import Feed
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projector import Projector
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
from tests.support.eventlog import History
from tests.support.projected import open_sealed

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """What one process has: its own pools, feed, head and group, and the task that runs it."""

    group: ProjectionGroup
    feed: StoreFeed
    head: Head
    pool: Pool
    running: asyncio.Task[None]

    async def reach(self, position: int) -> None:
        """Wait for the group, as a reader would."""
        await self.group.wait_for(position, SECONDS)


@asynccontextmanager
async def process(
    url: str,
    projectors: Sequence[Projector] | None = None,
    wrapped: Callable[[StoreFeed], Feed] = lambda feed: feed,
    *,
    run: bool = True,
    page: int = 2_000,
) -> AsyncIterator[Process]:
    """A process that projects, stopped in the end."""
    conninfo = service_conninfo(url)
    pool = await open_pool(conninfo, 1, 4, "test")
    feed, head = StoreFeed(pool, conninfo), Head(pool)
    group = ProjectionGroup(
        GROUP, projectors or contract_projectors(open_sealed), wrapped(feed), pool, head, page=page
    )
    running = asyncio.create_task(group.run() if run else asyncio.sleep(0))
    try:
        yield Process(group, feed, head, pool, running)
    finally:
        await group.stop()
        await running
        await feed.close()
        await pool.close()


async def eventually(conn: psycopg.Connection[Any], condition: str) -> None:
    """Return once an SQL condition holds; each look is a round trip. Fails after 10 seconds."""
    async with asyncio.timeout(SECONDS):
        while not await _holds(conn, f"SELECT {condition}"):
            pass


async def _holds(conn: psycopg.Connection[Any], query: str) -> bool:
    await asyncio.sleep(0)  # the tasks under test go on between two looks
    row = conn.execute(query.encode()).fetchone()
    return row is not None and bool(row[0])


def team_facts(log: History, name: str, members: int = 0) -> list[Envelope]:
    """One command that creates a team, with members u0, u1, ..."""
    team = stream(TEAM, name)
    added = ((team, MemberAdded(user_id=f"u{n}", role="user")) for n in range(members))
    return log.command((team, TeamCreated(settings=TeamSettings(team_alias=name))), *added)
