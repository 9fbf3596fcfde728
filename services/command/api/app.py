"""Putting the command API into an application."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.command.api.context import Context
from services.command.api.failures import FAILURES, failure
from services.command.api.routes import (
    budgets,
    bulk_members,
    bulk_users,
    health,
    history,
    keys,
    members,
    organization_members,
    organizations,
    quarantine,
    spend,
    status,
    team_parts,
    teams,
    usage,
    users,
    webhooks,
)
from services.edge import liveness
from services.edge.directory import include
from services.edge.errors import render, tells_problems

_OF_TEAMS = (teams, team_parts, members, bulk_members)
_OF_ORGANIZATIONS = (organizations, organization_members, budgets)
_OF_USAGE = (usage, quarantine, spend, webhooks)
_MODULES = (*_OF_TEAMS, users, bulk_users, keys, *_OF_ORGANIZATIONS, history, *_OF_USAGE)
ROUTERS = tuple(module.router for module in _MODULES)


def include_command_routes(app: FastAPI, context: Context) -> None:
    """Add the routes; what they work with stands in `app.state.commands`."""
    app.state.commands = context
    include(app, ROUTERS)


def include_command_health(app: FastAPI) -> None:
    """Add /health and /v1/status, where the read API, which answers for both, is elsewhere."""
    include(app, (liveness.router, health.router, status.router))


def answer_command_errors(app: FastAPI, *, strict: bool) -> None:
    """Add the answers to what only commands refuse with, before the application starts.

    Starlette takes no notice of handlers that are added later.
    """

    async def answered(request: Request, error: Exception) -> Response:
        problems = tells_problems(request.scope["path"])
        return render(failure(error), strict=strict, problems=problems)

    for kind in FAILURES:
        app.add_exception_handler(kind, answered)
