"""Budgets that stand in the way of any call of a key but calls of models (auth.md 2, 12 to 25)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from services.access.decisions import KeyPolicy, TeamPolicy, check_budgets
from services.access.funds import Funds, Purse, binds
from services.command.application.spenders import parts
from services.command.application.spent import Spent
from services.command.application.view import View
from services.command.domain.key import ApiKey
from services.command.domain.organization import Organization
from services.command.domain.team import Team
from services.spend.budgets import Account
from services.spend.spenders import asked_now


@dataclass(frozen=True, slots=True)
class _Budget:
    """USD that a team, a member, an organization or a user may spend."""

    purse: Purse
    account: Account
    most: Decimal | None

    @property
    def binds(self) -> bool:
        return binds(self.purse, self.most)

    def funds(self, spend: Decimal) -> Funds:
        _, identity, _, member = self.account
        return Funds(self.purse, identity, self.most, spend=spend, member=member or None)


def check_funds(view: View, token: str, key: ApiKey, spent: Spent) -> None:
    """Raises AccessRefused for a budget that is used up, unless the key is refused before that.

    Only for keys that are not void. Raises Missing and SpendUnknown for what is not at hand.
    """
    budgets = [budget for budget in _budgets(view, key) if budget.binds]
    if not budgets:
        return
    found = parts(view, [budget.account for budget in budgets])
    spenders = [found[budget.account].spender for budget in budgets]
    amounts = spent.of(asked_now(spenders, view.now, spent.zone), view.now)
    funds = {one.purse: one.funds(usd) for one, usd in zip(budgets, amounts, strict=True)}
    check_budgets(_policy(view, token, key), funds, view.now)


def _policy(view: View, token: str, key: ApiKey) -> KeyPolicy:
    settings, team_id = key.settings, key.settings.team_id
    blocked = team_id is not None and view.team(team_id).settings.blocked
    team = None if team_id is None else TeamPolicy(team_id, blocked=blocked)
    return KeyPolicy(
        token,
        settings.key_name,
        blocked=bool(settings.blocked),
        expires=settings.expires,
        team=team,
    )


def _budgets(view: View, key: ApiKey) -> Iterator[_Budget]:
    """A user's own is for keys without a team; an organization is the key's, else the team's."""
    team_id, user_id = key.settings.team_id, key.settings.user_id
    organization_id = key.settings.organization_id
    if team_id is not None:
        team = view.team(team_id)
        yield from _of_team(team_id, team, user_id)
        organization_id = organization_id or team.settings.organization_id
    elif user_id is not None and view.user(user_id).open:
        user = view.user(user_id)
        account = Account("user", user_id, user.incarnation)
        yield _Budget(Purse.USER, account, user.settings.max_budget)
    if organization_id is not None:
        organization = view.organization(organization_id)
        yield from _of_organization(view, organization_id, organization)


def _of_team(team_id: str, team: Team, user_id: str | None) -> Iterator[_Budget]:
    """A member has his own limits, or else the team's defaults as a whole."""
    life, settings = team.incarnation, team.settings
    yield _Budget(Purse.TEAM, Account("team", team_id, life), settings.budget.max_budget)
    member = None if user_id is None else team.roster.get(user_id)
    limits = None if member is None else member.limits or settings.member_defaults
    if user_id is not None and limits is not None:
        account = Account("member", team_id, life, user_id)
        yield _Budget(Purse.MEMBER, account, limits.max_budget)


def _of_organization(
    view: View, organization_id: str, organization: Organization
) -> Iterator[_Budget]:
    if not organization.open:
        return
    budget = view.budget(organization.settings.budget_id)
    if budget.open:
        account = Account("organization", organization_id, organization.incarnation)
        yield _Budget(Purse.ORGANIZATION, account, budget.settings.max_budget)
