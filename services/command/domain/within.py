"""Whether a team fits into its organization (team-api.md 3.1 rows 9-11, 3.2 rows 7 and 8).

Always the *resulting* team is compared, with the organization's budget as it is now, and without
counting the team's own share twice (register D05, D06, D07).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from events.budget import BudgetSettings
from events.models import allows
from events.team import TeamSettings
from services.command.domain.errors import (
    CannotMove,
    ModelOutsideOrganization,
    NotInOrganization,
    OutsideOrganization,
    OverOrganization,
)
from services.command.domain.guarantee import allowance_in, check_guarantees
from services.command.domain.organization import Organization


def check_team(
    organization_id: str,
    organization: Organization,
    budget: BudgetSettings,
    team_id: str,
    team: TeamSettings,
) -> None:
    """Raises OverOrganization, OutsideOrganization or OverAllowance, in the order of 3.1."""
    pairs = {
        "max_budget": (team.budget.max_budget, budget.max_budget),
        "tpm_limit": (team.limits.tpm_limit, budget.tpm_limit),
        "rpm_limit": (team.limits.rpm_limit, budget.rpm_limit),
    }
    for field, (asked, most) in pairs.items():
        if asked is not None and most is not None and asked > most:
            raise OverOrganization(field, asked, most, organization_id)
    check_models(organization_id, organization, team.models)
    others = [taken for name, taken in organization.allowances.items() if name != team_id]
    check_guarantees(team, others, allowance_in(organization, budget), "organization")


def check_move(
    organization: Organization,
    budget: BudgetSettings,
    team: TeamSettings,
    user_ids: Iterable[str],
) -> None:
    """A team that comes into an organization fits into it as it will be then (3.2 row 7)."""
    allowed = organization.settings.models
    if not team.models and not allows(allowed, "all-proxy-models"):
        raise CannotMove("Team has access to all proxy models, but the organization does not.")
    for model in team.models:
        if model != "no-default-models" and not allows(allowed, model):
            raise ModelOutsideOrganization(model, allowed)
    _check_move_limit("max_budget", team.budget.max_budget, budget.max_budget)
    check_members(organization, user_ids)
    _check_move_limit("tpm_limit", team.limits.tpm_limit, budget.tpm_limit)
    _check_move_limit("rpm_limit", team.limits.rpm_limit, budget.rpm_limit)


def _check_move_limit(field: str, asked: Decimal | int | None, most: Decimal | int | None) -> None:
    if asked is not None and most is not None and asked > most:
        team, limit = (n if isinstance(n, int) else float(n) for n in (asked, most))
        raise CannotMove(
            f"Team has {field} {team} that is greater than the organization's {field} {limit}."
        )


def check_models(organization_id: str, organization: Organization, models: Sequence[str]) -> None:
    """An organization with a list has no team that may use all models (D06)."""
    allowed = organization.settings.models
    if not models and not allows(allowed, "all-proxy-models"):
        raise OutsideOrganization("all-proxy-models", allowed, organization_id)
    for model in models:
        if model != "no-default-models" and not allows(allowed, model):
            raise OutsideOrganization(model, allowed, organization_id)


def check_members(organization: Organization, user_ids: Iterable[str]) -> None:
    """Everybody in a team that moves has to be in the organization (3.2 row 7d)."""
    missing = [u for u in user_ids if u not in organization.members and u != "default_user_id"]
    if missing:
        raise NotInOrganization(missing)
