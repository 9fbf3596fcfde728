"""What a review of access shows: a line for each right that somebody or something had."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from events.values import JsonObject
from services.access.principal import ORG_ADMIN, PROXY_ADMIN, VIEWER
from services.edge.shapes.csv_lines import harmless, line
from services.edge.shapes.money import usd
from services.edge.shapes.times import iso

What = Literal["organization", "team", "user", "organization_member", "team_member", "key"]
ALL_MODELS = "all"
_RIGHTS = {
    ("user", PROXY_ADMIN): "everything",
    ("user", VIEWER): "reads everything",
    ("organization_member", ORG_ADMIN): "organization",
    ("team_member", "admin"): "team",
}
"""What somebody may administer by a role, by the kind of line that it stands in."""


@dataclass(frozen=True, slots=True)
class Right:
    """One line. `role` is the user's, his in the organization or in the team; USD."""

    what: What
    user_id: str | None = None
    user_email: str | None = None
    role: str | None = None
    organization_id: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    key_hash: str | None = None
    key_alias: str | None = None
    models: Sequence[str] = ()
    max_budget: str | None = None
    budget_duration: str | None = None
    blocked: bool = False
    expires: datetime | None = None
    since: datetime | None = None

    def shown(self) -> JsonObject:
        """As JSON; `models` empty are all there are, or all that the team or user has."""
        return {
            "what": self.what,
            "user_id": self.user_id,
            "user_email": self.user_email,
            "role": self.role,
            "administers": _RIGHTS.get((self.what, self.role or "")),
            "organization_id": self.organization_id,
            "team_id": self.team_id,
            "team_alias": self.team_alias,
            "key_hash": self.key_hash,
            "key_alias": self.key_alias,
            "models": list(self.models),
            "max_budget": usd(self.max_budget),
            "budget_duration": self.budget_duration,
            "blocked": self.blocked,
            "expires": None if self.expires is None else iso(self.expires),
            "since": None if self.since is None else iso(self.since),
        }

    def line(self) -> str:
        """As CSV: USD to the last digit, models between semicolons."""
        cells = {
            **self.shown(),
            "models": "; ".join(self.models) or ALL_MODELS,
            "max_budget": self.max_budget,
            "blocked": "yes" if self.blocked else "no",
        }
        return line([harmless(cell) for cell in cells.values()])


def head() -> str:
    """The first line of the CSV."""
    return line(list(Right("user").shown()))
