"""Calls of ours after a case that bring our state to where LiteLLM's was after it.

Needed where LiteLLM accepted what we refuse, or refused what we accept; without them every later
list would deviate. Each call is an ordinary one with the master key and has to succeed. All of
them are told in the output of the replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.contract.bodies import NO_ID

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Levelling:
    """A call sent after the case `after`, since the register id `because` makes us differ there.

    `does` says how it levels. Where it repeats the case on the same path, it changes one field:
    the one for which the case was refused.
    """

    after: str
    because: str
    path: str
    body: Body
    does: str

    def __str__(self) -> str:
        return f"after {self.after}: {self.because}: {self.path}: {self.does}"


LEVELLING: tuple[Levelling, ...] = (
    Levelling(
        "024-team-new-bad-duration",
        "D36",
        "/team/new",
        {"team_id": "bad-duration"},
        "the same team without a duration",
    ),
    Levelling(
        "026-team-new-empty-id",
        "D34",
        "/team/new",
        {"team_id": NO_ID, "team_alias": "empty id"},
        "the same team with an id",
    ),
    Levelling(
        "039-team-new-org-over-budget",
        "D05",
        "/team/new",
        {
            "team_id": "org-over-budget",
            "organization_id": "org-1",
            "max_budget": 100,
            "models": ["fake-model"],
        },
        "the same team with the budget of its organization",
    ),
    Levelling(
        "040-team-new-org-over-tpm",
        "D05",
        "/team/new",
        {
            "team_id": "org-over-tpm",
            "organization_id": "org-1",
            "tpm_limit": 1000,
            "models": ["fake-model"],
        },
        "the same team with the tpm limit of its organization",
    ),
    Levelling(
        "041-team-new-org-over-rpm",
        "D05",
        "/team/new",
        {
            "team_id": "org-over-rpm",
            "organization_id": "org-1",
            "rpm_limit": 100,
            "models": ["fake-model"],
        },
        "the same team with the rpm limit of its organization",
    ),
    Levelling(
        "043-team-new-org-no-models",
        "D06",
        "/team/new",
        {"team_id": "org-all", "organization_id": "org-1", "models": ["fake-model"]},
        "the same team with the models of its organization",
    ),
    Levelling(
        "064-member-add-with-negative-budget",
        "D33",
        "/team/member_add",
        {"team_id": "team-a", "member": {"role": "user", "user_id": "neg"}},
        "the same member without a budget",
    ),
    Levelling(
        "066-member-add-list-some-there-in-a-team-with-member-budgets",
        "D27",
        "/team/member_delete",
        {"team_id": "team-full", "user_id": "u3"},
        "whom we could add leaves the team",
    ),
    Levelling(
        "067-member-add-list-same-twice-in-a-team-with-member-budgets",
        "D27",
        "/team/member_delete",
        {"team_id": "team-full", "user_id": "tw"},
        "whom we could add leaves the team",
    ),
    Levelling(
        "080-member-add-admin-role",
        "licence",
        "/user/delete",
        {"user_ids": ["r"]},
        "whom we could add is not known",
    ),
    Levelling(
        "090-bulk-add-admin",
        "licence",
        "/user/delete",
        {"user_ids": ["b9"]},
        "whom we could add is not known",
    ),
    Levelling(
        "140-member-update-role-admin",
        "licence",
        "/team/member_update",
        {"team_id": "team-a", "user_id": "u1", "role": "user"},
        "whom we could make an admin is none",
    ),
)
"""In the order in which they are sent."""
