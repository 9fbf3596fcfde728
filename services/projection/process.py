"""The read side of a process: everything it holds, opened in order and closed in reverse."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from zoneinfo import ZoneInfo

from services.database.connections import entered_pool, reports_conninfo
from services.database.opened import EventDatabase
from services.database.secrets import Secrets
from services.database.security_log import SecurityLog
from services.projection.api import ReadContext
from services.projection.api.copying import RecordCopy
from services.projection.feed import Feed
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
from services.projection.seal.sealer import Sealer
from services.projection.seal.signing import signing_key
from services.projection.seal.sinks import sink_at
from services.projection.webhooks.courier import Courier
from services.projection.webhooks.posting import Poster
from services.projection.webhooks.queue import Queue
from services.projection.webhooks.targets import Targets
from services.settings import Settings

CommandsStopped = Callable[[], str | None]


async def started_reads(  # noqa: PLR0913
    settings: Settings,
    secrets: Secrets,
    events: EventDatabase,
    stack: AsyncExitStack,
    *,
    read_conninfo: str,
    log: StoreFeed,
    commands_stopped: CommandsStopped,
    security_log: SecurityLog,
    record_copy: RecordCopy,
) -> ReadContext:
    """Reads are answered once this returns, until the stack is closed.

    `read_conninfo` is the database of the read models under the service role. `log` is the store's
    own feed: of sealer and change feed always, of read models unless brokers are named.
    `commands_stopped` tells readiness why commands of this process are not taken, or None, and
    `record_copy` records that a copy is taken.
    """
    read_pool = await entered_pool(stack, read_conninfo, "read")
    head = Head(events.pool)
    feed = await _feed(settings, log, head, stack)
    group = ProjectionGroup(
        GROUP, contract_projectors(events.vault.open_all), feed, read_pool, head
    )
    following = asyncio.create_task(group.run(), name="projections")
    stack.push_async_callback(_ended, following)
    stack.push_async_callback(group.stop)
    sealer = Sealer(
        events.pool,
        log,
        head,
        await signing_key(events.vault),
        sink=sink_at(settings.proof_sink) if settings.proof_sink else None,
        checkpoint_seconds=settings.checkpoint_seconds,
    )
    sealing = asyncio.create_task(sealer.run(), name="sealer")
    stack.push_async_callback(_ended, sealing)
    stack.push_async_callback(sealer.stop)
    reads = ReadContext(
        read_pool=read_pool,
        events_pool=events.pool,
        ledger_pool=await entered_pool(stack, events.conninfo, "usage"),
        reports_pool=await entered_pool(stack, reports_conninfo(events.conninfo), "reports"),
        head=head,
        feed=log,
        group=group,
        vault=events.vault,
        master_keys=secrets.master_keys,
        key_header=settings.key_header_name,
        zone=ZoneInfo(settings.timezone),
        commands_stopped=commands_stopped,
        security_log=security_log,
        available_teams=settings.available_teams,
        models=settings.models,
        strict=settings.compat == "strict",
        record_copy=record_copy,
        sealing_stopped=lambda: sealer.failed,
    )
    reads.decider.reservations.start()
    stack.push_async_callback(reads.decider.reservations.stop)
    reads.snapshotter.start()
    stack.push_async_callback(reads.snapshotter.stop)
    return reads


def start_courier(
    settings: Settings,
    events: EventDatabase,
    reads: ReadContext,
    gone: Callable[[str, str, str, str], Awaitable[None]],
    stack: AsyncExitStack,
) -> None:
    """Post messages to webhooks until the stack is closed; `gone` is the courier's."""
    courier = Courier(
        reads.read_pool,
        events.vault,
        messages=reads.messages,
        queue=Queue(events.pool, settings.webhook_retry_seconds),
        poster=Poster(Targets(private=settings.webhook_private_targets), settings.webhook_timeout),
        gone=gone,
        timeout=settings.webhook_timeout,
        in_flight=settings.webhook_in_flight,
    )
    posting = asyncio.create_task(courier.run(), name="courier")
    stack.push_async_callback(_ended, posting)
    stack.push_async_callback(courier.stop)


async def _feed(settings: Settings, log: StoreFeed, head: Head, stack: AsyncExitStack) -> Feed:
    """From Kafka where brokers are named."""
    if not settings.kafka_bootstrap:
        return log
    from services.broker.cluster import Cluster  # noqa: PLC0415 not loaded where there is none
    from services.projection.feed.kafka import KafkaFeed  # noqa: PLC0415

    feed = KafkaFeed(Cluster.of(settings), settings.kafka_events_topic, log, head)
    stack.push_async_callback(feed.close)
    return feed


async def _ended(task: asyncio.Task[None]) -> None:
    await task
