"""Whether a caller may do something to a team, judged on the team as it is stored."""

from services.access.policy import check_team
from services.access.principal import Principal, Towards
from services.command.application.membership import without_departed
from services.command.application.view import View
from services.command.domain.errors import NotFound
from services.command.domain.team import Team


def authorized_team(view: View, caller: Principal, route: str, team_id: str) -> Team:
    """The live team, for those whom the rule of the route admits to it.

    Strangers get the same AccessRefused whether the team exists or not (D01, D09); those who may
    know get NotFound.
    """
    found = view.team(team_id)
    present, _ = without_departed(view, found, [caller.user_id] if caller.user_id else [])
    check_team(route, caller, towards(caller, team_id, present))
    if not found.open:
        raise NotFound("team", team_id)
    return found


def towards(caller: Principal, team_id: str, found: Team) -> Towards:
    """The team as rules see it; one that is not live is nobody's."""
    if not found.open:
        return Towards(team_id)
    member = None if caller.user_id is None else found.roster.get(caller.user_id)
    role = None if member is None else member.role
    return Towards(team_id, role, found.settings.organization_id)
