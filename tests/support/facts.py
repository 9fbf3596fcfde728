"""Facts and values as specifications name them: only what matters is said."""

from decimal import Decimal

from events.budget import BudgetCreated, BudgetSettings
from events.key import KeyGenerated, KeySettings
from events.organization import (
    OrganizationCreated,
    OrganizationMemberAdded,
    OrganizationRole,
    OrganizationSettings,
)
from events.team import MemberAdded, TeamCreated, TeamRole, TeamSettings
from events.user import UserCreated, UserSettings
from events.values import MemberLimits, Sealed, TeamBudget

SEALED = Sealed(person="p-ann", box="Ym94")


def usd(amount: str | int) -> Decimal:
    return Decimal(amount)


def settings(**values: object) -> TeamSettings:
    return TeamSettings.model_validate(values)


def created(**values: object) -> TeamCreated:
    return TeamCreated(settings=settings(**values))


def budget(
    maximum: str | int | None = None, soft: str | int | None = None, duration: str | None = None
) -> TeamBudget:
    return TeamBudget(
        max_budget=None if maximum is None else usd(maximum),
        soft_budget=None if soft is None else usd(soft),
        budget_duration=duration,
    )


def limits(budget_id: str = "own", **values: object) -> MemberLimits:
    return MemberLimits.model_validate({"budget_id": budget_id, **values})


def joined(user_id: str, role: TeamRole = "user", own: MemberLimits | None = None) -> MemberAdded:
    return MemberAdded(user_id=user_id, role=role, limits=own)


def user_settings(**values: object) -> UserSettings:
    return UserSettings.model_validate({"person": "p-ann", **values})


def user_created(**values: object) -> UserCreated:
    return UserCreated(settings=user_settings(**values))


def key_settings(**values: object) -> KeySettings:
    return KeySettings.model_validate({"key_name": "sk-...abcd", **values})


def generated(**values: object) -> KeyGenerated:
    return KeyGenerated(settings=key_settings(**values))


def organization_settings(**values: object) -> OrganizationSettings:
    held = {"organization_alias": "Org", "budget_id": "b", **values}
    return OrganizationSettings.model_validate(held)


def organization_created(**values: object) -> OrganizationCreated:
    return OrganizationCreated(settings=organization_settings(**values))


def entered(
    user_id: str, role: OrganizationRole = "internal_user", own: MemberLimits | None = None
) -> OrganizationMemberAdded:
    return OrganizationMemberAdded(user_id=user_id, role=role, limits=own)


def budget_settings(**values: object) -> BudgetSettings:
    return BudgetSettings.model_validate(values)


def budget_created(**values: object) -> BudgetCreated:
    return BudgetCreated(settings=budget_settings(**values))
