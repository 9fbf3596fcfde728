"""Recorded cases that cannot be compared yet, because a route is not built.

A case whose own route is not built is still sent, to notice when the route answers. A case that
needs the effect of such a case is not sent. Both are counted and named in the test output.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ROUTE_NOT_BUILT: tuple[str, ...] = ("036-organization-new",)

NEEDS: Mapping[str, str] = {
    "037-team-new-in-org": "036-organization-new",
    "038-team-new-in-org-second-60-of-100": "036-organization-new",
    "039-team-new-org-over-budget": "036-organization-new",
    "040-team-new-org-over-tpm": "036-organization-new",
    "041-team-new-org-over-rpm": "036-organization-new",
    "042-team-new-org-model-not-allowed": "036-organization-new",
    "043-team-new-org-no-models": "036-organization-new",
    "045-team-update-org-over-budget": "036-organization-new",
    "046-team-update-into-org": "036-organization-new",
    "091-bulk-add-all-users": "036-organization-new",
    "099-v2-team-list-page-2-of-5": "036-organization-new",
    "103-v2-team-list-size-100": "036-organization-new",
    "105-v2-team-list-sort-alias-desc": "036-organization-new",
    "107-v2-team-list-sort-unknown-order": "036-organization-new",
    "109-v2-team-list-by-org": "036-organization-new",
    "185-auth-x-api-key-header": "036-organization-new",
}
"""A case to the one whose effect it needs: the teams of org-1 are in every unfiltered page, and the
creator of all teams is among all users."""

_MISSING_ROUTE: Mapping[int, object] = {
    404: {"detail": "Not Found"},
    405: {"detail": "Method Not Allowed"},
}
"""What an unknown path and a wrong method are answered with (team-api.md 1.1)."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Why a case is pending: `needs` is the case it waits for, None when its route is missing."""

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
