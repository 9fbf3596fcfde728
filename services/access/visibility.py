"""What a reader may be shown (register D08, D09, D12, D20, A06, A10); pure.

`team_role` is always the caller's role in the stored roster, None for who is not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.access.policy import standing
from services.access.principal import AccessRefused, Principal, Towards
from services.access.rules import As

KEY_INFO, KEY_LIST = "/key/info", "/key/list"
DEFAULT_PERMISSIONS = (KEY_INFO, "/key/health")
"""What members may do with the team's keys where the team's own list is empty (auth.md 4)."""

_SEES_EVERY_KEY = frozenset({As.PROXY_ADMIN, As.VIEWER, As.ORG_ADMIN, As.TEAM_ADMIN})


def reads_without_membership(principal: Principal, team_id: str) -> bool:
    """Whether the caller sees the team whoever its members are: as admin, viewer or its key.

    An admin of its organization does so too, which only the stored team tells.
    """
    return principal.reads_everything or principal.team_id == team_id


def sees_every_key(principal: Principal, team: Towards) -> bool:
    """Whether all keys of a stored team are shown, and with their hashes (D08).

    To admins and viewers, and to admins of the team or of its organization: all of them may block
    its keys, by their hashes (A03). Everybody else sees his own keys and those without a user, and
    no hash.
    """
    return bool(_SEES_EVERY_KEY & standing(principal, team))


@dataclass(frozen=True, slots=True)
class TeamScope:
    """Which teams /team/list may hold.

    Those that the user `user_id` is in, or with None all; of them only those `within` some
    organizations, or with None wherever they are. Beside them all teams of the organizations
    `besides`, whoever is in them.
    """

    user_id: str | None = None
    within: tuple[str, ...] | None = None
    besides: tuple[str, ...] = ()

    @property
    def listed(self) -> tuple[str, ...]:
        """The organizations that are named."""
        return (*(self.within or ()), *self.besides)


def teams_listed(principal: Principal, user_id: str | None) -> TeamScope:
    """What /team/list shows to whom asks for the teams of a user, or with None for all (3.5).

    Admins of organizations see the teams of these: beside their own teams, or with another user's
    id only those that he is in (D12). Raises AccessRefused as `check_teams_of` does.
    """
    administered = tuple(sorted(principal.administers))
    if principal.reads_everything or not administered:
        check_teams_of(principal, user_id)
        return TeamScope(user_id)
    if user_id == principal.user_id:
        return TeamScope(user_id, besides=administered)
    return TeamScope(user_id, within=administered)


def check_teams_of(principal: Principal, user_id: str | None) -> None:
    """Raise the 401 of the lists unless the caller asks for his own teams or sees all (3.5, D20).

    An administered organization changes nothing here, which is the whole rule of /v2/team/list
    (1.4, 3.6).

    A caller without a user asks for nobody's, as no user never equals no user (D12, A10). One
    whose user does not exist is 403 (D63).
    """
    if not principal.user_known:
        text = f"User doesn't exist in db. 'user_id'={principal.user_id}"
        raise AccessRefused(403, text, body="A")
    if principal.reads_everything or (user_id is not None and user_id == principal.user_id):
        return
    raise AccessRefused(
        401,
        f"Only admin users can query all teams/other teams. Your user role={principal.shown_role}",
        body="A",
    )


def may_read_key(
    principal: Principal,
    token: str,
    owner: str | None,
    team_role: str | None,
    permissions: Sequence[str],
) -> bool:
    """Whether the caller may read a key (auth.md 4, A06, A10).

    Admins and viewers, the key itself, its owner, an admin of its team, and members of the team
    whose effective `permissions` hold /key/info.
    """
    if principal.reads_everything or principal.token == token:
        return True
    if owner is not None and owner == principal.user_id:
        return True
    if team_role is None:
        return False
    return team_role == "admin" or KEY_INFO in (permissions or DEFAULT_PERMISSIONS)


def check_keys_of(
    principal: Principal, user_id: str | None, organization_id: str | None, *, user_known: bool
) -> None:
    """Raise the 403 of /key/list unless the keys asked for may be the caller's to see (2.6, S09).

    Admins and viewers see the keys of all. Everybody else needs a user row, and asks for himself
    and for organizations that he is in.
    """
    if principal.reads_everything:
        return
    if principal.user_id is None or not user_known:
        raise _not_for("user_id", "access this endpoint. No 'user_id' is associated with your key.")
    if user_id not in {None, principal.user_id}:
        raise _not_for("user_id", "check another user's keys")
    if organization_id is not None and organization_id not in dict(principal.org_roles):
        raise _not_for("organization_id", "check this organization's keys")


def check_keys_in(principal: Principal, *, in_team: bool) -> None:
    """Raise the 403 of /key/list to whom asks for the keys of a team that is not his own (2.6)."""
    if not (principal.reads_everything or in_team):
        raise _not_for("team_id", "check this team's keys")


def _not_for(param: str, what: str) -> AccessRefused:
    return AccessRefused(403, f"You are not authorized to {what}", "bad_request_error", param)


def check_user_info(principal: Principal, user_id: str | None) -> None:
    """Raise the 403 of /user/info to whom asks for another user, known or not (auth.md 3.2, D09).

    Admins and viewers see everybody; no `user_id` asks for the caller himself.
    """
    if principal.reads_everything or user_id in {None, principal.user_id}:
        return
    raise AccessRefused(
        403,
        f"key not allowed to access this user's info. user_id={user_id}, "
        f"key's user_id={principal.user_id}",
    )


def organizations_listed(
    principal: Principal, asked: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Whose users /user/list shows: those of these organizations, or with None everybody (3.3).

    Of what is asked for, admins of organizations are shown what they administer; 403 if that is
    nothing. The rule of the route has admitted the caller.
    """
    if principal.reads_everything:
        return asked
    administered = principal.administers
    wanted = administered if asked is None else administered & set(asked)
    if not wanted:
        text = "You do not have org_admin access to the requested organization(s)."
        raise AccessRefused(403, text, body="A")
    return tuple(sorted(wanted))


def stranger_to_team(principal: Principal, team_id: str) -> str:
    """Why a caller is refused a team, known or unknown alike (3.4, D09)."""
    if principal.user_id is not None:
        return f"User={principal.user_id} not authorized to access this team={team_id}"
    if principal.team_id is not None:
        return f"Team key for team={principal.team_id} not authorized to access this team={team_id}"
    return (
        f"API key not authorized to access this team={team_id}. "
        "No user_id or team_id associated with this key."
    )
