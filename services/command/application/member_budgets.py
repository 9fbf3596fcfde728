"""Budgets of members: no things of their own, but known by the ids that memberships show.

A member's limits, and those that a team has for all without their own, are a part of the team, or
the organization (team-api.md 3.11, D14). Clients take the id for that of a budget, so that is what
routes on budgets do (supporting-api.md 5): they read and change the limits that have it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from events.budget import BudgetSettings
from events.registry import DomainEvent
from events.streams import BUDGET, TEAM, kind_and_id, stream
from events.values import MemberLimits
from services.command.application.membership import (
    organization_without_departed,
    without_departed,
)
from services.command.application.store import LINKS_SHOWN
from services.command.application.view import View
from services.command.domain import organization, team
from services.command.domain.budget import Budget
from services.command.domain.dependents import LIMITS
from services.command.domain.errors import NotOfMembers, TooLarge
from services.command.domain.limits import check_not_negative
from services.command.domain.organization import Organization
from services.command.domain.team import Team
from services.command.domain.team_update import update

_FIELDS = ("max_budget", "tpm_limit", "rpm_limit", "budget_duration")
Facts = list[tuple[str, DomainEvent]]


@dataclass(frozen=True, slots=True)
class Limited:
    """A team or organization where a budget limits somebody: these members, or also `defaults`."""

    budget_id: str
    name: str
    found: Team | Organization
    user_ids: Sequence[str]
    defaults: bool = False

    @property
    def limits(self) -> MemberLimits:
        """What the budget says there: to the first of the members, or to those without own."""
        if isinstance(self.found, Team):
            if not self.user_ids:
                return self.found.settings.member_defaults or self.nothing
            own = self.found.roster[self.user_ids[0]].limits
        else:
            own = self.found.members[self.user_ids[0]].limits
        return own or self.nothing

    @property
    def nothing(self) -> MemberLimits:
        """The budget without any limit."""
        return MemberLimits(budget_id=self.budget_id)


def limited_by(view: View, budget_id: str) -> list[Limited]:
    """Where the budget is that of members, members of teams first; [] if it is nobody's.

    Raises TooLarge for one that is found in more places than can be looked at.
    """
    parent = (stream(BUDGET, budget_id), LIMITS)
    children = view.children(*parent)
    if view.is_cut(parent):
        raise TooLarge(f"Budget {budget_id} limits members in more than {LINKS_SHOWN} places")
    view.need(children)
    found = [_limited(view, name, budget_id) for name in sorted(children)]
    held = [each for each in found if each.user_ids or each.defaults]
    return sorted(held, key=lambda each: (kind_and_id(each.name)[0] != TEAM, not each.user_ids))


def _limited(view: View, name: str, budget_id: str) -> Limited:
    """A link tells where a budget was ever somebody's: what is stored tells whether it still is."""
    kind, identity = kind_and_id(name)
    if kind == TEAM:
        found = view.team(identity)
        users = _with(budget_id, ((u, m.limits) for u, m in found.roster.items()))
        found, _ = without_departed(view, found, users)
        defaults = found.settings.member_defaults
        still = [user_id for user_id in users if user_id in found.roster]
        shared = defaults is not None and defaults.budget_id == budget_id
        return Limited(budget_id, name, found, still if found.open else [], shared and found.open)
    held = view.organization(identity)
    users = _with(budget_id, ((u, m.limits) for u, m in held.members.items()))
    held, _ = organization_without_departed(view, held, users)
    still = [user_id for user_id in users if user_id in held.members]
    return Limited(budget_id, name, held, still if held.open else [])


def _with(budget_id: str, members: Iterable[tuple[str, MemberLimits | None]]) -> list[str]:
    return sorted(u for u, own in members if own is not None and own.budget_id == budget_id)


def limits_in(changes: Mapping[str, Any], *, shared: bool) -> dict[str, Any]:
    """What a change of a budget says to members.

    Raises NotOfMembers for what they do not have, unless the budget is `shared` with other things.
    """
    others = [name for name, value in changes.items() if name not in _FIELDS and value is not None]
    if others and not shared:
        raise NotOfMembers(others)
    limits = {name: value for name, value in changes.items() if name in _FIELDS}
    check_not_negative({n: v for n, v in limits.items() if n != "budget_duration"})
    return limits


def changed(limited: Limited, limits: Mapping[str, Any]) -> Facts:
    """The facts that give members there these limits; None clears one."""
    found, budget_id, facts = limited.found, limited.budget_id, list[DomainEvent]()
    for user_id in limited.user_ids:
        if isinstance(found, Team):
            command = team.UpdateMember(user_id, None, limits, budget_id)
            facts += team.update_member(found, command)
        else:
            facts += organization.update_member(found, user_id, None, limits, budget_id)
    if limited.defaults and isinstance(found, Team):
        team_id = kind_and_id(limited.name)[1]
        defaults = {"member_defaults": {**limits, "budget_id": budget_id}}
        facts += update(found, team.UpdateTeam(team_id, defaults))
    return [(limited.name, fact) for fact in facts]


def as_budget(limited: Limited, limits: MemberLimits) -> Budget:
    """The limits as a budget: its times are those of the team, or organization, it is a part of."""
    found = limited.found
    lasts, since = limits.budget_duration, found.created_at
    if isinstance(found, Team):
        lasts = lasts or found.settings.budget.budget_duration
        since = found.budget_since or since
    settings = BudgetSettings(
        max_budget=limits.max_budget,
        tpm_limit=limits.tpm_limit,
        rpm_limit=limits.rpm_limit,
        budget_duration=lasts,
    )
    return Budget(
        open=True,
        settings=settings,
        created_at=found.created_at,
        updated_at=found.updated_at,
        since=since,
    )


def after_change(view: View, before: Limited) -> Budget:
    """The budget as it is now; without any limit where nothing is left of it."""
    now = next(iter(limited_by(view, before.budget_id)), None)
    if now is not None:
        return as_budget(now, now.limits)
    identity = kind_and_id(before.name)[1]
    is_team = isinstance(before.found, Team)
    found = view.team(identity) if is_team else view.organization(identity)
    return as_budget(replace(before, found=found), before.nothing)
