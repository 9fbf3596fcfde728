"""Who is calling, as far as rules care; filled from folded state or from read rows alike."""

from dataclasses import dataclass
from datetime import datetime

MASTER_USER = "default_user_id"
PROXY_ADMIN, VIEWER = "proxy_admin", "proxy_admin_viewer"
INTERNAL_USER, INTERNAL_VIEWER = "internal_user", "internal_user_viewer"
ORG_ADMIN = "org_admin"
DASHBOARD_TEAM = "litellm-dashboard"
"""The team of keys that are a user's session in a dashboard."""

USER_ROLES = frozenset({PROXY_ADMIN, VIEWER, INTERNAL_USER, INTERNAL_VIEWER})


class AccessRefused(Exception):
    """The caller may not do this.

    `body` "A" answers `{"detail": {"error": text}}`, "B" the error object, "detail" a plain text.
    """

    def __init__(
        self,
        status: int,
        text: str,
        kind: str = "auth_error",
        param: str | None = None,
        body: str = "B",
    ) -> None:
        super().__init__(text)
        self.status, self.text, self.kind, self.param, self.body = status, text, kind, param, body


@dataclass(frozen=True, slots=True)
class Credential:
    """A presented secret: its sha256 in hex, and its last four characters for messages."""

    token: str
    tail: str
    master: bool


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What is known of the key; `void` when its team's life or its membership is over.

    `user_known` is false when it names a user that does not exist. `alias` is its own name.
    """

    user_id: str | None
    team_id: str | None
    blocked: bool
    expires: datetime | None
    allowed_routes: tuple[str, ...]
    models: tuple[str, ...]
    void: bool
    user_known: bool = True
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Towards:
    """A stored team as rules about callers see it; `role` is the caller's in its roster."""

    team_id: str
    role: str | None = None
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller.

    `role` is the role of the user's row, None where the key has no user or the user has no role.
    `user_known` is false where the key names a user that does not exist: he is nobody (D63).
    `org_roles` are the organizations that the user is in, each with his role there. `gateway` is
    set for the key of a gateway: the source of all that it reports (decision 010).
    """

    token: str
    user_id: str | None
    role: str | None
    team_id: str | None
    master: bool = False
    user_known: bool = True
    org_roles: tuple[tuple[str, str], ...] = ()
    gateway: str | None = None

    @property
    def administers(self) -> frozenset[str]:
        """The organizations that the caller is an admin of."""
        return frozenset(name for name, role in self.org_roles if role == ORG_ADMIN)

    @property
    def is_admin(self) -> bool:
        return self.role == PROXY_ADMIN

    @property
    def reads_everything(self) -> bool:
        return self.role in (PROXY_ADMIN, VIEWER)

    @property
    def shown_role(self) -> str:
        """The role as handlers see it (auth.md 1.3)."""
        return self.role if self.role in USER_ROLES else INTERNAL_USER
