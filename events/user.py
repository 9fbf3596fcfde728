"""Facts about a user, stream `user-{user_id}`: the only place where e-mail addresses live."""

from typing import ClassVar

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
