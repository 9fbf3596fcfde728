"""Teams inside their organizations: what they may be, and what they take (team-api.md 3.1, 3.2)."""

from collections.abc import Iterable

from events.organization import Allowance, OrganizationAllowanceChanged
from events.registry import DomainEvent
from events.streams import ORGANIZATION, stream
from events.team import TeamSettings
from services.command.application.view import View
from services.command.domain import within
from services.command.domain.errors import NotFound
from services.command.domain.guarantee import allowance_of
from services.command.domain.organization import Organization
from services.command.domain.team import Team

_COMPARED = ("organization_id", "budget", "limits", "models", "metadata")
Facts = list[tuple[str, DomainEvent]]


def live_organization(view: View, organization_id: str) -> Organization:
    """Raises NotFound for one that is not there (D61)."""
    found = view.organization(organization_id)
    if not found.open:
        raise NotFound("organization", organization_id)
    return found


def check_fits(view: View, team_id: str, before: Team, after: TeamSettings) -> None:
    """Raise what `domain.within` raises if the resulting team does not fit (D05, D06, D07).

    A change that has nothing to do with the organization is not held up by it.
    """
    organization_id = after.organization_id
    if organization_id is None:
        return
    found = live_organization(view, organization_id)
    if before.open and all(getattr(before.settings, n) == getattr(after, n) for n in _COMPARED):
        return
    budget = view.budget(found.settings.budget_id).settings
    if before.open and before.settings.organization_id != organization_id:
        within.check_move(found, budget, after, before.roster)
    within.check_team(organization_id, found, budget, team_id, after)


def allowance_facts(
    view: View, team_id: str, before: TeamSettings | None, after: TeamSettings | None
) -> Facts:
    """What changes in what organizations have handed out; None is a team that is not there."""
    facts: Facts = []
    for organization_id in _of(before, after):
        found = view.organization(organization_id)
        if not found.open:
            continue
        held = found.allowances.get(team_id)
        taken = _taken(organization_id, after)
        if held != taken:
            fact = OrganizationAllowanceChanged(team_id=team_id, before=held, after=taken)
            facts.append((stream(ORGANIZATION, organization_id), fact))
    return facts


def _of(*settings: TeamSettings | None) -> Iterable[str]:
    named = (each.organization_id for each in settings if each is not None)
    return dict.fromkeys(name for name in named if name is not None)


def _taken(organization_id: str, team: TeamSettings | None) -> Allowance | None:
    if team is None or team.organization_id != organization_id:
        return None
    return allowance_of(team)
