"""Deviations of the answers about one user, and about the permissions of a team."""

from tests.contract.bodies import memberships
from tests.contract.patch import ABSENT, Deviation

HALF_ADDED = "069-user-info-after-failed-list-adds"
OF_U1 = "075-user-info-u1-teams"
AFTER_DELETES = "215-user-info-after-team-deletes"
PERMISSIONS_OF_TEAM = "133-team-permissions-list"

USER_INFO = [
    # Case 067 left LiteLLM with a user who carries the team twice, in a team without him.
    Deviation(HALF_ADDED, "$.body.user_info.teams", "D30", []),
    Deviation(HALF_ADDED, "$.body.teams[0]", "D30", ABSENT),
    # Those whom a list adds again get the team again.
    Deviation(OF_U1, "$.body.user_info.teams", "D27", ["team-a", "team-full", "numstr"]),
    Deviation(OF_U1, "$.body.teams[0].team_memberships", "D43", memberships("numstr", "u1")),
    Deviation(OF_U1, "$.body.teams[1].team_memberships", "D43", memberships("team-a", "u1")),
    Deviation(
        AFTER_DELETES, "$.body.teams[0].team_memberships", "D43", memberships("soft-only", "u3")
    ),
]

PERMISSIONS_LIST = [
    Deviation(
        PERMISSIONS_OF_TEAM,
        "$.body.effective_permissions",
        "D18",
        ["/key/info", "/key/health"],
    ),
    Deviation(PERMISSIONS_OF_TEAM, "$.body.all_available_permissions[14]", "D18", "/key/health"),
    Deviation(PERMISSIONS_OF_TEAM, "$.body.is_default", "D18", instead=True),
]

INFO: tuple[Deviation, ...] = (*USER_INFO, *PERMISSIONS_LIST)
