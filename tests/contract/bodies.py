"""Answers that were never recorded, built from the objects of team-api.md chapter 2.

Ids and times are those of the recording where it has them. Others are made up here, have the
form of a recorded one, and stand for whatever our service answers in their place.
"""

Json = dict[str, object]

DEFAULT_USER = "default_user_id"
INVITED = "14c8f8d1-f981-402c-a8dc-d7cffd8502b7"
"""The user that case 061 made for new@example.com."""

ALL_USERS = (
    *("b2", "b1", "b0", "tw2", "tw", "neg", "brand-new", INVITED),
    *("u3", "u2", "u1", "boss", "full-u1"),
)
"""Whom case 091 brings into soft-only: everybody but its creator, who is in it; newest first."""

GENERATED = "c8b23d83-56fa-4582-a253-d3ce009db718"
"""The team of case 005."""

NAMELESS = "5ae30181-4847-4057-a0dc-3278e2795aab"
"""The team of case 006, first seen in case 097."""

NO_ID = "no-id"
"""The team of case 026, which has the empty id in LiteLLM (D34)."""

FULL_BUDGET = "team-Full-budget-9909c15f7aa04b01bb38d765973922eb"
"""The default member budget of team-full."""

NEVER_RECORDED = "2026-11-23T09:52:00Z"
"""A time of which only the form counts."""


def member(user_id: str, user_email: str | None = None, role: str = "user") -> Json:
    return {"user_id": user_id, "user_email": user_email, "role": role}


def creator() -> Json:
    """The master key's user, who is admin of every team it makes (team-api.md 3.1)."""
    return member(DEFAULT_USER, role="admin")


def membership(user_id: str, team_id: str) -> Json:
    """The row of a member without a budget (D43)."""
    return {
        "user_id": user_id,
        "team_id": team_id,
        "budget_id": None,
        "spend": 0.0,
        "litellm_budget_table": None,
    }


def memberships(team_id: str, *user_ids: str) -> list[object]:
    """One row without a budget for each user, in the order in which they joined."""
    return [membership(user_id, team_id) for user_id in user_ids]


def budgeted(
    user_id: str, team_id: str, budget_id: str, max_budget: float, duration: str | None = None
) -> Json:
    """The row of a member with a budget of `max_budget` USD."""
    budget: Json = {
        "budget_id": budget_id,
        "soft_budget": None,
        "max_budget": max_budget,
        "max_parallel_requests": None,
        "tpm_limit": None,
        "rpm_limit": None,
        "model_max_budget": None,
        "budget_duration": duration,
    }
    row = membership(user_id, team_id)
    return {**row, "budget_id": budget_id, "litellm_budget_table": budget}


def team(team_id: str, created_at: str, **changed: object) -> Json:
    """A Team (2.1) as the master key makes it, but for the fields given in `changed`."""
    plain: Json = {
        "team_id": team_id,
        "team_alias": None,
        "organization_id": None,
        "admins": [],
        "members": [],
        "members_with_roles": [creator()],
        "team_member_permissions": [],
        "metadata": {},
        "tpm_limit": None,
        "rpm_limit": None,
        "max_budget": None,
        "soft_budget": None,
        "budget_duration": None,
        "models": [],
        "blocked": False,
        "router_settings": {},
        "access_group_ids": [],
        "spend": 0.0,
        "max_parallel_requests": None,
        "budget_reset_at": None,
        "model_id": None,
        "litellm_model_table": None,
        "object_permission": None,
        "updated_at": NEVER_RECORDED,
        "created_at": created_at,
        "object_permission_id": None,
    }
    return {**plain, **changed}


def user(user_id: str, created_at: str, *teams: str) -> Json:
    """A User (2.3) who came to exist by being added to a team."""
    return {
        "user_id": user_id,
        "max_budget": None,
        "spend": 0.0,
        "model_max_budget": {},
        "model_spend": {},
        "user_email": None,
        "user_alias": None,
        "models": [],
        "tpm_limit": None,
        "rpm_limit": None,
        "user_role": "internal_user",
        "organization_memberships": None,
        "teams": list(teams),
        "sso_user_id": None,
        "budget_duration": None,
        "budget_reset_at": None,
        "metadata": {},
        "created_at": created_at,
        "updated_at": NEVER_RECORDED,
        "object_permission": None,
    }


def generated_team() -> Json:
    """The team of case 005."""
    return team(GENERATED, "2026-11-23T09:52:47.855000Z", team_alias="generated")


def error(message: object, type_: str, status: int, param: str | None = None) -> Json:
    """Shape B (1.2) in its clean form (D60)."""
    return {"error": {"message": message, "type": type_, "param": param, "code": str(status)}}


def tagged_team() -> Json:
    """The team of case 034, which LiteLLM refuses without a licence."""
    return team("tagged", "2026-11-23T09:52:48.600001Z", metadata={"tags": ["a"]})


def guarded_team() -> Json:
    """The team of case 035, which LiteLLM refuses without a licence."""
    return team("guarded", "2026-11-23T09:52:48.600002Z", metadata={"guardrails": ["g"]})
