"""What relays and consumers of usage answer beside their work: metrics and health."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from services.command.api.routes import follower_health
from services.command.api.routes.follower_health import Failure, Judge
from services.command.application.relay import Relay
from services.command.application.usage_consumer import UsageConsumer
from services.database.connections import lazy_pool, service_conninfo
from services.edge import liveness
from services.edge.app import create_app
from services.edge.directory import include
from services.operation.context import Operation
from services.operation.exposed import Kind
from services.operation.scraped import include_operation
from services.operation.standing import Log
from services.settings import KafkaSettings


def relay_service(settings: KafkaSettings, relay: Relay, events_url: str) -> FastAPI:
    """Not ready while the relay has stepped down, or its topic is too far behind."""

    def judge(operation: Operation, log: Log) -> Failure | None:
        if relay.trouble is not None:
            return "relay", f"the relay has stepped down: {relay.trouble}"
        found = next((each.lag for each in log.relays if each.topic == relay.topic), None)
        reason = None if found is None else operation.too_far("the topic", found)
        return None if reason is None else ("relay_lag", reason)

    return _service(Kind.RELAY, settings, events_url, judge)


def consumer_service(settings: KafkaSettings, consumer: UsageConsumer, events_url: str) -> FastAPI:
    """Not ready while nothing is booked, for want of brokers or of the ledger."""

    def judge(_: Operation, __: Log) -> Failure | None:
        if consumer.trouble is None:
            return None
        return "usage_consumer", f"usage is not consumed: {consumer.trouble}"

    return _service(Kind.USAGE_CONSUMER, settings, events_url, judge)


def _service(kind: Kind, settings: KafkaSettings, events_url: str, judge: Judge) -> FastAPI:
    """It starts also while the database does not answer."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await lazy_pool(stack, service_conninfo(events_url), "standing")
            app.state.judge = judge
            limit = settings.readiness_max_lag_seconds
            include_operation(app, Operation(kind, pool, max_lag=limit))
            include(app, (liveness.router, follower_health.router))
            yield

    return create_app(version=version("teamledger"), lifespan=lifespan)
