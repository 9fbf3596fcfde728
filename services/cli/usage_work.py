"""What commands about the topic of usage have in common, and what they do with it."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice

import typer

from services.broker.cluster import Cluster
from services.cli.beside import answering
from services.cli.database import any_log
from services.cli.dead_letter_lines import Chosen
from services.command.api.usage_messages import reading
from services.command.application.dead_letter_replay import AT_ONCE, Judged, Replay
from services.command.application.dead_letters import DeadLetter
from services.command.application.loop import CommandLoop
from services.command.application.store import EventStore
from services.command.application.usage_consumer import UsageBooker, UsageConsumer, UsageTopic
from services.command.follower_process import consumer_service
from services.database.connections import Pool, entered_pool, service_conninfo
from services.database.schemas import prepare_events
from services.settings import ConsumerSettings, KafkaSettings, load_kafka_settings

DEADLINE = 30.0
Tell = Callable[[Judged], None]


def usage_topic(settings: KafkaSettings) -> UsageTopic:
    """What an operator named."""
    return UsageTopic(
        cluster=Cluster.of(settings),
        name=settings.kafka_usage_topic,
        dead=settings.kafka_usage_dead_topic,
        source=settings.kafka_usage_source,
        dead_per_hour=settings.kafka_usage_dead_per_hour,
    )


@asynccontextmanager
async def opened_loop(conninfo: str) -> AsyncIterator[tuple[CommandLoop, Pool]]:
    """What finds out whose usage it is, and connections to the ledger, until the block ends."""
    async with AsyncExitStack() as stack:
        pool = await entered_pool(stack, conninfo, "usage", 1, 4)
        loop = CommandLoop(EventStore(pool, conninfo), queue_size=10, deadline=DEADLINE)
        await loop.start()
        stack.push_async_callback(loop.stop)
        yield loop, pool


async def consume(settings: ConsumerSettings, url: str) -> None:
    """Until SIGTERM or SIGINT. Raises as `UsageConsumer.run` does."""
    topic = usage_topic(settings)
    async with opened_loop(service_conninfo(url)) as (loop, pool):
        booker = UsageBooker(topic, loop, pool)
        consumer = UsageConsumer(topic, booker, reading(topic.source))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, consumer.stop)
        typer.echo(f"teamledger books usage from topic {topic.name} as source {topic.source}")
        with _answering(settings, consumer, url):
            await consumer.run()


def _answering(
    settings: ConsumerSettings, consumer: UsageConsumer, url: str
) -> AbstractContextManager[None]:
    if not settings.usage_consumer_port:
        return nullcontext()
    app = consumer_service(settings, consumer, url)
    return answering(app, settings.usage_consumer_host, settings.usage_consumer_port)


async def listed(chosen: Chosen, limit: int, *, every: bool) -> list[Judged]:
    """The first of the letters, as they stand; of those that are booked only if `every` one."""
    found: list[Judged] = []
    async with _opened(chosen) as letters:
        for some in letters:
            judged = await letters.replay.judge(some)
            found += [each for each in judged if every or each.state != "booked"]
            if len(found) >= limit:
                break
    return found[:limit]


async def replayed(chosen: Chosen, tell: Tell, *, dry_run: bool) -> Counter[str]:
    """How many letters are what now, or would be; `tell` is told each."""
    states: Counter[str] = Counter()
    async with _opened(chosen) as letters:
        carry_out = letters.replay.judge if dry_run else letters.replay.replay
        for some in letters:
            for judged in await carry_out(some):
                states[judged.state] += 1
                tell(judged)
    return states


@dataclass(frozen=True, slots=True)
class _Letters:
    """Those that are meant, as many at a time as can be replayed at once."""

    replay: Replay
    letters: Iterator[DeadLetter]

    def __iter__(self) -> Iterator[Sequence[DeadLetter]]:
        while some := list(islice(self.letters, AT_ONCE)):
            yield some


@asynccontextmanager
async def _opened(chosen: Chosen) -> AsyncIterator[_Letters]:
    settings = load_kafka_settings()
    topic = usage_topic(settings)
    with any_log(settings) as url:
        prepare_events(url)
        async with opened_loop(service_conninfo(url)) as (loop, pool):
            booker = UsageBooker(topic, loop, pool)
            replay = Replay(loop, booker, reading(topic.source), topic.source)
            yield _Letters(replay, chosen.of(topic))
