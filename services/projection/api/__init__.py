"""The read API: the contract's GETs, answered from the read models, and health."""

from fastapi import FastAPI

from services.projection.api.context import ReadContext
from services.projection.api.routes import (
    activity,
    audit,
    callbacks,
    health,
    key_lists,
    keys,
    permissions,
    team_lists,
    team_pickers,
    teams,
    user_lists,
    users,
)

__all__ = ["ReadContext", "include_read_routes"]


def include_read_routes(app: FastAPI, context: ReadContext) -> None:
    """Add the routes; what they work with stands in `app.state.reads`."""
    app.state.reads = context
    of_teams = (teams, team_lists, team_pickers, permissions, callbacks, activity)
    for module in (*of_teams, keys, key_lists, users, user_lists, audit, health):
        app.include_router(module.router)
