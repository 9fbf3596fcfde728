"""`teamledger usage-consumer`: usage from a topic into the ledger, by any number of processes."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import typer

from services.cli.database import any_database
from services.cli.failures import explained
from services.command.application.loop import CommandLoop
from services.command.application.store import EventStore
from services.command.application.usage_consumer import (
    FuseBlown,
    UsageBooker,
    UsageConsumer,
    UsageTopic,
)
from services.database.connections import entered_pool, service_conninfo
from services.settings import KafkaSettings, load_kafka_settings
from services.standalone import prepare_events
from services.telemetry import configure_logging

DEADLINE = 30.0
FUSE_BLOWN = 3


@explained
def usage_consumer() -> None:
    """Book what gateways send to the topic of usage. Run as many as it has partitions, or fewer.

    Needs TEAMLEDGER_KAFKA_BOOTSTRAP and the database of the events, and none of the keys. The
    topics are made by `teamledger topics`. Ends with status 3 when more messages than
    TEAMLEDGER_KAFKA_USAGE_DEAD_PER_HOUR could not be booked: the producer is to be looked at.
    """
    settings = load_kafka_settings()
    configure_logging(settings.log_level)
    gc.set_threshold(20_000, 50, 100)
    with any_database(settings) as url:
        prepare_events(url)
        try:
            asyncio.run(_consume(settings, service_conninfo(url)))
        except FuseBlown as blown:
            typer.echo(f"error: {blown}", err=True)
            raise typer.Exit(FUSE_BLOWN) from None


async def _consume(settings: KafkaSettings, conninfo: str) -> None:
    from services.command.api.usage_messages import reading

    topic = usage_topic(settings)
    async with opened_booker(topic, conninfo) as booker:
        consumer = UsageConsumer(topic, booker, reading(topic.source))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, consumer.stop)
        typer.echo(f"teamledger books usage from topic {topic.name} as source {topic.source}")
        await consumer.run()


def usage_topic(settings: KafkaSettings) -> UsageTopic:
    """What an operator named."""
    from services.broker.cluster import Cluster  # importing kafka-python takes a third of a second

    return UsageTopic(
        cluster=Cluster.of(settings),
        name=settings.kafka_usage_topic,
        dead=settings.kafka_usage_dead_topic,
        source=settings.kafka_usage_source,
        dead_per_hour=settings.kafka_usage_dead_per_hour,
    )


@asynccontextmanager
async def opened_booker(topic: UsageTopic, conninfo: str) -> AsyncIterator[UsageBooker]:
    """What books usage of the topic, until the block ends."""
    async with AsyncExitStack() as stack:
        pool = await entered_pool(stack, conninfo, "usage", 1, 4)
        loop = CommandLoop(EventStore(pool, conninfo), queue_size=10, deadline=DEADLINE)
        await loop.start()
        stack.push_async_callback(loop.stop)
        yield UsageBooker(topic, loop, pool)
