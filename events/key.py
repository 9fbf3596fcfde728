"""Facts about a virtual key, stream `key-{sha256 of the key}`: the secret is never stored."""

from typing import Any, ClassVar, Literal

from events.registry import DomainEvent, Json, fact, upcast
from events.values import JsonObject, Moment, Money, RateLimits, Value

GATEWAY_ROUTES = "gateway_routes"
"""The group of routes that stands in `allowed_routes` of gateways' keys, and of no others."""


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

    @property
    def of_gateway(self) -> bool:
        """Whether the key is a gateway's: its alias is the source of what it reports."""
        return GATEWAY_ROUTES in self.allowed_routes


class Succession(Value):
    """The key that a new secret carries on: whose hash, made when and by whom, rotated how often.

    `budget_since` is when the present budget window was set; its count of rotations includes the
    one that made the successor.
    """

    token: str
    created_at: Moment
    created_by: str | None
    budget_since: Moment
    rotations: int


@fact("key.generated", version=2)
class KeyGenerated(DomainEvent):
    """`succeeds` is set for a key that came about by rotation, and carries another one on."""

    begins_life: ClassVar[bool] = True

    settings: KeySettings
    succeeds: Succession | None = None


@upcast("key.generated", since=1)
def _rotation_arrived_in_v2(data: Json) -> Json:
    return {**data, "succeeds": None}


class KeyOwner(Value):
    """Whose a key is, and which life of a team, which membership it is tied to."""

    user_id: str | None = None
    team_id: str | None = None
    team_incarnation: int | None = None
    member_since: int | None = None
    organization_id: str | None = None


class KeyBudget(Value):
    """What a key may spend: USD per window of `budget_duration` (a BudgetDuration as text)."""

    max_budget: Money | None = None
    soft_budget: Money | None = None
    budget_duration: str | None = None


class KeyLimits(Value):
    """Tokens and requests per minute, and requests at the same time."""

    tpm_limit: int | None = None
    rpm_limit: int | None = None
    max_parallel_requests: int | None = None


@fact("key.renamed")
class KeyRenamed(DomainEvent):
    before: str | None
    after: str | None


@fact("key.moved")
class KeyMoved(DomainEvent):
    before: KeyOwner
    after: KeyOwner


@fact("key.budget_changed")
class KeyBudgetChanged(DomainEvent):
    before: KeyBudget
    after: KeyBudget


@fact("key.limits_changed")
class KeyLimitsChanged(DomainEvent):
    before: KeyLimits
    after: KeyLimits


@fact("key.models_changed")
class KeyModelsChanged(DomainEvent):
    before: list[str]
    after: list[str]


@fact("key.routes_changed")
class KeyRoutesChanged(DomainEvent):
    before: list[str]
    after: list[str]


@fact("key.expiry_changed")
class KeyExpiryChanged(DomainEvent):
    before: Moment | None
    after: Moment | None


@fact("key.metadata_changed")
class KeyMetadataChanged(DomainEvent):
    before: JsonObject
    after: JsonObject


@fact("key.details_changed")
class KeyDetailsChanged(DomainEvent):
    """What stands in `extra`."""

    before: JsonObject
    after: JsonObject


@fact("key.blocked")
class KeyBlocked(DomainEvent):
    pass


@fact("key.unblocked")
class KeyUnblocked(DomainEvent):
    pass


@fact("key.rotated")
class KeyRotated(DomainEvent):
    """The end of a secret whose key goes on under another one, `successor`, by its hash.

    The secret is accepted in the successor's place until `until`; None: it is refused at once.
    """

    settings: KeySettings
    successor: str
    until: Moment | None


Cause = Literal["key", "member", "team", "user", "organization"]


@fact("key.deleted", version=3)
class KeyDeleted(DomainEvent):
    """`cause`: asked for by itself, or gone with a member, a team, its owner or organization."""

    settings: KeySettings
    cause: Cause = "key"


@fact("key.restored")
class KeyRestored(DomainEvent):
    """A key that went with its team works again, under the same secret; void it may still be.

    The settings are those it has from now on: an alias that somebody else took is not among them.
    """

    settings: KeySettings


@upcast("key.deleted", since=1)
def _owners_became_a_cause_in_v2(data: Json) -> Json:
    return data


@upcast("key.deleted", since=2)
def _organizations_became_a_cause_in_v3(data: Json) -> Json:
    return data


ATTRIBUTE_OF: dict[type[DomainEvent], str] = {
    KeyRenamed: "key_alias",
    KeyModelsChanged: "models",
    KeyRoutesChanged: "allowed_routes",
    KeyExpiryChanged: "expires",
    KeyMetadataChanged: "metadata",
    KeyDetailsChanged: "extra",
}
"""The KeySettings attribute that a fact with `before` and `after` replaces whole."""


def owner_of(settings: KeySettings) -> KeyOwner:
    """The part of the settings that KeyMoved replaces."""
    return KeyOwner(**{name: getattr(settings, name) for name in KeyOwner.model_fields})


def budget_of(settings: KeySettings) -> KeyBudget:
    """The part of the settings that KeyBudgetChanged replaces."""
    return KeyBudget(**{name: getattr(settings, name) for name in KeyBudget.model_fields})


def limits_of(settings: KeySettings) -> KeyLimits:
    """The part of the settings that KeyLimitsChanged replaces."""
    limits, parallel = settings.limits, settings.max_parallel_requests
    return KeyLimits(**limits.model_dump(), max_parallel_requests=parallel)


def replaced(event: DomainEvent) -> dict[str, Any]:
    """What a fact about a key makes of its settings: new values by attribute of KeySettings."""
    match event:
        case KeyMoved(after=after) | KeyBudgetChanged(after=after):
            return {name: getattr(after, name) for name in type(after).model_fields}
        case KeyLimitsChanged(after=after):
            limits = RateLimits(tpm_limit=after.tpm_limit, rpm_limit=after.rpm_limit)
            return {"limits": limits, "max_parallel_requests": after.max_parallel_requests}
        case KeyBlocked() | KeyUnblocked():
            return {"blocked": isinstance(event, KeyBlocked)}
    attribute = ATTRIBUTE_OF.get(type(event))
    return {} if attribute is None else {attribute: getattr(event, "after", None)}
