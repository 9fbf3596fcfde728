"""The descriptions of the command API's routes; `services.edge.openapi` makes a document of them.

A new route needs an entry in the table of its module, and nothing else.
"""

from services.command.api.described import (
    budgets,
    history,
    keys,
    members,
    organization_members,
    organizations,
    parts,
    spend,
    teams,
    usage,
    users,
    webhooks,
)
from services.command.api.described.common import PARAMETERS
from services.edge.openapi.operation import Operations

__all__ = ["OPERATIONS", "PARAMETERS"]

_OF_TEAMS = (teams, parts, members)
_IN_ORGANIZATIONS = (organizations, organization_members)
_OF_USAGE = (spend, usage, webhooks)

OPERATIONS: Operations = {
    **{
        ("POST", route): operation
        for module in (*_OF_TEAMS, users, keys, budgets, *_IN_ORGANIZATIONS, history, *_OF_USAGE)
        for route, operation in module.OPERATIONS.items()
    },
    **{
        ("PATCH", route): operation
        for module in (*_IN_ORGANIZATIONS, webhooks)
        for route, operation in module.PATCHES.items()
    },
    **{
        ("DELETE", route): operation
        for module in (*_IN_ORGANIZATIONS, webhooks)
        for route, operation in module.DELETES.items()
    },
}
