"""A group of projectors that follows a topic, as a projection process has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.database.connections import entered_pool, service_conninfo
from services.projection.feed.kafka import KafkaFeed
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
from tests.support.broker import Broker
from tests.support.kills import children
from tests.support.projected import open_sealed
from tests.support.relaying import cluster_of

SECONDS = 30.0
NEVER = 10_000.0
READER = b"services.projection.feed.reading"


@dataclass(frozen=True, slots=True)
class Consuming:
    """What one process has; its feed counts where events came from."""

    group: ProjectionGroup
    feed: KafkaFeed

    async def reach(self, position: int) -> None:
        await self.group.wait_for(position, SECONDS)


@asynccontextmanager
async def consuming(
    url: str, broker: Broker, topic: str, *, patience: float = NEVER
) -> AsyncIterator[Consuming]:
    """It never loses patience with the topic unless told so: what it has came over Kafka."""
    async with AsyncExitStack() as stack:
        conninfo = service_conninfo(url)
        pool = await entered_pool(stack, conninfo, "consuming", 1, 4)
        log, head = StoreFeed(pool, conninfo), Head(pool)
        stack.push_async_callback(log.close)
        feed = KafkaFeed(cluster_of(broker), topic, log, head, patience=patience)
        stack.push_async_callback(feed.close)
        group = ProjectionGroup(GROUP, contract_projectors(open_sealed), feed, pool, head)
        running = asyncio.create_task(group.run())
        try:
            yield Consuming(group, feed)
        finally:
            await group.stop()
            await running


def readers(pid: int) -> list[int]:
    """The processes that read a topic for this one."""
    commands = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children(pid)}
    return [child for child, command in commands.items() if READER in command]
