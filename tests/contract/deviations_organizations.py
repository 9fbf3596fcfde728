"""Deviations of the answers to teams that are larger than their organization."""

from tests.contract.bodies import error
from tests.contract.patch import Deviation, replaced


def refused(case: str, register: str, message: str) -> list[Deviation]:
    """400 with the text of team-api.md 3.1, rows 9 and 10, where LiteLLM did it."""
    body = error(f"{message} Organization: org-1", "bad_request_error", 400)
    return replaced(case, register, 400, body)


MORE_BUDGET = "Team max_budget (101.0) exceeds organization's max_budget (100.0)."

ORGANIZATIONS: tuple[Deviation, ...] = (
    *refused("039-team-new-org-over-budget", "D05", MORE_BUDGET),
    *refused(
        "041-team-new-org-over-rpm",
        "D05",
        "Team rpm_limit (101) exceeds organization's rpm_limit (100).",
    ),
    *refused(
        "043-team-new-org-no-models",
        "D06",
        "Model 'all-proxy-models' not in organization's allowed models. "  # check: how [] is named
        "Organization allowed models=['fake-model'].",
    ),
    *refused("045-team-update-org-over-budget", "D05", MORE_BUDGET),
)
