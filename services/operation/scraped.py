"""GET /metrics: for Prometheus; public like /health, as LiteLLM has it (auth.md 2)."""

import asyncio

from fastapi import APIRouter, FastAPI
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import LedgerRoute
from services.edge.directory import include
from services.operation.context import Operation

router = APIRouter(route_class=LedgerRoute, tags=["health"])


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Metrics of this process in Prometheus' text format; nothing of teams, keys or people.

    `docs/operations/metrics.md` lists them all. While a database does not answer, what only it
    can tell is left out.
    """
    operation: Operation = request.app.state.operation
    await operation.survey.taken()
    text = await asyncio.to_thread(generate_latest, operation.registry)  # it takes milliseconds
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def include_operation(app: FastAPI, operation: Operation) -> None:
    """Add the route; what it works with stands in `app.state.operation`."""
    app.state.operation = operation
    include(app, (router,))
