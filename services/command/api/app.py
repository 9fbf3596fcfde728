"""Putting the command API into an application."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.command.api.context import Context
from services.command.api.routes import keys, members, teams, users
from services.command.application.idempotency import KeyReused
from services.command.application.requests import Unavailable
from services.edge.errors import ShapeB, render


def include_command_routes(app: FastAPI, context: Context, *, strict: bool) -> None:
    """Add the routes and the answers to what only commands refuse with."""
    app.state.commands = context
    for module in (teams, members, users, keys):
        app.include_router(module.router)

    async def unavailable(_: Request, error: Exception) -> Response:
        text = str(error)
        return render(ShapeB(503, text, "service_unavailable"), strict=strict)

    async def reused(_: Request, error: Exception) -> Response:
        text = f"Idempotency-Key {error} was used before with another request"
        return render(ShapeB(422, text), strict=strict)

    app.add_exception_handler(Unavailable, unavailable)
    app.add_exception_handler(KeyReused, reused)
