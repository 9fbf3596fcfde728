"""Both services in one process over one database: what `teamledger serve` runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from events.values import JsonObject
from services.command.api.app import ROUTERS as COMMAND_ROUTERS
from services.command.api.app import answer_command_errors, include_command_routes
from services.command.api.context import Context
from services.command.application.budget_watch import BudgetWatch
from services.command.application.chores import Chores
from services.command.application.day_sums import DaySums
from services.command.application.ledger import Ledger
from services.command.application.ledger_store import LedgerStore
from services.command.application.loop import CommandLoop
from services.command.application.quarantine import SETTLE, Quarantine
from services.command.application.store import EventStore
from services.command.application.webhooks import disabling
from services.database.connections import (
    Pool,
    open_pool,
    owner_conninfo,
    reports_conninfo,
    service_conninfo,
)
from services.database.migrations import migrate
from services.database.secrets import Secrets
from services.database.vault import Vault
from services.edge.app import EdgeSettings, create_app
from services.edge.openapi.serving import serve_description
from services.edge.usage.delivery import UsageLimits
from services.projection.api import ROUTERS as READ_ROUTERS
from services.projection.api import ReadContext, include_read_routes
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
from services.projection.seal.sealer import Sealer
from services.projection.seal.sinks import sink_at
from services.projection.webhooks.courier import Courier
from services.projection.webhooks.messages import Messages
from services.projection.webhooks.posting import Poster
from services.projection.webhooks.queue import Queue
from services.projection.webhooks.targets import Targets
from services.settings import Settings

MIGRATIONS = Path(__file__).parent / "database" / "migrations"
EVENT_MIGRATIONS = MIGRATIONS / "events"


def prepare_database(url: str) -> None:
    """Bring both schemas up to date, as the owner."""
    owner = owner_conninfo(url)
    migrate(owner, EVENT_MIGRATIONS, schema="ops")
    migrate(owner, MIGRATIONS / "read", schema="read")


def standalone(settings: Settings, secrets: Secrets, url: str) -> FastAPI:
    """The application; everything it holds is opened when it starts and closed in order."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _start(app, settings, secrets, service_conninfo(url), stack)
            yield

    strict = settings.compat == "strict"
    edge = EdgeSettings(
        strict, settings.max_body_bytes, settings.max_json_depth, settings.max_usage_bytes
    )
    app = create_app(edge, version=version("teamledger"), lifespan=lifespan)
    answer_command_errors(app, strict=strict)
    serve_description(app, description)
    return app


def description() -> JsonObject:
    """The OpenAPI description of all routes; raises Undescribed.

    What it is made of is loaded here, as a service can start and serve without it.
    """
    from services.command.api import described as commands  # noqa: PLC0415
    from services.edge.openapi.document import document  # noqa: PLC0415
    from services.projection.api import described as reads  # noqa: PLC0415

    return document(
        (*COMMAND_ROUTERS, *READ_ROUTERS),
        {**commands.OPERATIONS, **reads.OPERATIONS},
        {**commands.PARAMETERS, **reads.PARAMETERS},
        version("teamledger"),
    )


async def _start(
    app: FastAPI, settings: Settings, secrets: Secrets, conninfo: str, stack: AsyncExitStack
) -> None:
    events_pool = await _pool(stack, conninfo, "events")
    read_pool = await _pool(stack, conninfo, "read")
    reports_pool = await _pool(stack, reports_conninfo(conninfo), "reports")
    vault = Vault(events_pool, secrets.root_key)
    await vault.open()
    head = Head(events_pool)
    feed = StoreFeed(events_pool, conninfo)
    stack.push_async_callback(feed.close)
    group = ProjectionGroup(GROUP, contract_projectors(vault.open_all), feed, read_pool, head)
    following = asyncio.create_task(group.run(), name="projections")
    stack.push_async_callback(_ended, following)
    stack.push_async_callback(group.stop)
    sealer = Sealer(
        events_pool,
        feed,
        head,
        await _signing_key(vault),
        sink=sink_at(settings.proof_sink) if settings.proof_sink else None,
        checkpoint_seconds=settings.checkpoint_seconds,
    )
    sealing = asyncio.create_task(sealer.run(), name="sealer")
    stack.push_async_callback(_ended, sealing)
    stack.push_async_callback(sealer.stop)
    loop = CommandLoop(
        EventStore(events_pool, conninfo),
        queue_size=settings.queue_size,
        deadline=settings.command_deadline,
        on_commit=feed.offer,
    )
    await loop.start()
    stack.push_async_callback(loop.stop)
    ledger = Ledger(
        LedgerStore(await _pool(stack, conninfo, "ledger", 1, 2)),
        deadline=settings.command_deadline,
    )
    ledger.start()
    stack.push_async_callback(ledger.stop)
    quarantine = Quarantine(loop, ledger, events_pool)
    chores = Chores(loop, events_pool, {SETTLE: quarantine.carry_out})
    chores.start()
    stack.push_async_callback(chores.stop)
    day_sums = DaySums(events_pool)
    day_sums.start()
    stack.push_async_callback(day_sums.stop)
    zone = ZoneInfo(settings.timezone)
    watch = BudgetWatch(loop, events_pool, settings.alert_thresholds, zone)
    watch.start()
    stack.push_async_callback(watch.stop)
    key_header = settings.key_header_name
    joinable = frozenset(settings.available_teams)
    limits = UsageLimits(settings.max_usage_bytes, settings.max_usage_items)
    context = Context(
        loop=loop,
        ledger=ledger,
        quarantine=quarantine,
        vault=vault,
        master_key=secrets.master_key,
        key_header=key_header,
        zone=zone,
        ledger_pool=events_pool,
        available_teams=joinable,
        usage_limits=limits,
        private_webhooks=settings.webhook_private_targets,
    )
    include_command_routes(app, context)
    reads = ReadContext(
        read_pool=read_pool,
        events_pool=events_pool,
        ledger_pool=await _pool(stack, conninfo, "usage"),
        reports_pool=reports_pool,
        head=head,
        feed=feed,
        group=group,
        vault=vault,
        master_key=secrets.master_key,
        key_header=key_header,
        zone=zone,
        commands_stopped=lambda: loop.stopped,
        available_teams=settings.available_teams,
        models=settings.models,
        strict=settings.compat == "strict",
    )
    courier = Courier(
        read_pool,
        vault,
        messages=Messages(events_pool, read_pool, reads.reached),
        queue=Queue(events_pool, settings.webhook_retry_seconds),
        poster=Poster(Targets(private=settings.webhook_private_targets), settings.webhook_timeout),
        gone=disabling(loop),
        timeout=settings.webhook_timeout,
        in_flight=settings.webhook_in_flight,
    )
    posting = asyncio.create_task(courier.run(), name="courier")
    stack.push_async_callback(_ended, posting)
    stack.push_async_callback(courier.stop)
    reads.decider.reservations.start()
    stack.push_async_callback(reads.decider.reservations.stop)
    reads.snapshotter.start()
    stack.push_async_callback(reads.snapshotter.stop)
    include_read_routes(app, reads)


async def _signing_key(vault: Vault) -> Ed25519PrivateKey:
    made = Ed25519PrivateKey.generate
    raw = await vault.secret("signing_key", lambda: made().private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(raw)


async def _pool(
    stack: AsyncExitStack, conninfo: str, name: str, least: int = 2, most: int = 8
) -> Pool:
    pool = await open_pool(conninfo, least, most, name)
    stack.push_async_callback(pool.close)
    return pool


async def _ended(task: asyncio.Task[None]) -> None:
    await task
