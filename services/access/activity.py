"""What of the spend of teams a reader may be shown (team-api.md 3.19, register D19); pure.

Decided team by team: what one team allows says nothing about another.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.access.principal import AccessRefused, Principal
from services.access.visibility import DEFAULT_PERMISSIONS

DAILY_ACTIVITY = "/team/daily/activity"


@dataclass(frozen=True, slots=True)
class Membership:
    """The caller's role in a team, and what that team lets its members do; empty: the default."""

    role: str
    permissions: Sequence[str]


class Share(StrEnum):
    """How much of a team's records is shown."""

    WHOLE = "whole"
    OWN_KEYS = "own keys"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks for: these teams (None: all that he may), without those, of one key."""

    team_ids: Sequence[str] | None = None
    excluded: Collection[str] = ()
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class ActivityScope:
    """The records that may be shown.

    `teams` says how much of each team, None that all of every team is; of OWN_KEYS teams only
    records of keys that belong to `user_id`. `excluded` teams are left out, and where `api_key` is
    given, all records of other keys: both only narrow.
    """

    teams: Mapping[str, Share] | None
    user_id: str | None
    excluded: frozenset[str]
    api_key: str | None

    def shows(self, team_id: str | None, token: str, owner: str | None) -> bool:
        """Whether a record is shown: of this team, of the key `token` that belongs to `owner`."""
        if team_id in self.excluded or self.api_key not in {None, token}:
            return False
        if self.teams is None:
            return True
        share = None if team_id is None else self.teams.get(team_id)
        if share is Share.OWN_KEYS:
            return owner is not None and owner == self.user_id
        return share is Share.WHOLE


def activity_scope(
    principal: Principal, asked: Asked, own: Mapping[str, Membership], *, user_known: bool
) -> ActivityScope:
    """What of the teams he asks for the caller is shown.

    `own` are his memberships, those in the teams he names at least; `user_known` tells whether he
    has a user row. Raises AccessRefused: 404 to keys without user and for a team, known or not,
    that the caller is not in, 403 without a user row (D63).
    """
    teams: Mapping[str, Share] | None
    if not principal.reads_everything:
        _check_user(principal, user_known=user_known)
        named = own if asked.team_ids is None else asked.team_ids
        teams = {team_id: share(_membership(team_id, own)) for team_id in named}
    elif asked.team_ids is None:
        teams = None
    else:
        teams = dict.fromkeys(asked.team_ids, Share.WHOLE)
    return ActivityScope(teams, principal.user_id, frozenset(asked.excluded), asked.api_key)


def _check_user(principal: Principal, *, user_known: bool) -> None:
    if principal.user_id is None or not user_known:
        status = 404 if principal.user_id is None else 403
        raise AccessRefused(status, f"User= {principal.user_id} not found", body="A")


def _membership(team_id: str, own: Mapping[str, Membership]) -> Membership:
    if (found := own.get(team_id)) is None:
        raise AccessRefused(
            404,
            f"User does not belong to Team= {team_id}. Call `/user/info` to see user's teams",
            body="A",
        )
    return found


def share(membership: Membership) -> Share:
    """How much of a team its own rules let this member see."""
    allowed = membership.permissions or DEFAULT_PERMISSIONS
    if membership.role == "admin" or DAILY_ACTIVITY in allowed:
        return Share.WHOLE
    return Share.OWN_KEYS
