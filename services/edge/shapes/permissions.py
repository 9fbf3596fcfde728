"""The answer of GET /team/permissions_list (team-api.md 3.17)."""

from collections.abc import Sequence
from typing import get_args

from events.values import JsonObject
from services.access.visibility import DEFAULT_PERMISSIONS
from services.edge.requests.team import Permission


def permissions_list(team_id: str, stored: Sequence[str]) -> JsonObject:
    """What members may do, what `is_default` says nobody has set, and all there is to allow (D18).

    `stored` is the team's own list; an empty one stands for the default.
    """
    return {
        "team_id": team_id,
        "team_member_permissions": list(stored or DEFAULT_PERMISSIONS),
        "is_default": not stored,
        "all_available_permissions": list(get_args(Permission)),
    }
