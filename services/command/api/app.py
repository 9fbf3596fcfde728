"""Putting the command API into an application."""

import psycopg
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.command.api.context import Context
from services.command.api.routes import (
    bulk_members,
    bulk_users,
    keys,
    members,
    team_parts,
    teams,
    users,
)
from services.command.application.idempotency import KeyReused
from services.command.application.requests import (
    NoOneSubject,
    PreconditionFailed,
    Unavailable,
)
from services.edge.errors import ShapeB, render


def include_command_routes(app: FastAPI, context: Context) -> None:
    """Add the routes; what they work with stands in `app.state.commands`."""
    app.state.commands = context
    for module in (teams, team_parts, members, bulk_members, users, bulk_users, keys):
        app.include_router(module.router)


def answer_command_errors(app: FastAPI, *, strict: bool) -> None:
    """Add the answers to what only commands refuse with, before the application starts.

    Starlette takes no notice of handlers that are added later.
    """

    async def unavailable(_: Request, error: Exception) -> Response:
        text = str(error)
        return render(ShapeB(503, text, "service_unavailable"), strict=strict)

    async def unreachable(request: Request, _: Exception) -> Response:
        text = "the event database cannot be reached, outcome: unknown"
        return await unavailable(request, Exception(text))

    async def reused(_: Request, error: Exception) -> Response:
        text = f"Idempotency-Key {error} was used before with another request"
        return render(ShapeB(422, text), strict=strict)

    async def changed(_: Request, error: Exception) -> Response:
        return render(ShapeB(412, str(error)), strict=strict)

    async def several(_: Request, error: Exception) -> Response:
        return render(ShapeB(400, str(error)), strict=strict)

    app.add_exception_handler(PreconditionFailed, changed)
    app.add_exception_handler(NoOneSubject, several)
    app.add_exception_handler(Unavailable, unavailable)
    app.add_exception_handler(psycopg.OperationalError, unreachable)
    app.add_exception_handler(psycopg.InterfaceError, unreachable)
    app.add_exception_handler(KeyReused, reused)
