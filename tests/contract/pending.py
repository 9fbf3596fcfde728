"""Recorded cases that cannot be compared yet, because something is not built.

A case whose own route is not built is still sent, to notice when the route answers. A case that
needs an effect that nothing has yet is not sent. Both are counted and named in the test output.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ROUTE_NOT_BUILT: tuple[str, ...] = ()
TEAMS_OF_ORGANIZATIONS = "the registered deviations of teams in organizations"
EFFECT_NOT_BUILT = (TEAMS_OF_ORGANIZATIONS,)

NEEDS: Mapping[str, str] = {
    "037-team-new-in-org": TEAMS_OF_ORGANIZATIONS,
    "038-team-new-in-org-second-60-of-100": TEAMS_OF_ORGANIZATIONS,
    "039-team-new-org-over-budget": TEAMS_OF_ORGANIZATIONS,
    "040-team-new-org-over-tpm": TEAMS_OF_ORGANIZATIONS,
    "041-team-new-org-over-rpm": TEAMS_OF_ORGANIZATIONS,
    "042-team-new-org-model-not-allowed": TEAMS_OF_ORGANIZATIONS,
    "043-team-new-org-no-models": TEAMS_OF_ORGANIZATIONS,
    "045-team-update-org-over-budget": TEAMS_OF_ORGANIZATIONS,
    "046-team-update-into-org": TEAMS_OF_ORGANIZATIONS,
    "091-bulk-add-all-users": TEAMS_OF_ORGANIZATIONS,
    "099-v2-team-list-page-2-of-5": TEAMS_OF_ORGANIZATIONS,
    "103-v2-team-list-size-100": TEAMS_OF_ORGANIZATIONS,
    "105-v2-team-list-sort-alias-desc": TEAMS_OF_ORGANIZATIONS,
    "107-v2-team-list-sort-unknown-order": TEAMS_OF_ORGANIZATIONS,
    "109-v2-team-list-by-org": TEAMS_OF_ORGANIZATIONS,
    "185-auth-x-api-key-header": TEAMS_OF_ORGANIZATIONS,
}
"""A case to the effect it needs: the teams of org-1 are in every unfiltered page, and the
creator of all teams is among all users."""

_MISSING_ROUTE: Mapping[int, object] = {
    404: {"detail": "Not Found"},
    405: {"detail": "Method Not Allowed"},
}
"""What an unknown path and a wrong method are answered with (team-api.md 1.1)."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Why a case is pending: `needs` is what it waits for, None when its route is missing."""

    case: str
    needs: str | None = None

    def __str__(self) -> str:
        return "route is not built" if self.needs is None else f"needs {self.needs}"


PENDING: Mapping[str, Pending] = {
    **{case: Pending(case) for case in ROUTE_NOT_BUILT},
    **{case: Pending(case, needs) for case, needs in NEEDS.items()},
}


def route_is_missing(status: object, body: object) -> bool:
    """Whether an answer is that of a path or method nobody serves, not that of a handler."""
    return isinstance(status, int) and _MISSING_ROUTE.get(status) == body and body is not None
