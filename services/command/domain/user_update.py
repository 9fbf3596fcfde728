"""Updating a user: work out the resulting settings, judge them, record the differences."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from events import user as facts
from events.registry import DomainEvent
from events.user import UserSettings
from events.values import JsonObject, Value
from services.command.domain.limits import alike
from services.command.domain.user import User, check_settings

LIMITS_IN_METADATA = (
    "model_rpm_limit",
    "model_tpm_limit",
    "guardrails",
    "policies",
    "prompts",
)
"""What stands in the metadata of a user though it limits him."""


def revised(settings: UserSettings, changes: Mapping[str, Any]) -> UserSettings:
    """The settings that `changes`, values by attribute, lead to (supporting-api.md 3.4).

    `limits` may be given in part. `metadata` is a pair: what takes the place of all of it or None,
    and single keys to set. `extra` holds single fields.
    """
    update = dict(changes)
    if "limits" in update:
        update["limits"] = settings.limits.model_copy(update=update["limits"])
    if "metadata" in update:
        replacement, single = update["metadata"]
        held = settings.metadata if replacement is None else replacement
        update["metadata"] = {**held, **single}
    if "extra" in update:
        update["extra"] = {**settings.extra, **update["extra"]}
    return settings.model_copy(update=update)


def update(user: User, after: UserSettings) -> list[DomainEvent]:
    """One fact for each part of the settings that differs; [] when nothing does.

    An address that differs in case only is the same. The caller knows that the user is there.
    Raises NegativeLimit (D33) or TooLarge.
    """
    check_settings(after)
    before, changed = user.settings, list[DomainEvent]()
    if before.email_claim != after.email_claim:
        changed.append(
            facts.UserEmailChanged(
                before=before.email,
                after=after.email,
                before_claim=before.email_claim,
                after_claim=after.email_claim,
            )
        )
    for fact, part in _PARTS.items():
        old, new = part(before), part(after)
        if old != new:
            changed.append(fact.model_validate({"before": old, "after": new}))
    for fact, attribute in facts.ATTRIBUTE_OF.items():
        was, now = getattr(before, attribute), getattr(after, attribute)
        if not alike(was, now):
            changed.append(fact.model_validate({"before": was, "after": now}))
    return changed


_PARTS: dict[type[DomainEvent], Callable[[UserSettings], Value]] = {
    facts.UserBudgetChanged: facts.budget_of,
    facts.UserLimitsChanged: facts.limits_of,
}


def with_limits_kept(held: JsonObject, sent: JsonObject) -> JsonObject:
    """The metadata that a user asks for, and what limits him in the one he has (A01)."""
    return {**_limits_in(held), **sent}


def beyond_himself(before: UserSettings, changed: Iterable[DomainEvent]) -> list[str]:
    """What of the changes a user cannot make to himself, by name (S03, A01)."""
    found: list[str] = []
    for event in changed:
        match event:
            case facts.UserRenamed():
                continue
            case facts.UserMetadataChanged(after=after):
                if not alike(_limits_in(before.metadata), _limits_in(after)):
                    found.append("limits in metadata")
            case _:
                found += facts.replaced(event)
    return found


def _limits_in(metadata: JsonObject) -> JsonObject:
    return {name: metadata[name] for name in LIMITS_IN_METADATA if name in metadata}
