"""The user: comes to exist by `/user/new` or by being added to a team."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from events import user as facts
from events.envelope import Envelope
from events.imported import ThingImported
from events.registry import DomainEvent
from events.user import UserSettings
from events.values import Sealed
from services.command.domain.errors import AlreadyExists, NotFound
from services.command.domain.limits import check_not_negative, check_size
from services.command.domain.pace import UNPACED, Paces

IMPLICIT_ROLE = "internal_user"
MAX_USER_BYTES = 96 * 1024
"""A change of one part is recorded with its value before and after."""

PERSONS = 1_000
"""Names of persons in one fact: 70 bytes each."""


@dataclass(frozen=True, slots=True)
class User:
    """Folded state of one user stream. `incarnation` 0 means: never created.

    `persons` are all under whose keys something of this user was ever sealed: an address that is
    given later comes with a key of its own. Forgetting the user means forgetting all of them.
    `gone_at` is the position of his last deletion: memberships and keys made up to there are void.
    `forgotten` are all persons whose keys were destroyed on his account, of whatever life.
    """

    incarnation: int = 0
    open: bool = False
    version: int = 0
    persons: frozenset[str] = frozenset()
    settings: UserSettings = field(default_factory=lambda: UserSettings(person=""))
    created_at: datetime | None = None
    updated_at: datetime | None = None
    budget_since: datetime | None = None
    gone_at: int = 0
    paces: Paces = UNPACED
    forgotten: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CreateUser:
    user_id: str
    settings: UserSettings


def create(user: User, command: CreateUser) -> list[DomainEvent]:
    """Refuses an id in use (supporting-api.md 3.1) and negative limits."""
    check_settings(command.settings)
    if user.open:
        raise AlreadyExists("user", command.user_id)
    return [facts.UserCreated(settings=command.settings)]


def check_settings(settings: UserSettings) -> None:
    """Raises NegativeLimit (D33) or TooLarge."""
    check_not_negative(
        {
            "max_budget": settings.max_budget,
            "tpm_limit": settings.limits.tpm_limit,
            "rpm_limit": settings.limits.rpm_limit,
            "max_parallel_requests": settings.max_parallel_requests,
        }
    )
    check_size("user", settings, MAX_USER_BYTES)


def create_implicitly(person: str, email: Sealed | None, claim: str | None) -> DomainEvent:
    """The user that adding an unknown member brings about (supporting-api.md 3.6)."""
    settings = UserSettings(person=person, email=email, email_claim=claim, user_role=IMPLICIT_ROLE)
    return facts.UserCreated(settings=settings, implicit=True)


def give_email(user: User, email: Sealed, claim: str) -> DomainEvent:
    """A known user without an address gets the one he was added by (register D28)."""
    return facts.UserEmailChanged(
        before=user.settings.email,
        after=email,
        before_claim=user.settings.email_claim,
        after_claim=claim,
    )


def delete(user: User, user_id: str) -> list[DomainEvent]:
    """Refuses a user who is gone; what he was in and owned is void by rule, its facts follow."""
    if not user.open:
        raise NotFound("user", user_id)
    return [facts.UserDeleted(settings=user.settings)]


def forget(persons: Collection[str]) -> list[DomainEvent]:
    """That these persons are forgotten, however many they are."""
    listed = sorted(persons)
    portions = (listed[start : start + PERSONS] for start in range(0, len(listed), PERSONS))
    return [facts.UserForgotten(persons=portion) for portion in portions]


def evolve(user: User, envelope: Envelope) -> User:
    """The state after one more fact."""
    event, at = envelope.event, envelope.recorded_at
    version = envelope.originator_version
    match event:
        case facts.UserCreated(settings=settings):
            return User(
                version,
                open=True,
                version=version,
                persons=user.persons | {settings.person},
                settings=settings,
                created_at=at,
                updated_at=at,
                budget_since=at,
                gone_at=user.gone_at,
                forgotten=user.forgotten,
            )
        case ThingImported(created_at=created, updated_at=updated):
            return replace(
                user,
                version=version,
                created_at=created or user.created_at,
                updated_at=updated or created or user.updated_at,
            )
        case facts.UserEmailChanged(after=sealed) | facts.UserRenamed(after=sealed) if (
            sealed is not None
        ):
            user = replace(user, persons=user.persons | {sealed.person})
        case facts.UserBudgetChanged(before=before, after=after):
            moved = before.budget_duration != after.budget_duration
            user = replace(user, budget_since=at if moved else user.budget_since)
        case facts.UserDeleted():
            return replace(user, open=False, version=version, gone_at=envelope.position)
        case facts.UserForgotten(persons=persons):
            return replace(user, version=version, forgotten=user.forgotten | set(persons))
    changed = facts.replaced(event)
    if not changed:
        return replace(user, version=version)
    settings = user.settings.model_copy(update=changed)
    return replace(user, settings=settings, version=version, updated_at=at)
