"""Updating a team: work out the resulting settings, judge them, record the differences.

One place decides what the team would become, so that every rule sees the resulting state and
not what a request happens to mention (register D06, D11, D31).
"""

from collections.abc import Mapping
from typing import Any, cast

from events import team as facts
from events.registry import DomainEvent
from events.team import TeamSettings
from events.values import JsonObject, MemberLimits, ObjectPermission
from services.command.domain.callbacks import unmasked
from services.command.domain.errors import NotFound
from services.command.domain.limits import (
    alike,
    check_budget_order,
    check_not_negative,
    check_size,
)
from services.command.domain.team import Team, UpdateTeam


def update(team: Team, command: UpdateTeam) -> list[DomainEvent]:
    """Facts for what differs; [] when the request changes nothing (team-api.md 3.2)."""
    changes = command.changes
    _check_sent(changes)
    if not team.open:
        raise NotFound("team", command.team_id)
    result = revised(team.settings, changes)
    blamed = tuple(f for f in ("soft_budget", "max_budget") if f in changes.get("budget", {}))
    if blamed:
        check_budget_order(result.budget, blamed)
    check_size("team", result)
    return differences(team.settings, result)


def revised(settings: TeamSettings, changes: Mapping[str, Any]) -> TeamSettings:
    """The settings that `changes` lead to."""
    update: dict[str, Any] = dict(changes)
    for part in ("budget", "limits"):
        if part in update:
            update[part] = getattr(settings, part).model_copy(update=dict(update[part]))
    if "member_defaults" in update:
        update["member_defaults"] = _defaults(settings, update["member_defaults"])
    if (wanted := update.get("object_permission")) is not None:
        update["object_permission"] = _merged(settings.object_permission, wanted)
    if "callbacks" in update:
        update["callbacks"] = unmasked(settings.callbacks, update["callbacks"])
    if "metadata" in update:
        update["metadata"] = _metadata(settings.metadata, *update["metadata"])
    return settings.model_copy(update=update)


def differences(before: TeamSettings, after: TeamSettings) -> list[DomainEvent]:
    """One fine fact per attribute that differs, each with its value before and after."""
    changed: list[DomainEvent] = []
    for fact, attribute in facts.ATTRIBUTE_OF.items():
        old, new = getattr(before, attribute), getattr(after, attribute)
        if not alike(old, new):
            changed.append(fact.model_validate({"before": old, "after": new}))
    changed.extend(_metadata_difference(before.metadata, after.metadata))
    if before.blocked != after.blocked:
        changed.append(facts.TeamBlocked() if after.blocked else facts.TeamUnblocked())
    return changed


def _check_sent(changes: Mapping[str, Any]) -> None:
    budget, limits = changes.get("budget", {}), changes.get("limits", {})
    defaults = changes.get("member_defaults", {})
    check_not_negative(
        {
            "max_budget": budget.get("max_budget"),
            "team_member_budget": defaults.get("max_budget"),
            "soft_budget": budget.get("soft_budget"),
            "tpm_limit": limits.get("tpm_limit"),
            "rpm_limit": limits.get("rpm_limit"),
            "team_member_tpm_limit": defaults.get("tpm_limit"),
            "team_member_rpm_limit": defaults.get("rpm_limit"),
        }
    )


def _defaults(settings: TeamSettings, sent: Mapping[str, Any]) -> MemberLimits | None:
    """`sent` carries `budget_id` for the case that the team has no member defaults yet."""
    base = settings.member_defaults or MemberLimits(budget_id=cast("str", sent["budget_id"]))
    given = {name: value for name, value in sent.items() if name != "budget_id"}
    changed = base.model_copy(update=given)
    unlimited = changed.model_copy(update={"budget_duration": None})
    return None if unlimited == MemberLimits(budget_id=base.budget_id) else changed


def _merged(current: ObjectPermission | None, wanted: ObjectPermission) -> ObjectPermission:
    """Member by member into what is there, under the id it has (3.2)."""
    if current is None:
        return wanted
    permissions = {**current.permissions, **wanted.permissions}
    return current.model_copy(update={"permissions": permissions})


def _metadata(
    current: JsonObject, replacement: JsonObject | None, single: JsonObject
) -> JsonObject:
    """Keys the product keeps in metadata (1.6) survive a replacement of the client's own (D11)."""
    if replacement is None:
        kept = dict(current)
    else:
        served = {k: v for k, v in current.items() if k in facts.SERVER_KEYS}
        kept = {**served, **replacement}
    kept.update(single)
    return {key: value for key, value in kept.items() if key not in single or value is not None}


def _metadata_difference(before: JsonObject, after: JsonObject) -> list[DomainEvent]:
    touched = [k for k in {**before, **after} if not alike(before.get(k, ...), after.get(k, ...))]
    if not touched:
        return []
    return [
        facts.TeamMetadataChanged(
            before={k: before[k] for k in touched if k in before},
            after={k: after[k] for k in touched if k in after},
        )
    ]
