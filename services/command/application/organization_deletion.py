"""Deleting organizations: teams and keys go with them, at once by rule, then by their own facts.

What the deletion of an organization left to do stands in `ops.chores`; see `chores`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from events.registry import DomainEvent
from events.streams import BUDGET, ORGANIZATION, TEAM, stream
from services.access.organizations import organization_not_named
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.cache import LinkKey
from services.command.application.organization_answers import (
    organization_answer,
    team_ids,
)
from services.command.application.organizations import authorized_organization
from services.command.application.requests import MAX_EVENTS, Decision
from services.command.application.teams import dependent_keys, ends_of_teams
from services.command.application.view import View
from services.command.domain import organization
from services.command.domain.dependents import KEYS, TEAMS

ROUTE = "/organization/delete"
TEAMS_AT_ONCE = 5
"""Teams that go in the append of their organization's deletion; of more, all follow in chunks."""

KEYS_AT_ONCE = 25
"""Keys that end with the teams of one chunk, or with their organization; more are a chore."""

Facts = list[tuple[str, DomainEvent]]


@dataclass(frozen=True, slots=True)
class DeleteOrganizations:
    """All or none; an id named twice is deleted once (S12)."""

    organization_ids: Sequence[str]
    name: str = "DeleteOrganization"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(ROUTE, caller)
        names = {of: stream(ORGANIZATION, of) for of in self.organization_ids}
        if not (names or caller.is_admin):
            raise organization_not_named()
        view.need(names.values())
        facts: Facts = []
        budgets: list[str] = []
        for organization_id, name in names.items():
            found = authorized_organization(view, caller, ROUTE, organization_id)
            budgets.append(stream(BUDGET, found.settings.budget_id))
            facts += [(name, fact) for fact in organization.delete(found, organization_id)]
        view.need(budgets)
        answers = [organization_answer(view, organization_id) for organization_id in names]
        keys, left = self._keys(view)
        gone, chores = self._teams(view, len(facts) + len(keys))
        subject = next(iter(names.values())) if len(names) == 1 else None
        return Decision(
            [*facts, *keys, *gone], lambda _: answers, chores=[*chores, *left], subject=subject
        )

    def _keys(self, view: View) -> tuple[Facts, list[LinkKey]]:
        """The ends of keys that are of no team of theirs, and which of them have more."""
        parents = [(stream(ORGANIZATION, of), KEYS) for of in dict.fromkeys(self.organization_ids)]
        return dependent_keys(view, parents, cause="organization", at_once=KEYS_AT_ONCE)

    def _teams(self, view: View, besides: int) -> tuple[Facts, list[LinkKey]]:
        """The ends of all teams if they are few, `besides` so many facts, else what is to do."""
        organizations = list(dict.fromkeys(self.organization_ids))
        parents: list[LinkKey] = [(stream(ORGANIZATION, of), TEAMS) for of in organizations]
        view.need_children(parents)
        if sum(len(view.children(*parent)) for parent in parents) > TEAMS_AT_ONCE:
            return [], [parent for parent in parents if len(view.children(*parent))]
        ids = [team_id for of in organizations for team_id in team_ids(view, of)]
        view.need(stream(TEAM, team_id) for team_id in ids)
        facts, chores = ends_of_teams(view, [(t, view.team(t)) for t in ids if view.team(t).open])
        if len(facts) + besides > MAX_EVENTS:
            return [], parents
        return facts, chores


@dataclass(frozen=True, slots=True)
class DeleteDependentTeams:
    """The facts of teams that are void already; the actor is the service itself."""

    team_ids: tuple[str, ...]
    name: str = "DeleteDependentTeams"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        view.need(stream(TEAM, team_id) for team_id in self.team_ids)
        held = [(team_id, view.recorded_team(team_id)) for team_id in self.team_ids]
        void = [(team_id, found) for team_id, found in held if view.is_void(found)]
        facts, chores = ends_of_teams(view, void, KEYS_AT_ONCE)
        return Decision(facts, lambda _: {}, chores=chores)
