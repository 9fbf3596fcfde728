"""The answer of GET /team/permissions_list (team-api.md 3.17)."""

from collections.abc import Sequence
from typing import get_args

from events.values import JsonObject
from services.access.visibility import DEFAULT_PERMISSIONS
from services.edge.requests.team import Permission


def permissions_list(team_id: str, stored: Sequence[str]) -> JsonObject:
    """The team's own list, what members may do in effect, and all there is to allow (D18).

    `stored` is the team's own list, which clients compare with what they set; an empty one stands
    for the default, as `is_default` says.
    """
    return {
        "team_id": team_id,
        "team_member_permissions": list(stored),
        "effective_permissions": list(stored or DEFAULT_PERMISSIONS),
        "is_default": not stored,
        "all_available_permissions": list(get_args(Permission)),
    }
