"""Deviations of answers that list teams and their memberships.

Most are D43: every member has a membership row, in the order of joining, where LiteLLM has one
only for members with a budget.
"""

from tests.contract.bodies import (
    ALL_USERS,
    DEFAULT_USER,
    GENERATED,
    INVITED,
    NAMELESS,
    NEVER_RECORDED,
    NO_ID,
    Json,
    budgeted,
    creator,
    guarded_team,
    member,
    membership,
    memberships,
    tagged_team,
    team,
)
from tests.contract.normalise import key_hash
from tests.contract.patch import ABSENT, Deviation, Ties

BY_USER = "095-team-list-by-user"
WITHOUT_ORGANIZATION = "097-team-list-default-org"
STILL_THERE = "203-team-info-still-there"
DELETED = "213-v2-team-list-deleted"

TEAM_A = [
    *memberships("team-a", DEFAULT_USER, "u1", "u2", INVITED, "brand-new"),
    budgeted("u3", "team-a", "c2f1cea7-f5ac-48fc-8847-9e3004162719", 7.5),
    membership("neg", "team-a"),  # D33: LiteLLM stored a budget of -7.5 in case 064
]

ZERO: list[object] = [
    membership(DEFAULT_USER, "zero"),
    budgeted("b0", "zero", "e9bf38d8-9e24-41c3-9f63-f24d3bd12c83", 1.0),
    budgeted("b1", "zero", "d8ecb148-155a-4c19-89f8-2a3128645f71", 1.0),
    budgeted("b2", "zero", "fb7766a9-52a7-4bfd-9575-7da28b1307d8", 1.0),
]

SOFT_ONLY = memberships("soft-only", DEFAULT_USER, *ALL_USERS)


def rows(case: str, index: int, memberships_of_team: list[object]) -> Deviation:
    """D43 for the team at `index` of a recorded /team/list."""
    return Deviation(case, f"$.body[{index}].team_memberships", "D43", memberships_of_team)


def listed(item: Json) -> Json:
    """A team of nobody but its creator and without keys, as /team/list shows it."""
    only = memberships(str(item["team_id"]), DEFAULT_USER)
    return {**item, "team_memberships": only, "keys": []}


def deleted(item: Json) -> Json:
    """A team deleted by the master key, as /v2/team/list shows it with status=deleted."""
    return {
        **item,
        "id": "00000000-0000-4000-8000-000000000213",
        "deleted_at": NEVER_RECORDED,
        "deleted_by": DEFAULT_USER,
        "deleted_by_api_key": key_hash("sk-1234"),
        "litellm_changed_by": None,
    }


TEAMS_OF_USER = [
    # The contract orders by team_alias, null first; LiteLLM leaves the order of equals to chance.
    Deviation(BY_USER, "$.body", "D51", Ties("team_alias", "team_id")),
    rows(BY_USER, 0, memberships("soft-only", "u1")),
    rows(BY_USER, 1, memberships("numstr", "u1")),
    rows(BY_USER, 2, memberships("team-a", "u1")),
]

TEAMS_WITHOUT_ORGANIZATION = [
    Deviation(WITHOUT_ORGANIZATION, "$.body", "D51", Ties("team_alias", "team_id")),
    rows(WITHOUT_ORGANIZATION, 0, memberships(NAMELESS, DEFAULT_USER)),
    rows(WITHOUT_ORGANIZATION, 1, ZERO),
    rows(WITHOUT_ORGANIZATION, 2, SOFT_ONLY),
    rows(WITHOUT_ORGANIZATION, 3, memberships("bad-duration", DEFAULT_USER)),
    Deviation(WITHOUT_ORGANIZATION, "$.body[3].budget_duration", "D36", None),
    Deviation(WITHOUT_ORGANIZATION, "$.body[3].budget_reset_at", "D36", None),
    rows(WITHOUT_ORGANIZATION, 4, memberships("unknown-field", DEFAULT_USER)),
    rows(WITHOUT_ORGANIZATION, 5, memberships("with-admin", "boss", DEFAULT_USER)),
    rows(WITHOUT_ORGANIZATION, 6, memberships("numstr", DEFAULT_USER, "u1", "u2", "u3", "tw2")),
    rows(WITHOUT_ORGANIZATION, 7, TEAM_A),
    rows(WITHOUT_ORGANIZATION, 8, memberships("team-a2", DEFAULT_USER)),
    # LiteLLM keeps a row of a user whom case 067 did not bring into the team.
    Deviation(WITHOUT_ORGANIZATION, "$.body[9].team_memberships[4]", "D30", ABSENT),
    Deviation(WITHOUT_ORGANIZATION, "$.body[10].team_id", "D34", NO_ID),
    rows(WITHOUT_ORGANIZATION, 10, memberships(NO_ID, DEFAULT_USER)),
    rows(WITHOUT_ORGANIZATION, 11, memberships(GENERATED, DEFAULT_USER)),
    Deviation(WITHOUT_ORGANIZATION, "$.body[12]", "licence", listed(tagged_team())),
    Deviation(WITHOUT_ORGANIZATION, "$.body[13]", "licence", listed(guarded_team())),
]

TEAM_STILL_THERE = [
    Deviation(STILL_THERE, "$.body.team_memberships", "D43", memberships("team-a2", DEFAULT_USER)),
]

DELETED_TEAMS = [
    # LiteLLM archived numstr twice in case 206, then failed and kept the team.
    Deviation(
        DELETED,
        "$.body.teams[1]",
        "D30",
        deleted(
            team(
                "zero",
                "2026-11-23T09:52:48.304000Z",
                members_with_roles=[creator(), member("b0"), member("b1"), member("b2")],
                max_budget=0.0,
            )
        ),
    ),
    Deviation(DELETED, "$.body.total", "D30", 4),
    Deviation(DELETED, "$.body.total_pages", "D30", 2),
]

LISTS: tuple[Deviation, ...] = (
    *TEAMS_OF_USER,
    *TEAMS_WITHOUT_ORGANIZATION,
    *TEAM_STILL_THERE,
    *DELETED_TEAMS,
)
