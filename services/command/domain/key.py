"""The virtual key. Its stream is named by the sha256 of the secret, which is never stored."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from events import key as facts
from events.envelope import Envelope
from events.imported import ThingImported
from events.key import Cause, KeySettings
from events.registry import DomainEvent
from services.command.domain.errors import AlreadyExists, NotFound
from services.command.domain.gateway import check_gateway
from services.command.domain.limits import check_not_negative, check_size
from services.command.domain.pace import UNPACED, Paces

MAX_KEY_BYTES = 96 * 1024
"""A change of one part is recorded with its value before and after."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Under which hash a key goes on, and until when the old secret stands for it."""

    successor: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Folded state of one key stream. A key that was deleted or rotated is never open again.

    A successor has the times of the key it carries on; `rotations` counts how often that got a new
    secret, `before` is the hash that it had. `rotation` is set once this one was rotated itself.

    `owned_at` is the position since which it is its owner's and its team's: a user or a team that
    was deleted since takes its keys along. `cause` tells with what a deleted key went.
    """

    incarnation: int = 0
    open: bool = False
    version: int = 0
    settings: KeySettings = field(default_factory=lambda: KeySettings(key_name=""))
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    budget_since: datetime | None = None
    owned_at: int = 0
    rotations: int = 0
    rotated_at: datetime | None = None
    rotation: Rotation | None = None
    before: str | None = None
    paces: Paces = UNPACED
    cause: Cause | None = None


def generate(key: ApiKey, settings: KeySettings) -> list[DomainEvent]:
    """Refuses a secret that was ever used before (S06) and negative limits (2.2)."""
    check_settings(settings)
    check_gateway(None, settings)
    if key.incarnation:
        raise AlreadyExists("key", settings.key_name)
    return [facts.KeyGenerated(settings=settings)]


def check_settings(settings: KeySettings) -> None:
    """Raises NegativeLimit (D33) or TooLarge."""
    check_not_negative(
        {
            "max_budget": settings.max_budget,
            "soft_budget": settings.soft_budget,
            "tpm_limit": settings.limits.tpm_limit,
            "rpm_limit": settings.limits.rpm_limit,
            "max_parallel_requests": settings.max_parallel_requests,
        }
    )
    check_size("key", settings, MAX_KEY_BYTES)


def delete(key: ApiKey, token: str, cause: Cause = "key") -> list[DomainEvent]:
    """Refuses a key that is gone."""
    if not key.open:
        raise NotFound("key", token)
    return [facts.KeyDeleted(settings=key.settings, cause=cause)]


def restore(settings: KeySettings) -> list[DomainEvent]:
    """A key that went with its team works again, whether or not its own end is recorded already.

    Which keys come back, and under which settings, is decided where their owners are known.
    """
    return [facts.KeyRestored(settings=settings)]


def set_blocked(key: ApiKey, *, blocked: bool) -> list[DomainEvent]:
    """[] when it is so already."""
    if bool(key.settings.blocked) == blocked:
        return []
    return [facts.KeyBlocked() if blocked else facts.KeyUnblocked()]


def evolve(key: ApiKey, envelope: Envelope) -> ApiKey:
    """The state after one more fact."""
    event, at, actor = envelope.event, envelope.recorded_at, envelope.meta.actor
    version = envelope.originator_version
    if isinstance(event, facts.KeyGenerated):
        return _begun(envelope, event)
    if isinstance(event, ThingImported):
        return replace(
            key,
            version=version,
            created_at=event.created_at or key.created_at,
            created_by=event.created_by,
            updated_at=event.updated_at or event.created_at or key.updated_at,
            updated_by=event.updated_by,
        )
    key = replace(key, version=version, updated_at=at, updated_by=actor)
    match event:
        case facts.KeyDeleted(cause=cause):
            return replace(key, open=False, cause=cause)
        case facts.KeyRestored(settings=settings):
            key = replace(key, open=True, cause=None, settings=settings)
            return replace(key, owned_at=envelope.position)
        case facts.KeyRotated(successor=successor, until=until):
            return replace(key, open=False, rotation=Rotation(successor, until))
        case facts.KeyMoved():
            key = replace(key, owned_at=envelope.position)
        case facts.KeyBudgetChanged(before=before, after=after):
            moved = before.budget_duration != after.budget_duration
            key = replace(key, budget_since=at if moved else key.budget_since)
    changed = facts.replaced(event)
    return replace(key, settings=key.settings.model_copy(update=changed)) if changed else key


def _begun(envelope: Envelope, event: facts.KeyGenerated) -> ApiKey:
    at, actor, before = envelope.recorded_at, envelope.meta.actor, event.succeeds
    begun = ApiKey(
        incarnation=envelope.originator_version,
        open=True,
        version=envelope.originator_version,
        settings=event.settings,
        created_at=at,
        created_by=actor,
        updated_at=at,
        updated_by=actor,
        budget_since=at,
        owned_at=envelope.position,
    )
    if before is None:
        return begun
    return replace(
        begun,
        created_at=before.created_at,
        created_by=before.created_by,
        budget_since=before.budget_since,
        rotations=before.rotations,
        rotated_at=at,
        before=before.token,
    )
