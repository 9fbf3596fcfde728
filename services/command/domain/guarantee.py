"""Throughput that is guaranteed: never more in all than there is (team-api.md 3.1 row 11, D07).

Teams take it from their organization, keys from their team, or from the organization where they are
of no team of it (supporting-api.md 2.2). What others take counts whether it is guaranteed or not.
"""

from collections.abc import Sequence
from typing import Any, Literal

from events.budget import BudgetSettings
from events.key import KeySettings
from events.organization import Allowance
from events.team import TeamSettings
from services.command.domain.errors import OverAllowance
from services.command.domain.organization import Organization

GUARANTEED = "guaranteed_throughput"
Kind = Literal["tpm", "rpm"]
KINDS: tuple[Kind, ...] = ("tpm", "rpm")


def allowance_of(settings: TeamSettings | KeySettings) -> Allowance | None:
    """What a team takes of its organization's throughput, a key of its team's; None for nothing."""
    limits, metadata = settings.limits, settings.metadata
    taken = Allowance(
        tpm_limit=limits.tpm_limit,
        rpm_limit=limits.rpm_limit,
        model_tpm_limit=_by_model(metadata.get("model_tpm_limit")),
        model_rpm_limit=_by_model(metadata.get("model_rpm_limit")),
    )
    return None if taken == Allowance() else taken


def allowance_in(organization: Organization, budget: BudgetSettings) -> Allowance:
    """The throughput that an organization has to hand out."""
    metadata = organization.settings.metadata
    return Allowance(
        tpm_limit=budget.tpm_limit,
        rpm_limit=budget.rpm_limit,
        model_tpm_limit=_by_model(metadata.get("model_tpm_limit")),
        model_rpm_limit=_by_model(metadata.get("model_rpm_limit")),
    )


def _by_model(value: Any) -> dict[str, int]:  # noqa: ANN401
    """Client metadata may hold anything under these names."""
    if not isinstance(value, dict):
        return {}
    return {
        str(model): limit
        for model, limit in value.items()
        if isinstance(limit, int) and not isinstance(limit, bool)
    }


def guaranteed(settings: TeamSettings | KeySettings) -> list[Kind]:
    """Of which limits a team or key asks for a guarantee."""
    return [kind for kind in KINDS if settings.metadata.get(f"{kind}_limit_type") == GUARANTEED]


def check_guarantees(
    settings: TeamSettings | KeySettings,
    others: Sequence[Allowance],
    most: Allowance,
    giver: Literal["organization", "team"],
) -> None:
    """Raises OverAllowance for a guarantee of more than the `others` leave of what there is."""
    own = allowance_of(settings) or Allowance()
    taker = "Team" if isinstance(settings, TeamSettings) else "Key"
    for kind in guaranteed(settings):
        models = getattr(most, f"model_{kind}_limit")
        for model in (None, *models):
            asked, limit = _limit(own, kind, model), _limit(most, kind, model)
            held = sum(_limit(taken, kind, model) or 0 for taken in others)
            if asked is not None and limit is not None and held + asked > limit:
                raise OverAllowance(kind.upper(), held, asked, limit, taker, giver)


def _limit(allowance: Allowance, kind: Kind, model: str | None) -> int | None:
    """The limit for one model, or for all of them together."""
    if model is None:
        limit: int | None = getattr(allowance, f"{kind}_limit")
        return limit
    by_model: dict[str, int] = getattr(allowance, f"model_{kind}_limit")
    return by_model.get(model)
