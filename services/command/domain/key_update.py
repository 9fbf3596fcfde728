"""Updating a key: work out the resulting settings, judge them, record the differences."""

from collections.abc import Callable, Mapping
from typing import Any

from events import key as facts
from events.key import KeySettings
from events.registry import DomainEvent
from events.values import JsonObject, Value
from services.command.domain.gateway import check_gateway
from services.command.domain.key import ApiKey, check_settings, set_blocked
from services.command.domain.limits import alike


def revised(settings: KeySettings, changes: Mapping[str, Any]) -> KeySettings:
    """The settings that `changes`, values by attribute, lead to (supporting-api.md 2.4).

    `limits` may be given in part. `metadata` is a pair: what takes the place of all of it or None,
    and single keys to set. `extra` holds single fields. None takes a single one away.
    """
    update = dict(changes)
    if "limits" in update:
        update["limits"] = settings.limits.model_copy(update=update["limits"])
    if "metadata" in update:
        replacement, single = update["metadata"]
        update["metadata"] = _with(replacement or {}, single)
        if replacement is None:
            update["metadata"] = _with(settings.metadata, single)
    if "extra" in update:
        update["extra"] = _with(settings.extra, update["extra"])
    return settings.model_copy(update=update)


def update(key: ApiKey, after: KeySettings) -> list[DomainEvent]:
    """One fact for each part of the settings that differs; [] when nothing does.

    The caller knows that the key is open. Raises NegativeLimit (D33), TooLarge or NotAGateway.
    """
    check_settings(after)
    check_gateway(key.settings, after)
    before, changed = key.settings, list[DomainEvent]()
    for fact, part in _PARTS.items():
        old, new = part(before), part(after)
        if old != new:
            changed.append(fact.model_validate({"before": old, "after": new}))
    for fact, attribute in facts.ATTRIBUTE_OF.items():
        was, now = getattr(before, attribute), getattr(after, attribute)
        if not alike(was, now):
            changed.append(fact.model_validate({"before": was, "after": now}))
    return [*changed, *set_blocked(key, blocked=bool(after.blocked))]


_PARTS: dict[type[DomainEvent], Callable[[KeySettings], Value]] = {
    facts.KeyMoved: facts.owner_of,
    facts.KeyBudgetChanged: facts.budget_of,
    facts.KeyLimitsChanged: facts.limits_of,
}


def _with(held: JsonObject, single: JsonObject) -> JsonObject:
    merged = {**held, **single}
    return {k: v for k, v in merged.items() if v is not None or k not in single}
