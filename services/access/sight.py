"""What of the ledger a caller may be shown, by what it was booked on; pure.

A record is booked on lives: of a team, a user, an organization. Whoever has the id of a team that
is gone for his own team sees nothing of what the former one spent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from events.streams import ORGANIZATION, TEAM, USER
from services.access.activity import Membership, Share, share
from services.access.principal import AccessRefused, Principal


class Life(NamedTuple):
    """One life of something that spends."""

    kind: str
    id: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is booked on `whole` lives; and what is booked on `shared` ones and on `himself`."""

    whole: frozenset[Life] = frozenset()
    shared: frozenset[Life] = frozenset()
    himself: Life | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the read models know of a caller: his own life, None without a user row, and others.

    `teams` are those he is in and `administered` the organizations that he is an admin of, each
    with its present life.
    """

    user: int | None = None
    teams: Mapping[str, tuple[int, Membership]] = field(default_factory=dict)
    administered: Mapping[str, int] = field(default_factory=dict)


def sight_of_teams(
    shares: Mapping[str, Share], excluded: Iterable[str], user_id: str | None, known: Known
) -> Sight:
    """So much of each of his teams (team-api.md 3.19, D19)."""
    left_out = frozenset(excluded)
    shown = {
        Life(TEAM, team_id, known.teams[team_id][0]): share
        for team_id, share in shares.items()
        if team_id not in left_out
    }
    return Sight(
        whole=frozenset(life for life, share in shown.items() if share is Share.WHOLE),
        shared=frozenset(life for life, share in shown.items() if share is Share.OWN_KEYS),
        himself=_himself(user_id, known),
    )


def sight_of_himself(principal: Principal, user_id: str | None, known: Known) -> Sight | None:
    """What a user spent himself; None is everything, for who may see it.

    `user_id` is who was asked for, if anybody. Raises AccessRefused: 404 to keys without user, 403
    without a user row (D63) and for anybody else, known or not.
    """
    if principal.reads_everything:
        return None
    himself = _user(principal, known)
    if user_id not in {None, principal.user_id}:
        text = f"Only admins can view the spend of others. Your user_id={principal.user_id}"
        raise AccessRefused(403, text, body="A")
    return Sight(whole=frozenset({himself}))


def sight_of_organizations(
    principal: Principal, organization_ids: Iterable[str] | None, known: Known
) -> Sight | None:
    """All of the organizations that the caller is an admin of, or of those among them he names.

    None is everything. Raises AccessRefused, 403, for who is admin of none, and for an organization
    that is not his, known or not (supporting-api.md 4).
    """
    if principal.reads_everything:
        return None
    if not known.administered:
        raise AccessRefused(403, "Only proxy admins and organization admins see this", body="A")
    named = known.administered if organization_ids is None else organization_ids
    for organization_id in named:
        if organization_id not in known.administered:
            text = f"User is not org_admin for Organization= {organization_id}."
            raise AccessRefused(403, text, body="A")
    return Sight(whole=frozenset(_organization(each, known) for each in named))


def sight_of_all(principal: Principal, known: Known) -> Sight | None:
    """All that somebody may see of what was spent; None is everything.

    Of organizations that he administers all, of his teams as much as each of them lets him see
    (D19), and what he spent himself anywhere. Raises AccessRefused, 403, to keys without user and
    without a user row (D63).
    """
    if principal.reads_everything:
        return None
    himself = _user(principal, known, status=403)
    teams = {
        Life(TEAM, team_id, life)
        for team_id, (life, membership) in known.teams.items()
        if share(membership) is Share.WHOLE
    }
    organizations = {_organization(each, known) for each in known.administered}
    return Sight(whole=frozenset({himself, *teams, *organizations}))


def sight_of_calls(principal: Principal, team_id: str | None, known: Known) -> Sight | None:
    """Whose single calls are shown; None is everybody's (supporting-api.md 6).

    All of a team to its admins, else what the caller spent himself. Raises AccessRefused: 403 for a
    team that he does not administer, known or not, and without a user row.
    """
    if principal.reads_everything:
        return None
    himself = _user(principal, known, status=403)
    if team_id is None:
        return Sight(whole=frozenset({himself}))
    life, membership = known.teams.get(team_id, (0, None))
    if membership is None or membership.role != "admin":
        text = f"Not authorized to view team spend for team_id={team_id}"
        raise AccessRefused(403, text, body="A")
    return Sight(whole=frozenset({Life(TEAM, team_id, life)}))


def _user(principal: Principal, known: Known, status: int | None = None) -> Life:
    himself = _himself(principal.user_id, known)
    if himself is None:
        status = status or (404 if principal.user_id is None else 403)
        raise AccessRefused(status, f"User= {principal.user_id} not found", body="A")
    return himself


def _himself(user_id: str | None, known: Known) -> Life | None:
    if user_id is None or known.user is None:
        return None
    return Life(USER, user_id, known.user)


def _organization(organization_id: str, known: Known) -> Life:
    return Life(ORGANIZATION, organization_id, known.administered[organization_id])
