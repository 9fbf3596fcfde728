"""The places where this service answers something other than LiteLLM 1.82.2, one by one.

Every entry names a case, a path into its recorded response, the register id that asks for the
difference, and what we answer instead. There are no patterns: what is not listed is compatible.
An entry marked `# check` was chosen where the contract does not fix the exact answer.
"""

from collections.abc import Mapping

from tests.contract.bodies import (
    FULL_BUDGET,
    INVITED,
    budgeted,
    creator,
    error,
    guarded_team,
    member,
    memberships,
    team,
    user,
)
from tests.contract.deviations_bulk import BULK_ADD
from tests.contract.deviations_info import INFO
from tests.contract.deviations_lists import LISTS
from tests.contract.deviations_organizations import ORGANIZATIONS
from tests.contract.deviations_pages import PAGES
from tests.contract.patch import ABSENT, Deviation, Matching, replaced


def clean(case: str, message: str, type_: str) -> list[Deviation]:
    """D60: the plain text instead of a repr, the type of the status, null for the word None."""
    return [
        Deviation(case, "$.body.error.message", "D60", message),
        Deviation(case, "$.body.error.type", "D60", type_),
        Deviation(case, "$.body.error.param", "D60", None),
    ]


def clean_forbidden(case: str, message: str) -> list[Deviation]:
    """The same for a 403, whose recorded type is already `auth_error`."""
    return [
        Deviation(case, "$.body.error.message", "D60", message),
        Deviation(case, "$.body.error.param", "D60", None),
    ]


def starts_with(text: str) -> Matching:
    """A text of which only the beginning is promised."""
    return Matching(
        f"a text that starts with {text!r}",
        lambda value: isinstance(value, str) and value.startswith(text),
    )


TEAM_NEW = [
    *clean(
        "013-team-new-negative-soft-budget",
        "soft_budget cannot be negative. Received: -0.5",
        "bad_request_error",
    ),
    *clean(
        "015-team-new-soft-equals-max",
        "soft_budget (10.0) must be strictly lower than max_budget (10.0)",
        "bad_request_error",
    ),
    Deviation("031-team-new-array-body", "$.content_type", "D67", "application/json"),
    *replaced(
        "031-team-new-array-body",
        "D67",
        422,
        {  # check
            "detail": [
                {
                    "type": "model_attributes_type",
                    "loc": ["body"],
                    "msg": "Input should be a valid dictionary or object to extract fields from",
                    "input": [],
                }
            ]
        },
    ),
    *replaced("035-team-new-guardrails-premium", "licence", 200, guarded_team()),
]

USERS_AND_KEYS = [
    *clean("051-user-new-duplicate", "User with id u1 already exists", "bad_request_error"),
    *replaced(
        "055-key-generate-unknown-team",
        "S05",
        404,
        error("Team not found, passed team_id=nope", "not_found_error", 404),  # check
    ),
]

# check, for every D43 entry of an add: whether it reports rows without a budget too
MEMBER_ADD = [
    Deviation(
        "057-member-add-by-id",
        "$.body.updated_team_memberships",
        "D43",
        memberships("team-a", "u1"),
    ),
    Deviation(
        "061-member-add-new-email",
        "$.body.updated_team_memberships",
        "D43",
        memberships("team-a", INVITED),
    ),
    *replaced(
        "067-member-add-list-same-twice-in-a-team-with-member-budgets",
        "D27",
        200,
        {
            **team(
                "team-full",
                "2026-11-23T09:52:48.088000Z",
                team_alias="Full",
                members_with_roles=[
                    member("full-u1"),
                    creator(),
                    member("u1", "u1@example.com"),
                    member("u2", "u2@example.com"),
                    member("tw"),
                ],
                team_member_permissions=["/key/generate"],
                metadata={
                    "nested": {"a": [1, 2.5, None, True]},
                    "cost_center": "42",
                    "team_member_budget_id": FULL_BUDGET,
                },
                tpm_limit=1000,
                rpm_limit=10,
                max_budget=50.0,
                soft_budget=40.0,
                budget_duration="30d",
                budget_reset_at="2026-12-01T00:00:00Z",
                models=["fake-model"],
                model_id=1,
            ),
            "updated_users": [user("tw", "2026-11-23T09:52:49.411000Z", "team-full")],
            "updated_team_memberships": [budgeted("tw", "team-full", FULL_BUDGET, 5.0, "30d")],
        },
    ),
    # check: whether a present member is among the updated users
    Deviation("071-member-add-list-some-there", "$.body.updated_users[0]", "D27", ABSENT),
    Deviation(
        "071-member-add-list-some-there",
        "$.body.updated_team_memberships",
        "D43",
        memberships("numstr", "u3"),
    ),
    Deviation("073-member-add-list-same-twice", "$.body.updated_users[1]", "D27", ABSENT),
    Deviation(
        "073-member-add-list-same-twice",
        "$.body.updated_team_memberships",
        "D43",
        memberships("numstr", "tw2"),
    ),
]

TEAM_INFO = [
    *clean(
        "003-team-info-unknown",
        "Team not found, passed team id: nope.",
        "not_found_error",
    ),
    *clean(
        "093-team-info-no-id",
        "Malformed request. No team id passed in.",
        "validation_error",
    ),
    *clean_forbidden(
        "177-auth-user-key-other-team-info",
        "User=u1 not authorized to access this team=zero",
    ),
    *clean_forbidden(
        "183-auth-team-key-other-team-info",
        "Team key for team=team-a not authorized to access this team=zero",
    ),
    *clean(
        "211-team-info-deleted",
        "Team not found, passed team id: team-a.",
        "not_found_error",
    ),
]

TEAM_UPDATE = [
    *clean(
        "047-team-update-unknown-org",
        "Organization not found, passed organization_id=nope",
        "not_found_error",
    ),
    Deviation(
        "119-team-update-metadata-replaces",
        "$.body.data.metadata",
        "D11",
        {"only": "this", "team_member_budget_id": FULL_BUDGET},
    ),
    *clean(
        "123-team-update-soft-above-existing-max",
        "soft_budget (500.0) must be strictly lower than max_budget (200.0)",
        "bad_request_error",
    ),
    *clean(
        "125-team-update-unknown",
        "Team not found, passed team_id=nope",
        "not_found_error",
    ),
]

MEMBER_UPDATE = replaced(
    "141-member-update-not-a-member",
    "D15",
    400,
    {"detail": {"error": starts_with("User id doesn't exist in team table.")}},  # check
)

NO_PARAM = [
    Deviation("145-auth-no-key-team-new", "$.body.error.param", "D60", None),
    Deviation("147-auth-no-key-team-list", "$.body.error.param", "D60", None),
    Deviation("149-auth-no-key-member-add", "$.body.error.param", "D60", None),
    Deviation("151-auth-no-key-team-block", "$.body.error.param", "D60", None),
    Deviation("161-auth-key-not-sk-team-new", "$.body.error.param", "D60", None),
    Deviation("163-auth-key-not-sk-team-list", "$.body.error.param", "D60", None),
    Deviation("165-auth-key-not-sk-member-add", "$.body.error.param", "D60", None),
    Deviation("167-auth-key-not-sk-team-block", "$.body.error.param", "D60", None),
    Deviation("169-auth-user-key-team-new", "$.body.error.param", "D60", None),
    Deviation("175-auth-user-key-team-block", "$.body.error.param", "D60", None),
]

_KNOWN = (
    "'/key/generate', '/key/update', '/key/delete', '/key/info', "
    "'/key/regenerate', '/key/service-account/generate', '/key/{key_id}/regenerate', '/key/list', "
    "'/key/block', '/key/unblock', '/key/bulk_update', '/team/daily/activity', "
    "'/key/{key_id}/reset_spend', '/key/aliases' or '/key/health'"
)
_GRANTED = ["/key/generate", "/key/update"]
PERMISSIONS = [
    *replaced(
        "135-team-permissions-update-unknown-permission",
        "D17",
        422,
        {
            "detail": [
                {
                    "type": "literal_error",
                    "loc": ["body", "team_member_permissions", 0],
                    "msg": f"Input should be {_KNOWN}",
                    "input": "/nope",
                    "ctx": {"expected": _KNOWN},
                }
            ]
        },
    ),
    # The unknown name /nope was refused, what case 134 granted stays.
    Deviation("187-team-block-again", "$.body.team_member_permissions", "D17", _GRANTED),
    Deviation("191-team-unblock", "$.body.team_member_permissions", "D17", _GRANTED),
    Deviation("193-member-delete", "$.body.team_member_permissions", "D17", _GRANTED),
    Deviation("195-member-delete-by-email", "$.body.team_member_permissions", "D17", _GRANTED),
]

BLOCKED = replaced(
    "189-auth-key-of-blocked-team",
    "D10",
    401,
    error(
        "Authentication Error, Team=team-a is blocked. Update via `/team/unblock` if your admin.",
        "auth_error",
        401,
    ),
)

DEVIATIONS: tuple[Deviation, ...] = (
    *TEAM_NEW,
    *USERS_AND_KEYS,
    *MEMBER_ADD,
    *TEAM_INFO,
    *TEAM_UPDATE,
    *MEMBER_UPDATE,
    *NO_PARAM,
    *BULK_ADD,
    *PERMISSIONS,
    *BLOCKED,
    *ORGANIZATIONS,
    *LISTS,
    *PAGES,
    *INFO,
)


def by_case() -> Mapping[str, list[Deviation]]:
    """The entries of each case that has any."""
    cases: dict[str, list[Deviation]] = {}
    for entry in DEVIATIONS:
        cases.setdefault(entry.case, []).append(entry)
    return cases
