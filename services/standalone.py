"""Both services in one process over one database: what `teamledger serve` runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from events.values import JsonObject
from services.command.api.app import ROUTERS as COMMAND_ROUTERS
from services.command.api.app import answer_command_errors, include_command_routes
from services.command.api.context import Context
from services.command.application.chores import Chores
from services.command.application.loop import CommandLoop
from services.command.application.store import EventStore
from services.database.connections import Pool, open_pool, owner_conninfo, service_conninfo
from services.database.migrations import migrate
from services.database.secrets import Secrets
from services.database.vault import Vault
from services.edge.app import EdgeSettings, create_app
from services.edge.openapi.serving import serve_description
from services.projection.api import ROUTERS as READ_ROUTERS
from services.projection.api import ReadContext, include_read_routes
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
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
    edge = EdgeSettings(strict, settings.max_body_bytes, settings.max_json_depth)
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
    vault = Vault(events_pool, secrets.root_key)
    await vault.open()
    head = Head(events_pool)
    feed = StoreFeed(events_pool, conninfo)
    stack.push_async_callback(feed.close)
    group = ProjectionGroup(GROUP, contract_projectors(vault.open_all), feed, read_pool, head)
    following = asyncio.create_task(group.run(), name="projections")
    stack.push_async_callback(_ended, following)
    stack.push_async_callback(group.stop)
    loop = CommandLoop(
        EventStore(events_pool, conninfo),
        queue_size=settings.queue_size,
        deadline=settings.command_deadline,
        on_commit=feed.offer,
    )
    await loop.start()
    stack.push_async_callback(loop.stop)
    chores = Chores(loop, events_pool)
    chores.start()
    stack.push_async_callback(chores.stop)
    zone = ZoneInfo(settings.timezone)
    key_header = settings.key_header_name
    joinable = frozenset(settings.available_teams)
    context = Context(loop, vault, secrets.master_key, key_header, zone, joinable)
    include_command_routes(app, context)
    reads = ReadContext(
        read_pool=read_pool,
        head=head,
        group=group,
        vault=vault,
        master_key=secrets.master_key,
        key_header=key_header,
        zone=zone,
        commands_stopped=lambda: loop.stopped,
        available_teams=settings.available_teams,
        models=settings.models,
    )
    include_read_routes(app, reads)


async def _pool(stack: AsyncExitStack, conninfo: str, name: str) -> Pool:
    pool = await open_pool(conninfo, 2, 8, name)
    stack.push_async_callback(pool.close)
    return pool


async def _ended(task: asyncio.Task[None]) -> None:
    await task
