"""What accepted commands on organizations tell: folded state, for the edge to shape."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.streams import ORGANIZATION, kind_and_id, stream
from services.command.application.answers import ROSTER_SHOWN, TeamAnswer, UserAnswer
from services.command.application.budgets import BudgetAnswer, budget_answer
from services.command.application.rosters import MemberAnswer
from services.command.application.view import View
from services.command.domain.dependents import TEAMS
from services.command.domain.organization import Organization, OrganizationMember

TEAMS_SHOWN = 20
"""Write answers carry the teams of an organization up to here, beyond it none."""


@dataclass(frozen=True, slots=True)
class OrganizationAnswer:
    """An organization with its budget; `members` and `teams` as far as answers show them.

    Rosters of `teams` hold no addresses: reads join them.
    """

    organization_id: str
    organization: Organization
    budget: BudgetAnswer | None
    members: Sequence[tuple[str, OrganizationMember]] = ()
    teams: Sequence[TeamAnswer] = ()
    members_total: int = 0
    teams_total: int = 0


@dataclass(frozen=True, slots=True)
class OrganizationMembersAnswer:
    """The members of an organization that a command was about; `users` are those just added."""

    organization_id: str
    incarnation: int
    members: Sequence[tuple[str, OrganizationMember]]
    users: Sequence[UserAnswer] = ()


def organization_answer(view: View, organization_id: str) -> OrganizationAnswer:
    """The organization with its budget alone."""
    found = view.organization(organization_id)
    budget = budget_answer(view, found.settings.budget_id)
    return OrganizationAnswer(organization_id, found, budget)


def whole_organization(view: View, organization_id: str) -> OrganizationAnswer:
    """The organization with its members and, if they are few, its teams."""
    alone = organization_answer(view, organization_id)
    roster = sorted(alone.organization.members.items(), key=lambda entry: entry[1].joined)
    teams = team_ids(view, organization_id)
    few = len(teams) <= TEAMS_SHOWN
    return OrganizationAnswer(
        organization_id,
        alone.organization,
        alone.budget,
        roster[:ROSTER_SHOWN],
        _teams(view, teams) if few else (),
        len(roster),
        len(teams),
    )


def team_ids(view: View, organization_id: str) -> list[str]:
    """Teams of the organization, in the order in which they came; at most LINKS_SHOWN."""
    children = view.children(stream(ORGANIZATION, organization_id), TEAMS)
    return [kind_and_id(name)[1] for name in sorted(children, key=lambda name: children[name])]


def _teams(view: View, ids: Sequence[str]) -> list[TeamAnswer]:
    view.need(stream("team", team_id) for team_id in ids)
    answers: list[TeamAnswer] = []
    for team_id in ids:
        team = view.team(team_id)
        roster = [MemberAnswer(user, None, m.role) for user, m in team.roster.ordered()]
        shown = roster[:ROSTER_SHOWN]
        total = None if len(shown) == len(roster) else len(roster)
        answers.append(TeamAnswer(team_id, team, shown, total, (), view.now))
    return answers
