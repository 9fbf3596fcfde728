"""Readiness of a process that takes commands alone; beside reads, theirs answers for both."""

import asyncio

import psycopg
from fastapi import APIRouter
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import Response

from services.command.api.context import Context
from services.database.connections import Pool
from services.edge.body import LedgerRoute
from services.edge.health import healthy, unhealthy

LONGEST_SECONDS = 1.0
_HEAD = "SELECT coalesce(max(notification_id), 0) FROM events.stored_events"

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/health/readiness")
async def readiness(request: Request) -> Response:
    """200 while commands are taken and the database of the events answers, else 503."""
    context: Context = request.app.state.commands
    if (reason := context.loop.stopped) is not None:
        return unhealthy("commands", reason)
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return healthy(await _head(context.ledger_pool))
    except (psycopg.Error, PoolTimeout, TimeoutError):
        return unhealthy("event_database", "the event database does not answer")


async def _head(events: Pool) -> int:
    async with events.connection() as connection:
        row = await (await connection.execute(_HEAD)).fetchone()
    return int(row[0]) if row else 0
