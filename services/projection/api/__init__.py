"""The read API: the contract's GETs, answered from the read models, and health."""

from fastapi import FastAPI

from services.edge import liveness
from services.edge.directory import include
from services.projection.api.context import ReadContext
from services.projection.api.routes import (
    access,
    activity,
    audit,
    audit_export,
    blame,
    budgets,
    callbacks,
    changes,
    decisions,
    differences,
    global_spend,
    health,
    history,
    key_lists,
    keys,
    models,
    organization_activity,
    organizations,
    permissions,
    proof,
    reconcile,
    review,
    security_log,
    spend,
    spend_logs,
    status,
    team_lists,
    team_pickers,
    teams,
    usage,
    user_activity,
    user_lists,
    users,
    webhooks,
    windows,
)

__all__ = ["ROUTERS", "ReadContext", "include_read_routes"]

_OF_TEAMS = (teams, team_lists, team_pickers, permissions, callbacks)
_OTHERS = (keys, key_lists, models, users, user_lists, organizations, budgets, audit)
_OF_OPERATORS = (liveness, health, status)
_REPORTS = (activity, user_activity, organization_activity, global_spend, spend_logs, spend)
_SPEND = (*_REPORTS, usage, windows, reconcile)
_OF_GATEWAYS = (decisions,)
_AUDITED = (audit_export, security_log)
_PAST = (access, review, history, differences, blame)
_HISTORY = (*_PAST, changes, proof, webhooks, *_AUDITED)
_ASKED_BY_BODY = (keys.several, organizations.bodies, budgets.bodies)
ROUTERS = (
    *(m.router for m in (*_OF_GATEWAYS, *_OF_TEAMS, *_OTHERS, *_OF_OPERATORS, *_SPEND, *_HISTORY)),
    *_ASKED_BY_BODY,
)


def include_read_routes(app: FastAPI, context: ReadContext) -> None:
    """Add the routes; what they work with stands in `app.state.reads`."""
    app.state.reads = context
    include(app, ROUTERS)
