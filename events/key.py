"""Facts about a virtual key, stream `key-{sha256 of the key}`: the secret is never stored."""

from typing import ClassVar, Literal

from events.registry import DomainEvent, fact
from events.values import JsonObject, Moment, Money, RateLimits, Value


class KeySettings(Value):
    """Everything a key is.

    `team_incarnation` ties it to one life of its team, `member_since` (the version of the fact
    that added its owner) to one membership; None for keys of nobody or of a non-member.
    """

    key_name: str
    key_alias: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    team_incarnation: int | None = None
    member_since: int | None = None
    organization_id: str | None = None
    expires: Moment | None = None
    blocked: bool | None = None
    models: list[str] = []
    allowed_routes: list[str] = []
    max_budget: Money | None = None
    soft_budget: Money | None = None
    budget_duration: str | None = None
    limits: RateLimits = RateLimits()
    max_parallel_requests: int | None = None
    metadata: JsonObject = {}
    extra: JsonObject = {}


@fact("key.generated")
class KeyGenerated(DomainEvent):
    begins_life: ClassVar[bool] = True

    settings: KeySettings


@fact("key.blocked")
class KeyBlocked(DomainEvent):
    pass


@fact("key.unblocked")
class KeyUnblocked(DomainEvent):
    pass


@fact("key.deleted")
class KeyDeleted(DomainEvent):
    """`cause`: asked for by itself, or gone with a member or a team."""

    settings: KeySettings
    cause: Literal["key", "member", "team"] = "key"
