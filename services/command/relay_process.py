"""What a relay answers beside its work: metrics and health."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from services.command.api.routes import relay_health
from services.command.application.relay import Relay
from services.database.connections import lazy_pool, service_conninfo
from services.edge.app import create_app
from services.edge.directory import include
from services.operation.context import Operation
from services.operation.exposed import Kind
from services.operation.scraped import include_operation
from services.settings import RelaySettings


def relay_service(settings: RelaySettings, relay: Relay, events_url: str) -> FastAPI:
    """The application; it starts also while the database does not answer."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await lazy_pool(stack, service_conninfo(events_url), "standing")
            limit = settings.readiness_max_lag_seconds
            app.state.relay = relay
            include_operation(app, Operation(Kind.RELAY, pool, max_lag=limit))
            include(app, (relay_health.router,))
            yield

    return create_app(version=version("teamledger"), lifespan=lifespan)
