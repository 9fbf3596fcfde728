"""Giving a key a new secret (supporting-api.md 2.8): its stream ends, and another carries it on.

A key is named by the hash of its secret, so a new secret is a new stream. Decision record 008.
"""

from datetime import datetime

from events.key import KeyGenerated, KeyRotated, KeySettings, Succession
from events.registry import DomainEvent
from services.command.domain.errors import AlreadyExists, NotFound
from services.command.domain.gateway import check_gateway
from services.command.domain.key import ApiKey, check_settings


def rotate(key: ApiKey, token: str, successor: str, until: datetime | None) -> list[DomainEvent]:
    """The end of the secret with the hash `token`; refuses a key that is gone."""
    if not key.open:
        raise NotFound("key", token)
    return [KeyRotated(settings=key.settings, successor=successor, until=until)]


def carry_on(
    successor: ApiKey, key: ApiKey, token: str, settings: KeySettings, now: datetime
) -> list[DomainEvent]:
    """The key under its new secret, with these settings; refuses one that was ever used (S06).

    Another budget duration starts the window anew, as an update does (D38).
    """
    check_settings(settings)
    check_gateway(key.settings, settings)
    if successor.incarnation:
        raise AlreadyExists("key", settings.key_name)
    kept = key.settings.budget_duration == settings.budget_duration
    since = key.budget_since if kept else now
    succession = Succession(
        token=token,
        created_at=key.created_at or now,
        created_by=key.created_by,
        budget_since=since or now,
        rotations=key.rotations + 1,
    )
    return [KeyGenerated(settings=settings, succeeds=succession)]
