"""The descriptions of the command API's routes; `services.edge.openapi` makes a document of them.

A new route needs an entry in the table of its module, and nothing else.
"""

from services.command.api.described import keys, members, parts, teams, users
from services.command.api.described.common import PARAMETERS
from services.edge.openapi.operation import Operations

__all__ = ["OPERATIONS", "PARAMETERS"]

OPERATIONS: Operations = {
    ("POST", route): operation
    for module in (teams, parts, members, users, keys)
    for route, operation in module.OPERATIONS.items()
}
