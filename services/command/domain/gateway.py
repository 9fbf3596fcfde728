"""What tells the key of a gateway from every other key (decision 010).

It has the routes of gateways and no others, belongs to nobody, and its alias, the source of all
that it reports, stays what it is. No other key becomes one, and it becomes no other.
"""

from events.key import GATEWAY_ROUTES, KeySettings
from services.command.domain.errors import NotAGateway


def check_gateway(before: KeySettings | None, after: KeySettings) -> None:
    """Raises NotAGateway for settings that a key may not have; `before` is None for a new one."""
    if before is not None and before.of_gateway != after.of_gateway:
        raise NotAGateway(
            "The key of a gateway keeps its allowed_routes"
            if before.of_gateway
            else f"{GATEWAY_ROUTES} are for the keys of gateways, made with key_type gateway"
        )
    if not after.of_gateway:
        return
    if after.allowed_routes != [GATEWAY_ROUTES]:
        raise NotAGateway(f"The key of a gateway may have no routes beside {GATEWAY_ROUTES}")
    if after.key_alias is None:
        raise NotAGateway("The key of a gateway needs a key_alias: the source of what it reports")
    if before is not None and before.key_alias != after.key_alias:
        raise NotAGateway("The key of a gateway cannot be renamed: its key_alias is a source")
    owners = (after.user_id, after.team_id, after.organization_id)
    if any(owner is not None for owner in owners):
        raise NotAGateway("The key of a gateway belongs to no user, team or organization")
