"""Calls of ours after a case that bring our state to where LiteLLM's was after it.

Needed where LiteLLM accepted what we refuse, refused what we accept, or used a route that is not
built yet; without them every later list would deviate. Each call is an ordinary one with the
master key and has to succeed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Levelling:
    """A call sent after `after`. `because`: the register id, or the pending case it stands for."""

    after: str
    because: str
    path: str
    body: Body


def _user(user_id: str) -> Body:
    return {"role": "user", "user_id": user_id}


ALL_USERS: tuple[Body, ...] = (
    *(_user(user_id) for user_id in ("b2", "b1", "b0", "tw2", "tw", "neg", "brand-new")),
    {"role": "user", "user_email": "new@example.com"},
    *(_user(user_id) for user_id in ("u3", "u2", "u1", "boss", "full-u1")),
)
"""Everybody LiteLLM knew at case 091, newest first; the id behind the e-mail was generated."""

LEVELLING: tuple[Levelling, ...] = (
    Levelling(
        "024-team-new-bad-duration",
        "D36",
        "/team/new",
        {"team_id": "bad-duration"},
    ),
    Levelling(
        "064-member-add-with-negative-budget",
        "D33",
        "/team/member_add",
        {"team_id": "team-a", "member": _user("neg")},
    ),
    Levelling(
        "066-member-add-list-some-there-in-a-team-with-member-budgets",
        "D27",
        "/team/member_delete",
        {"team_id": "team-full", "user_id": "u3"},
    ),
    Levelling(
        "067-member-add-list-same-twice-in-a-team-with-member-budgets",
        "D27",
        "/team/member_delete",
        {"team_id": "team-full", "user_id": "tw"},
    ),
    Levelling(
        "080-member-add-admin-role",
        "licence",
        "/team/member_delete",
        {"team_id": "team-a", "user_id": "r"},
    ),
    Levelling(
        "090-bulk-add-admin",
        "licence",
        "/team/member_delete",
        {"team_id": "zero", "user_id": "b9"},
    ),
    Levelling(
        "091-bulk-add-all-users",
        "091-bulk-add-all-users",
        "/team/member_add",
        {"team_id": "soft-only", "member": ALL_USERS},
    ),
    Levelling(
        "140-member-update-role-admin",
        "licence",
        "/team/member_update",
        {"team_id": "team-a", "user_id": "u1", "role": "user"},
    ),
)
"""In the order in which they are sent."""
