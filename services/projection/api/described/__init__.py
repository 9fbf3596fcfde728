"""The descriptions of the read API's routes; `services.edge.openapi` makes a document of them.

A new route needs an entry in the table of its module, and nothing else.
"""

from services.edge.openapi.operation import Operations
from services.projection.api.described import (
    access,
    budgets,
    changes,
    gateways,
    models,
    organizations,
    others,
    past,
    proof,
    reconcile,
    security_log,
    spend,
    status,
    teams,
    usage,
    users,
    webhooks,
    windows,
)
from services.projection.api.described.common import PARAMETERS

__all__ = ["OPERATIONS", "PARAMETERS"]

OPERATIONS: Operations = {
    **{
        ("GET", route): operation
        for module in (
            *(teams, users, others, models, organizations, budgets),
            *(spend, usage, windows, reconcile),
            *(access, changes, proof, webhooks, past, security_log, status),
        )
        for route, operation in module.OPERATIONS.items()
    },
    **{
        ("POST", route): operation
        for module in (others, organizations, budgets, gateways)
        for route, operation in module.POSTS.items()
    },
    **{("DELETE", route): operation for route, operation in gateways.DELETES.items()},
}
