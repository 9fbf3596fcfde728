"""Deviations of the answers to adding many members at once."""

from tests.contract.bodies import ALL_USERS, membership, memberships
from tests.contract.patch import ABSENT, Deviation, replaced

EVERYBODY = "091-bulk-add-all-users"

UNKNOWN_TEAM = replaced(
    "089-bulk-add-unknown-team",
    "D26",
    404,
    {"detail": {"error": "Team doesn't exist in db. Team=nope. Create team via `/team/new` call."}},
)

ROWS_OF_EVERYBODY = [
    *(
        Deviation(
            EVERYBODY,
            f"$.body.results[{place}].updated_team_membership",
            "D43",
            membership(user_id, "soft-only"),
        )
        for place, user_id in enumerate(ALL_USERS)
    ),
    Deviation(
        EVERYBODY,
        "$.body.updated_team.updated_team_memberships",
        "D43",
        memberships("soft-only", *ALL_USERS),
    ),
]


def teams_of(place: int, register: str, *team_ids: str) -> list[Deviation]:
    """The teams of the user at this place, which the answer tells twice."""
    told = ("results[{}].updated_user", "updated_team.updated_users[{}]")
    return [
        Deviation(EVERYBODY, f"$.body.{user.format(place)}.teams", register, list(team_ids))
        for user in told
    ]


TEAMS_OF_EVERYBODY = [
    *teams_of(ALL_USERS.index("tw2"), "D27", "numstr", "soft-only"),
    *teams_of(ALL_USERS.index("tw"), "D30", "soft-only"),  # never was in team-full: case 067
    *teams_of(ALL_USERS.index("u1"), "D27", "team-a", "team-full", "numstr", "soft-only"),
]

# The creator is in the team already: LiteLLM adds him again and reports a success.
CREATOR = [
    Deviation(EVERYBODY, "$.body.results[13].success", "D26", instead=False),
    Deviation(EVERYBODY, "$.body.results[13].error", "D26", "User already in team"),
    Deviation(EVERYBODY, "$.body.results[13].updated_user", "D27", None),
    Deviation(EVERYBODY, "$.body.successful_additions", "D26", 13),
    Deviation(EVERYBODY, "$.body.failed_additions", "D26", 1),
    Deviation(EVERYBODY, "$.body.updated_team.updated_users[13]", "D27", ABSENT),
]

BULK_ADD: tuple[Deviation, ...] = (
    *UNKNOWN_TEAM,
    *ROWS_OF_EVERYBODY,
    *TEAMS_OF_EVERYBODY,
    *CREATOR,
)
