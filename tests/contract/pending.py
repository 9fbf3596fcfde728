"""Recorded cases that cannot be compared yet, because something is not built.

A case whose own route is not built is still sent, to notice when the route answers. A case that
needs an effect that nothing has yet is not sent. Both are counted and named in the test output.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ROUTE_NOT_BUILT: tuple[str, ...] = ()
EFFECT_NOT_BUILT: tuple[str, ...] = ()

NEEDS: Mapping[str, str] = {}
"""A case to the effect it needs."""

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
