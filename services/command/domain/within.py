"""Whether a team fits into its organization (team-api.md 3.1 rows 9-11, 3.2 rows 7 and 8).

Always the *resulting* team is compared, with the organization's budget as it is now, and without
counting the team's own share twice (register D05, D06, D07).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from events.budget import BudgetSettings
from events.organization import Allowance
from events.team import TeamSettings
from services.command.domain.errors import (
    CannotMove,
    ModelOutsideOrganization,
    NotInOrganization,
    OutsideOrganization,
    OverAllowance,
    OverOrganization,
)
from services.command.domain.models import allows
from services.command.domain.organization import Organization

GUARANTEED = "guaranteed_throughput"


def allowance_of(settings: TeamSettings) -> Allowance | None:
    """What a team takes of its organization's throughput; None for nothing."""
    limits, metadata = settings.limits, settings.metadata
    taken = Allowance(
        tpm_limit=limits.tpm_limit,
        rpm_limit=limits.rpm_limit,
        model_tpm_limit=_by_model(metadata.get("model_tpm_limit")),
        model_rpm_limit=_by_model(metadata.get("model_rpm_limit")),
    )
    return None if taken == Allowance() else taken


def _by_model(value: Any) -> dict[str, int]:  # noqa: ANN401
    """Client metadata may hold anything under these names."""
    if not isinstance(value, dict):
        return {}
    return {
        str(model): limit
        for model, limit in value.items()
        if isinstance(limit, int) and not isinstance(limit, bool)
    }


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
    own = allowance_of(team) or Allowance()
    others = [taken for name, taken in organization.allowances.items() if name != team_id]
    for kind in ("tpm", "rpm"):
        if team.metadata.get(f"{kind}_limit_type") == GUARANTEED:
            _check_guaranteed(kind, organization, budget, others, own)


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


def _check_guaranteed(
    kind: str,
    organization: Organization,
    budget: BudgetSettings,
    others: Sequence[Allowance],
    own: Allowance,
) -> None:
    field, by_model = f"{kind}_limit", f"model_{kind}_limit"
    held = (getattr(taken, field) for taken in others)
    _check_sum(kind, held, getattr(own, field), getattr(budget, field))
    for model, most in _by_model(organization.settings.metadata.get(by_model)).items():
        held = (getattr(taken, by_model).get(model) for taken in others)
        _check_sum(kind, held, getattr(own, by_model).get(model), most)


def _check_sum(kind: str, held: Iterable[int | None], asked: int | None, most: int | None) -> None:
    if asked is None or most is None:
        return
    total = sum(limit for limit in held if limit is not None)
    if total + asked > most:
        raise OverAllowance(kind.upper(), total, asked, most)


def check_members(organization: Organization, user_ids: Iterable[str]) -> None:
    """Everybody in a team that moves has to be in the organization (3.2 row 7d)."""
    missing = [u for u in user_ids if u not in organization.members and u != "default_user_id"]
    if missing:
        raise NotInOrganization(missing)
