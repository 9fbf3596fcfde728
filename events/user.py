"""Facts about a user, stream `user-{user_id}`: the only place where e-mail addresses live."""

from typing import Any, ClassVar

from events.registry import DomainEvent, fact
from events.values import JsonObject, Money, RateLimits, Sealed, Value


class UserSettings(Value):
    """Everything a user is. `person` names the key under which personal data is sealed."""

    person: str
    email: Sealed | None = None
    email_claim: str | None = None
    user_alias: Sealed | None = None
    user_role: str | None = None
    max_budget: Money | None = None
    budget_duration: str | None = None
    limits: RateLimits = RateLimits()
    max_parallel_requests: int | None = None
    models: list[str] = []
    metadata: JsonObject = {}
    extra: JsonObject = {}


@fact("user.created")
class UserCreated(DomainEvent):
    """`implicit` tells a user that came to exist by being added to a team."""

    begins_life: ClassVar[bool] = True

    settings: UserSettings
    implicit: bool = False


@fact("user.email_changed")
class UserEmailChanged(DomainEvent):
    before: Sealed | None
    after: Sealed | None
    before_claim: str | None
    after_claim: str | None


class UserBudget(Value):
    """What a user may spend with keys of his own: USD per window of `budget_duration`."""

    max_budget: Money | None = None
    budget_duration: str | None = None


class UserLimits(Value):
    """Tokens and requests per minute, and requests at the same time."""

    tpm_limit: int | None = None
    rpm_limit: int | None = None
    max_parallel_requests: int | None = None


@fact("user.renamed")
class UserRenamed(DomainEvent):
    before: Sealed | None
    after: Sealed | None


@fact("user.role_changed")
class UserRoleChanged(DomainEvent):
    before: str | None
    after: str | None


@fact("user.budget_changed")
class UserBudgetChanged(DomainEvent):
    before: UserBudget
    after: UserBudget


@fact("user.limits_changed")
class UserLimitsChanged(DomainEvent):
    before: UserLimits
    after: UserLimits


@fact("user.models_changed")
class UserModelsChanged(DomainEvent):
    before: list[str]
    after: list[str]


@fact("user.metadata_changed")
class UserMetadataChanged(DomainEvent):
    before: JsonObject
    after: JsonObject


@fact("user.details_changed")
class UserDetailsChanged(DomainEvent):
    """What stands in `extra`."""

    before: JsonObject
    after: JsonObject


@fact("user.deleted")
class UserDeleted(DomainEvent):
    """Every membership and key of this life of the user is void from here on."""

    settings: UserSettings


@fact("user.forgotten")
class UserForgotten(DomainEvent):
    """The keys of these persons are destroyed with this fact, as far as they were made before it.

    What is sealed for them can be read by nobody from here on: personal data of all lives of the
    user, and what callers claimed or were seen under his id and addresses.
    """

    persons: list[str]


ATTRIBUTE_OF: dict[type[DomainEvent], str] = {
    UserRenamed: "user_alias",
    UserRoleChanged: "user_role",
    UserModelsChanged: "models",
    UserMetadataChanged: "metadata",
    UserDetailsChanged: "extra",
}
"""The UserSettings attribute that a fact with `before` and `after` replaces whole."""


def budget_of(settings: UserSettings) -> UserBudget:
    """The part of the settings that UserBudgetChanged replaces."""
    return UserBudget(max_budget=settings.max_budget, budget_duration=settings.budget_duration)


def limits_of(settings: UserSettings) -> UserLimits:
    """The part of the settings that UserLimitsChanged replaces."""
    limits, parallel = settings.limits, settings.max_parallel_requests
    return UserLimits(**limits.model_dump(), max_parallel_requests=parallel)


def replaced(event: DomainEvent) -> dict[str, Any]:
    """What a fact about a user makes of his settings: new values by attribute of UserSettings."""
    match event:
        case UserEmailChanged(after=after, after_claim=claim):
            return {"email": after, "email_claim": claim}
        case UserBudgetChanged(after=after):
            return {"max_budget": after.max_budget, "budget_duration": after.budget_duration}
        case UserLimitsChanged(after=after):
            limits = RateLimits(tpm_limit=after.tpm_limit, rpm_limit=after.rpm_limit)
            return {"limits": limits, "max_parallel_requests": after.max_parallel_requests}
    attribute = ATTRIBUTE_OF.get(type(event))
    return {} if attribute is None else {attribute: getattr(event, "after", None)}
