"""Command and read side put together: in one process, or each in processes of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from events.values import JsonObject
from services.command.api.app import ROUTERS as COMMAND_ROUTERS
from services.command.api.app import (
    answer_command_errors,
    include_command_health,
    include_command_routes,
)
from services.command.application.copies import CopyRecorder
from services.command.application.webhooks import disabling
from services.command.process import started_commands, started_loop
from services.database.connections import Pool, keyed_conninfo, service_conninfo
from services.database.migrations import last_migration
from services.database.opened import EventDatabase, opened_events
from services.database.pulse import Pulse
from services.database.schemas import EVENT_MIGRATIONS, READ_MIGRATIONS, Databases
from services.database.secrets import Secrets
from services.database.security_log import Refused, SecurityLog
from services.edge.app import EdgeSettings, create_app
from services.edge.openapi.serving import serve_description
from services.edge.watch import RefusedCall
from services.operation import scraped
from services.operation.context import Operation
from services.operation.exposed import Kind
from services.operation.scraped import include_operation
from services.projection.api import ROUTERS as READ_ROUTERS
from services.projection.api import include_read_routes
from services.projection.feed.store import StoreFeed
from services.projection.process import start_courier, started_reads
from services.projection.projectors import GROUP
from services.settings import Settings

GIVEN_UP_AFTER = 0.25  # seconds after the deadline of a command, which answers for itself


def standalone(settings: Settings, secrets: Secrets, databases: Databases) -> FastAPI:
    """Everything in one process: what `teamledger serve` runs.

    Everything an application holds is opened when it starts and closed in order.
    """

    async def start(app: FastAPI, stack: AsyncExitStack) -> None:
        events = await opened_events(databases.events, secrets.root_key, stack)
        _patient(app, settings, {databases.events, databases.reads}, stack)
        log = _log(events, stack)
        loop = await started_loop(settings, events, stack, on_commit=log.offer)
        include_command_routes(app, await started_commands(settings, secrets, events, stack, loop))
        reads = await started_reads(
            settings,
            secrets,
            events,
            stack,
            read_conninfo=keyed_conninfo(databases.reads),
            log=log,
            commands_stopped=lambda: loop.stopped,
            security_log=_security_log(app, settings, events, stack),
            record_copy=CopyRecorder(loop, events.vault).record,
        )
        start_courier(settings, events, reads, disabling(loop), stack)
        include_read_routes(app, reads)
        _operate(app, settings, Kind.SERVE, events.pool, reads.read_pool)

    return _app(settings, start)


def command_service(settings: Settings, secrets: Secrets, databases: Databases) -> FastAPI:
    """Commands and usage alone: what `teamledger command` runs. It never touches read models."""

    async def start(app: FastAPI, stack: AsyncExitStack) -> None:
        events = await opened_events(databases.events, secrets.root_key, stack)
        _patient(app, settings, {databases.events}, stack)
        loop = await started_loop(settings, events, stack)
        _security_log(app, settings, events, stack)
        include_command_routes(app, await started_commands(settings, secrets, events, stack, loop))
        include_command_health(app)
        _operate(app, settings, Kind.COMMAND, events.pool)

    return _app(settings, start)


def projection_service(settings: Settings, secrets: Secrets, databases: Databases) -> FastAPI:
    """Reads, decisions and messages to webhooks: what `teamledger projection` runs.

    The commands that it carries out itself are to switch off a webhook that wants none any more,
    and to record that copies are taken.
    """

    async def start(app: FastAPI, stack: AsyncExitStack) -> None:
        events = await opened_events(databases.events, secrets.root_key, stack)
        _patient(app, settings, {databases.events, databases.reads}, stack)
        loop = await started_loop(settings, events, stack)
        reads = await started_reads(
            settings,
            secrets,
            events,
            stack,
            read_conninfo=keyed_conninfo(databases.reads),
            log=_log(events, stack),
            commands_stopped=lambda: None,
            security_log=_security_log(app, settings, events, stack),
            record_copy=CopyRecorder(loop, events.vault).record,
        )
        start_courier(settings, events, reads, disabling(loop), stack)
        include_read_routes(app, reads)
        _operate(app, settings, Kind.PROJECTION, events.pool, reads.read_pool)

    return _app(settings, start)


def description() -> JsonObject:
    """The OpenAPI description of all routes; raises Undescribed.

    What it is made of is loaded here, as a service can start and serve without it.
    """
    from services.command.api import described as commands  # noqa: PLC0415
    from services.edge.openapi.document import document  # noqa: PLC0415
    from services.projection.api import described as reads  # noqa: PLC0415

    return document(
        (*COMMAND_ROUTERS, *READ_ROUTERS, scraped.router),
        {**commands.OPERATIONS, **reads.OPERATIONS},
        {**commands.PARAMETERS, **reads.PARAMETERS},
        version("teamledger"),
    )


def _operate(
    app: FastAPI, settings: Settings, kind: Kind, events: Pool, reads: Pool | None = None
) -> None:
    known = {"events": last_migration(EVENT_MIGRATIONS)}
    if reads is not None:
        known["read"] = last_migration(READ_MIGRATIONS)
    operation = Operation(
        kind,
        events,
        reads,
        groups=() if reads is None else (GROUP,),
        max_lag=settings.readiness_max_lag_seconds,
        migrations=known,
    )
    include_operation(app, operation)


def _log(events: EventDatabase, stack: AsyncExitStack) -> StoreFeed:
    feed = StoreFeed(events.pool, events.conninfo)
    stack.push_async_callback(feed.close)
    return feed


def _patient(app: FastAPI, settings: Settings, urls: Iterable[str], stack: AsyncExitStack) -> None:
    """Nobody waits for long while a database says nothing: a little longer than commands do."""

    async def give_up() -> None:
        await app.state.waiting.give_up(settings.command_deadline + GIVEN_UP_AFTER)

    for url in urls:
        pulse = Pulse(service_conninfo(url), give_up)
        pulse.start()
        stack.push_async_callback(pulse.stop)


def _security_log(
    app: FastAPI, settings: Settings, events: EventDatabase, stack: AsyncExitStack
) -> SecurityLog:
    """Refused calls of privileged routes are counted in it until the stack is closed."""
    most, days = settings.security_log_entries, settings.security_log_days
    log = SecurityLog(events.pool, most=most, days=days)
    log.start()
    stack.push_async_callback(log.stop)

    def refused(call: RefusedCall) -> None:
        alike = Refused(call.method, call.route, call.status, call.reason, call.key)
        log.note(alike, call.correlation_id, wrong_key=call.wrong_key)

    app.state.key_header, app.state.refused = settings.key_header_name, refused
    return log


def _app(
    settings: Settings, start: Callable[[FastAPI, AsyncExitStack], Awaitable[None]]
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await start(app, stack)
            yield

    strict = settings.compat == "strict"
    edge = EdgeSettings(
        strict, settings.max_body_bytes, settings.max_json_depth, settings.max_usage_bytes
    )
    app = create_app(edge, version=version("teamledger"), lifespan=lifespan)
    answer_command_errors(app, strict=strict)
    serve_description(app, description)
    return app
