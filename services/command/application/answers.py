"""What accepted commands tell: folded state, for the edge to shape."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from events.streams import USER, kind_and_id, stream
from services.command.application.membership import is_over
from services.command.application.rosters import MemberAnswer, Shown
from services.command.application.view import View
from services.command.domain.dependents import TEAMS
from services.command.domain.key import ApiKey
from services.command.domain.team import Team
from services.command.domain.user import User

ROSTER_SHOWN = 1_000
"""Write answers carry the full roster up to here, beyond it only the members touched."""


@dataclass(frozen=True, slots=True)
class UserAnswer:
    """A user with the ids of his teams, in the order of joining."""

    user_id: str
    user: User
    teams: Sequence[str]


@dataclass(frozen=True, slots=True)
class TeamAnswer:
    """A team with its roster, or the touched part of a roster above ROSTER_SHOWN.

    `members_total` is set in the latter case only; `touched` are the users that were added,
    `subject` is the one member that the command was about, `already_there` are those of a list
    who were in the team before (D27).
    """

    team_id: str
    team: Team
    members: Sequence[MemberAnswer]
    members_total: int | None
    touched: Sequence[UserAnswer]
    now: datetime
    subject: str | None = None
    already_there: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """A key by the hash of its secret, and the organization that its team is in."""

    token: str
    key: ApiKey
    team_organization: str | None = None


def key_answer(view: View, token: str) -> KeyAnswer:
    """The key as the view has it."""
    key = view.key(token)
    team_id = key.settings.team_id
    of_team = None if team_id is None else view.team(team_id).settings.organization_id
    return KeyAnswer(token, key, of_team)


def team_answer(
    view: View, team_id: str, touched: Sequence[str] = (), *, users: bool = False
) -> TeamAnswer:
    """The team as the view has it; `users` adds the touched users with their teams."""
    team = view.team(team_id)
    members = roster(view, team_id, team, touched)
    total = None if len(team.roster) <= ROSTER_SHOWN else len(team.roster)
    shown = user_answers(view, touched) if users else ()
    subject = touched[0] if touched else None
    return TeamAnswer(team_id, team, members, total, shown, view.now, subject)


def roster(view: View, team_id: str, team: Team, touched: Sequence[str]) -> Sequence[MemberAnswer]:
    """All members in the order of joining, or those touched when there are too many."""
    if len(team.roster) > ROSTER_SHOWN:
        return _joined(view, team, [u for u in dict.fromkeys(touched) if u in team.roster])
    before = view.shown(team_id)
    added = None if before is None else before.added(team, touched)
    if before is None or added is None:
        members: Sequence[MemberAnswer] = _joined(view, team, [u for u, _ in team.roster.ordered()])
    else:
        members = [*before.members, *_joined(view, team, added)] if added else before.members
    view.show(team_id, Shown(team.version, team.roster, members))
    return members


def _joined(view: View, team: Team, user_ids: Sequence[str]) -> list[MemberAnswer]:
    users = view.users(user_ids)
    members = ((u, team.roster[u]) for u in user_ids)
    return [
        MemberAnswer.of(user_id, member.role, users[user_id])
        for user_id, member in members
        if not is_over(member, users[user_id])
    ]


def user_answers(view: View, user_ids: Iterable[str]) -> list[UserAnswer]:
    """These users, each once, with their teams."""
    wanted = dict.fromkeys(user_ids)
    view.need_children((stream(USER, user_id), TEAMS) for user_id in wanted)
    users = view.users(wanted)
    return [UserAnswer(user_id, users[user_id], teams_of(view, user_id)) for user_id in wanted]


def teams_of(view: View, user_id: str) -> list[str]:
    """Ids of the teams a user is in, in the order of joining; at most LINKS_SHOWN of them."""
    children = view.children(stream(USER, user_id), TEAMS)
    gone_at = view.user(user_id).gone_at
    by_time = sorted(children.items(), key=lambda entry: entry[1])
    return [kind_and_id(name)[1] for name, since in by_time if since > gone_at]
