"""The organization: who is in it, which models its teams may use, what it has handed out.

What it may spend is its budget's; `services.command.domain.within` compares teams with both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from rpds import HashTrieMap

from events import organization as facts
from events.envelope import Envelope
from events.imported import ThingImported
from events.organization import Allowance, OrganizationRole, OrganizationSettings
from events.registry import DomainEvent
from events.values import MemberLimits
from services.command.domain.errors import AlreadyExists, AlreadyMember, NotAMember, NotFound
from services.command.domain.limits import alike, check_not_negative, check_size
from services.command.domain.pace import UNPACED, Paces


@dataclass(frozen=True, slots=True)
class OrganizationMember:
    """One member; `joined` is the version of the fact that added him and orders the list.

    `at` is the position of that fact: a user who was deleted since is no member any more.
    """

    joined: int
    role: OrganizationRole
    limits: MemberLimits | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    at: int = 0


if TYPE_CHECKING:
    Members: TypeAlias = HashTrieMap[str, OrganizationMember]
    Allowances: TypeAlias = HashTrieMap[str, Allowance]
else:
    Members = Allowances = HashTrieMap  # the class takes no parameters when it runs


@dataclass(frozen=True, slots=True)
class Organization:
    """Folded state of one organization stream.

    `gone_at` is the position of its last deletion: what came into it up to there is void.
    """

    incarnation: int = 0
    open: bool = False
    version: int = 0
    settings: OrganizationSettings = field(
        default_factory=lambda: OrganizationSettings(organization_alias="", budget_id="")
    )
    members: Members = field(default_factory=HashTrieMap)
    allowances: Allowances = field(default_factory=HashTrieMap)
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    gone_at: int = 0
    paces: Paces = UNPACED


def create(
    organization: Organization, organization_id: str, settings: OrganizationSettings
) -> list[DomainEvent]:
    """Refuses an id in use (supporting-api.md 4, S19)."""
    check_size("organization", settings)
    if organization.open:
        raise AlreadyExists("organization", organization_id)
    return [facts.OrganizationCreated(settings=settings)]


def update(
    organization: Organization, organization_id: str, changes: Mapping[str, Any]
) -> list[DomainEvent]:
    """`changes` are new values by attribute; `metadata` is merged into what is there, deeply."""
    if not organization.open:
        raise NotFound("organization", organization_id)
    before = organization.settings
    wanted = dict(changes)
    if "metadata" in wanted:
        wanted["metadata"] = _deeply(before.metadata, wanted["metadata"])
    after = before.model_copy(update=wanted)
    check_size("organization", after)
    return _differences(before, after)


def _differences(before: OrganizationSettings, after: OrganizationSettings) -> list[DomainEvent]:
    changed: list[DomainEvent] = []
    for fact, attribute in facts.ATTRIBUTE_OF.items():
        old, new = getattr(before, attribute), getattr(after, attribute)
        if old != new:
            changed.append(fact.model_validate({"before": old, "after": new}))
    was, now = before.metadata, after.metadata
    touched = [k for k in {**was, **now} if not alike(was.get(k, ...), now.get(k, ...))]
    if touched:
        changed.append(
            facts.OrganizationMetadataChanged(
                before={k: was[k] for k in touched if k in was},
                after={k: now[k] for k in touched if k in now},
            )
        )
    return changed


def _deeply(held: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(held)
    for name, value in sent.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _deeply(old, value)
        else:
            merged[name] = value
    return merged


def delete(organization: Organization, organization_id: str) -> list[DomainEvent]:
    """Refuses an organization that is gone; its teams are void by rule, their facts follow."""
    if not organization.open:
        raise NotFound("organization", organization_id)
    return [facts.OrganizationDeleted(settings=organization.settings)]


@dataclass(frozen=True, slots=True)
class NewOrganizationMember:
    """Somebody to add, resolved to a user id."""

    user_id: str
    role: OrganizationRole
    limits: MemberLimits | None = None


def add_members(
    organization: Organization, members: Iterable[NewOrganizationMember]
) -> list[DomainEvent]:
    """Refuses when all are in it already (S13)."""
    fresh: dict[str, NewOrganizationMember] = {}
    asked: list[str] = []
    for member in members:
        _check_limits(member.limits)
        asked.append(member.user_id)
        if member.user_id not in organization.members:
            fresh.setdefault(member.user_id, member)
    if not fresh:
        raise AlreadyMember(asked)
    return [
        facts.OrganizationMemberAdded(user_id=m.user_id, role=m.role, limits=m.limits)
        for m in fresh.values()
    ]


def update_member(
    organization: Organization,
    user_id: str,
    role: OrganizationRole | None,
    limits: Mapping[str, Any],
    budget_id: str,
) -> list[DomainEvent]:
    """Changes only what was sent; `limits` holds fields of MemberLimits, None clears one."""
    member = organization.members.get(user_id)
    if member is None:
        raise NotAMember(user_id)
    wanted = _wanted(member.limits, limits, budget_id)
    _check_limits(wanted)
    changes: list[DomainEvent] = []
    if wanted != member.limits:
        changes.append(
            facts.OrganizationMemberBudgetChanged(
                user_id=user_id, before=member.limits, after=wanted
            )
        )
    if role is not None and role != member.role:
        changes.append(
            facts.OrganizationMemberRoleChanged(user_id=user_id, before=member.role, after=role)
        )
    return changes


def _wanted(
    own: MemberLimits | None, limits: Mapping[str, Any], budget_id: str
) -> MemberLimits | None:
    """Nothing to limit is no budget at all."""
    if not limits:
        return own
    changed = (own or MemberLimits(budget_id=budget_id)).model_copy(update=dict(limits))
    empty = (changed.max_budget, changed.tpm_limit, changed.rpm_limit) == (None, None, None)
    return None if empty else changed


def remove_member(organization: Organization, user_id: str) -> list[DomainEvent]:
    """Refuses somebody who is not in it."""
    member = organization.members.get(user_id)
    if member is None:
        raise NotAMember(user_id)
    return [
        facts.OrganizationMemberRemoved(user_id=user_id, role=member.role, limits=member.limits)
    ]


def _check_limits(limits: MemberLimits | None) -> None:
    if limits is not None:
        check_not_negative({"max_budget_in_organization": limits.max_budget})


def evolve(organization: Organization, envelope: Envelope) -> Organization:
    """The state after one more fact; may never refuse what has happened."""
    event, at, actor = envelope.event, envelope.recorded_at, envelope.meta.actor
    version = envelope.originator_version
    if isinstance(event, facts.OrganizationCreated):
        return Organization(
            incarnation=version,
            open=True,
            version=version,
            settings=event.settings,
            created_at=at,
            created_by=actor,
            updated_at=at,
            updated_by=actor,
            gone_at=organization.gone_at,
        )
    if isinstance(event, facts.OrganizationDeleted):
        return replace(organization, open=False, version=version, gone_at=envelope.position)
    if isinstance(event, facts.OrganizationAllowanceChanged):
        return replace(organization, version=version, allowances=_allowed(organization, event))
    if isinstance(event, ThingImported):
        return replace(
            organization,
            version=version,
            created_at=event.created_at or organization.created_at,
            created_by=event.created_by,
            updated_at=event.updated_at or event.created_at or organization.updated_at,
            updated_by=event.updated_by,
        )
    members = _members(organization.members, envelope)
    return replace(
        organization,
        version=version,
        members=members,
        settings=_settings(organization.settings, event),
        updated_at=at,
        updated_by=actor,
    )


def _allowed(organization: Organization, event: facts.OrganizationAllowanceChanged) -> Allowances:
    if event.after is None:
        return organization.allowances.discard(event.team_id)
    return organization.allowances.insert(event.team_id, event.after)


def _members(members: Members, envelope: Envelope) -> Members:
    at = envelope.recorded_at
    match envelope.event:
        case facts.OrganizationMemberAdded(user_id=user_id, role=role, limits=limits):
            version, position = envelope.originator_version, envelope.position
            joined = OrganizationMember(version, role, limits, at, at, position)
            return members.insert(user_id, joined)
        case facts.OrganizationMemberRoleChanged(user_id=user_id, after=role):
            changed = replace(members[user_id], role=role, updated_at=at)
            return members.insert(user_id, changed)
        case facts.OrganizationMemberBudgetChanged(user_id=user_id, after=limits):
            changed = replace(members[user_id], limits=limits, updated_at=at)
            return members.insert(user_id, changed)
        case facts.OrganizationMemberRemoved(user_id=user_id):
            return members.discard(user_id)
    return members


def _settings(settings: OrganizationSettings, event: DomainEvent) -> OrganizationSettings:
    if isinstance(event, facts.OrganizationMetadataChanged):
        kept = {k: v for k, v in settings.metadata.items() if k not in event.before}
        return settings.model_copy(update={"metadata": {**kept, **event.after}})
    attribute = facts.ATTRIBUTE_OF.get(type(event))
    if attribute is None:
        return settings
    return settings.model_copy(update={attribute: getattr(event, "after", None)})
