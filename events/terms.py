"""What facts say of budgets: one reading for all that keep track of who may spend what, and when.

A budget is held by a thing that spends, by a team for each of its members (`member_defaults`), or
by a row that several things share (`budget`), to which a key is linked (`key_link`) or that an
organization has (`organization`).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from events import budget, key, organization, team, user
from events.registry import DomainEvent
from events.values import MemberLimits

DEFAULTS, LINK = "member_defaults", "key_link"


class Terms(NamedTuple):
    """USD per window of `duration`; `reset_at` is the next reset if it was set by hand.

    `budget_id` names a shared row. `held` is false where a member has nothing of his own.
    """

    max_budget: Decimal | None = None
    soft_budget: Decimal | None = None
    duration: str | None = None
    reset_at: datetime | None = None
    budget_id: str | None = None
    held: bool = True

    def paced_like(self, other: "Terms") -> bool:
        """Whether windows are cut alike."""
        return self.pace == other.pace

    @property
    def pace(self) -> tuple[object, ...]:
        """All but the amounts."""
        return self.duration, self.reset_at, self.budget_id, self.held


EMPTY, NONE = Terms(), Terms(held=False)


class Told(NamedTuple):
    """A budget of this stream became another one; `first` tells that its holder began with it."""

    kind: str
    member: str
    before: Terms
    after: Terms
    first: bool = False


def told(event: DomainEvent) -> list[Told]:
    """What a fact says of budgets: nothing, or what is different since."""
    read = _READERS.get(type(event))
    return [] if read is None else [one for one in read(event) if one.before != one.after]


Read = Callable[[Any], list[Told]]


def _begins(kind: str, terms: Callable[[Any], Terms]) -> Read:
    """For facts a thing begins with, which hold its `settings`."""
    return lambda event: [Told(kind, "", EMPTY, terms(event.settings), first=True)]


def _changes(kind: str, terms: Callable[[Any], Terms]) -> Read:
    """For facts with `before` and `after`."""
    return lambda event: [Told(kind, "", terms(event.before), terms(event.after))]


def _changes_of_member(kind: str) -> Read:
    """For facts with `before` and `after` of the limits of one member."""
    return lambda event: [
        Told(kind, event.user_id, _of_limits(event.before), _of_limits(event.after))
    ]


def _joins(kind: str) -> Read:
    return lambda event: [
        Told(kind, event.user_id, NONE, _of_limits(event.limits), first=True),
    ]


def _leaves(kind: str) -> Read:
    """Who comes back has no limits of his own any more."""
    return lambda event: [Told(kind, event.user_id, _of_limits(event.limits), NONE)]


def _team_created(event: team.TeamCreated) -> list[Told]:
    defaults = _of_limits(event.settings.member_defaults)
    return [
        Told("team", "", EMPTY, _of_budget(event.settings.budget), first=True),
        Told(DEFAULTS, "", NONE, defaults, first=True),
    ]


def _key_generated(event: key.KeyGenerated) -> list[Told]:
    """A successor goes on in the windows of the key that it carries on."""
    settings, first = event.settings, event.succeeds is None
    return [
        Told("key", "", EMPTY, _of_budget(settings), first),
        Told(LINK, "", EMPTY, _of_link(settings.extra), first),
    ]


def _of_budget(held: Any) -> Terms:  # noqa: ANN401 - settings, or parts of them
    return Terms(held.max_budget, held.soft_budget, held.budget_duration)


def _of_user(held: Any) -> Terms:  # noqa: ANN401 - settings, or parts of them
    return Terms(held.max_budget, None, held.budget_duration)


def _of_limits(limits: MemberLimits | None) -> Terms:
    return NONE if limits is None else Terms(limits.max_budget, None, limits.budget_duration)


def _of_row(held: budget.BudgetSettings) -> Terms:
    return Terms(held.max_budget, held.soft_budget, held.budget_duration, held.budget_reset_at)


def _of_link(extra: Mapping[str, Any]) -> Terms:
    return Terms(budget_id=extra.get("budget_id"))


def _of_organization(held: organization.OrganizationSettings) -> Terms:
    return Terms(budget_id=held.budget_id)


def _of_assigned(budget_id: str) -> Terms:
    return Terms(budget_id=budget_id)


_READERS: Mapping[type[DomainEvent], Read] = {
    team.TeamCreated: _team_created,
    team.TeamBudgetChanged: _changes("team", _of_budget),
    team.TeamMemberDefaultsChanged: _changes(DEFAULTS, _of_limits),
    team.MemberAdded: _joins("member"),
    team.MemberBudgetChanged: _changes_of_member("member"),
    team.MemberRemoved: _leaves("member"),
    key.KeyGenerated: _key_generated,
    key.KeyBudgetChanged: _changes("key", _of_budget),
    key.KeyDetailsChanged: _changes(LINK, _of_link),
    user.UserCreated: _begins("user", _of_user),
    user.UserBudgetChanged: _changes("user", _of_user),
    budget.BudgetCreated: _begins("budget", _of_row),
    budget.BudgetChanged: _changes("budget", _of_row),
    organization.OrganizationCreated: _begins("organization", _of_organization),
    organization.OrganizationBudgetAssigned: _changes("organization", _of_assigned),
    organization.OrganizationMemberAdded: _joins("organization_member"),
    organization.OrganizationMemberBudgetChanged: _changes_of_member("organization_member"),
    organization.OrganizationMemberRemoved: _leaves("organization_member"),
}
TELLING = frozenset(_READERS)
"""The facts that say anything of budgets."""
