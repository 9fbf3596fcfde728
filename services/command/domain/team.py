"""The team: who is in it, which models it may use, what it may spend.

`decide` functions hold the rules and return facts or raise a DomainError; `evolve` only folds.
Both are pure. A team's members are part of its state; what it has spent is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from events import team as facts
from events.envelope import Envelope
from events.imported import ThingImported
from events.registry import DomainEvent
from events.team import TeamRole, TeamSettings
from events.values import MemberLimits
from services.command.domain.callbacks import unmasked
from services.command.domain.errors import (
    AlreadyExists,
    AlreadyMember,
    NotAMember,
    NotFound,
)
from services.command.domain.limits import check_budget_order, check_not_negative, check_size
from services.command.domain.pace import UNPACED, Paces
from services.command.domain.roster import Membership, Roster


@dataclass(frozen=True, slots=True)
class Team:
    """Folded state of one team stream. `incarnation` 0 means: never created.

    `organization_at` is the position of the fact that put the team into its organization: one that
    was deleted since takes the team with it. `gone_at` is that of its last deletion in this life:
    keys that were its own up to there are void. Those up to `lapsed_at` do not come back with it;
    `restored_at` is when it came back last.
    """

    incarnation: int = 0
    open: bool = False
    version: int = 0
    settings: TeamSettings = field(default_factory=TeamSettings)
    roster: Roster = field(default_factory=Roster)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    budget_since: datetime | None = None
    model_table_id: int | None = None
    model_aliases_by: str | None = None
    organization_at: int = 0
    paces: Paces = UNPACED
    gone_at: int = 0
    lapsed_at: int = 0
    restored_at: int = 0


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody to add, resolved to a user id; `limits` are his own, if any."""

    user_id: str
    role: TeamRole
    limits: MemberLimits | None = None


@dataclass(frozen=True, slots=True)
class CreateTeam:
    team_id: str
    settings: TeamSettings
    members: Sequence[NewMember]


@dataclass(frozen=True, slots=True)
class UpdateTeam:
    """`changes` are new values of TeamSettings attributes; what is absent stays as it is.

    `budget`, `limits` and `member_defaults` may be given in part, as mappings of their fields;
    a field given as None is cleared (team-api.md 3.2, register D11, D31, D38). `metadata` is a
    pair: the client's keys to put in place of his earlier ones or None, and single keys to set
    (None removes a key).
    """

    team_id: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AddMembers:
    """`single` tells the form of the refusal when everybody is there already (3.9)."""

    members: Sequence[NewMember]


@dataclass(frozen=True, slots=True)
class UpdateMember:
    """`limits` holds only the limits that were sent; None clears one (D13, D14)."""

    user_id: str
    role: TeamRole | None
    limits: Mapping[str, Any]
    budget_id: str


@dataclass(frozen=True, slots=True)
class RemoveMember:
    user_id: str


def create(team: Team, command: CreateTeam) -> list[DomainEvent]:
    """Refuses an id in use, negative limits and a soft budget at or above the budget (3.1)."""
    settings = command.settings
    defaults = settings.member_defaults
    check_not_negative(
        {
            "max_budget": settings.budget.max_budget,
            "team_member_budget": defaults.max_budget if defaults else None,
            "soft_budget": settings.budget.soft_budget,
        }
    )
    check_budget_order(settings.budget, blamed=("soft_budget",))
    check_not_negative(
        {
            "tpm_limit": settings.limits.tpm_limit,
            "rpm_limit": settings.limits.rpm_limit,
            "team_member_tpm_limit": defaults.tpm_limit if defaults else None,
            "team_member_rpm_limit": defaults.rpm_limit if defaults else None,
        }
    )
    settings = settings.model_copy(update={"callbacks": unmasked([], settings.callbacks)})
    check_size("team", settings)
    if team.open:
        raise AlreadyExists("team", command.team_id)
    return [facts.TeamCreated(settings=settings), *_additions(command.members, Roster())]


def add_members(team: Team, command: AddMembers) -> list[DomainEvent]:
    """Adds those who are not in the team yet; refuses when that is nobody (3.9, D27)."""
    for member in command.members:
        check_member_limits(member.limits)
    added = _additions(command.members, team.roster)
    if not added:
        raise AlreadyMember([member.user_id for member in command.members])
    return added


def update_member(team: Team, command: UpdateMember) -> list[DomainEvent]:
    """Changes only what was sent; a user outside the team is refused (3.11, D13-D15)."""
    member = team.roster.get(command.user_id)
    if member is None:
        raise NotAMember(command.user_id)
    limits = _changed_limits(team, member.limits, command)
    check_member_limits(limits)
    changes: list[DomainEvent] = []
    if limits != member.limits:
        changes.append(
            facts.MemberBudgetChanged(user_id=command.user_id, before=member.limits, after=limits)
        )
    if command.role is not None and command.role != member.role:
        changes.append(
            facts.MemberRoleChanged(user_id=command.user_id, before=member.role, after=command.role)
        )
    return changes


def remove_member(team: Team, command: RemoveMember) -> list[DomainEvent]:
    """The last admin may be removed (3.12)."""
    member = team.roster.get(command.user_id)
    if member is None:
        raise NotAMember(command.user_id)
    return [facts.MemberRemoved(user_id=command.user_id, role=member.role, limits=member.limits)]


def delete(team: Team, team_id: str) -> list[DomainEvent]:
    """Refuses a team that is gone (3.3)."""
    if not team.open:
        raise NotFound("team", team_id)
    return [facts.TeamDeleted(settings=team.settings, members_total=len(team.roster))]


def set_blocked(team: Team, *, blocked: bool) -> list[DomainEvent]:
    """[] when it is so already (3.13)."""
    if team.settings.blocked == blocked:
        return []
    return [facts.TeamBlocked() if blocked else facts.TeamUnblocked()]


def check_member_limits(limits: MemberLimits | None) -> None:
    """Raise NegativeLimit for a limit below zero (D33)."""
    if limits is not None:
        check_not_negative(
            {
                "max_budget_in_team": limits.max_budget,
                "tpm_limit": limits.tpm_limit,
                "rpm_limit": limits.rpm_limit,
            }
        )


def _additions(members: Sequence[NewMember], roster: Roster) -> list[DomainEvent]:
    fresh: dict[str, NewMember] = {}
    for member in members:
        if member.user_id not in roster:
            fresh.setdefault(member.user_id, member)
    return [
        facts.MemberAdded(user_id=m.user_id, role=m.role, limits=m.limits) for m in fresh.values()
    ]


def _changed_limits(
    team: Team, own: MemberLimits | None, command: UpdateMember
) -> MemberLimits | None:
    """A member under the team's defaults gets limits of his own, starting from those (D14)."""
    if not command.limits:
        return own
    shared = team.settings.member_defaults or MemberLimits(budget_id="")
    base = own or shared.model_copy(update={"budget_id": command.budget_id})
    changed = base.model_copy(update=dict(command.limits))
    empty = (changed.max_budget, changed.tpm_limit, changed.rpm_limit) == (None, None, None)
    return None if empty else changed


def evolve(team: Team, envelope: Envelope) -> Team:
    """The state after one more fact; may never refuse what has happened."""
    event, at = envelope.event, envelope.recorded_at
    match event:
        case facts.TeamCreated(settings=settings):
            return Team(
                incarnation=envelope.originator_version,
                open=True,
                version=envelope.originator_version,
                settings=settings,
                created_at=at,
                updated_at=at,
                budget_since=at,
                model_table_id=envelope.position if settings.model_aliases is not None else None,
                model_aliases_by=envelope.meta.actor,
                organization_at=envelope.position,
            )
        case facts.MemberAdded(user_id=user_id, role=role, limits=limits):
            member = Membership(envelope.originator_version, role, limits, envelope.position)
            roster = team.roster.insert(user_id, member)
        case facts.MemberRemoved(user_id=user_id):
            roster = team.roster.discard(user_id)
        case facts.MemberRoleChanged(user_id=user_id, after=role):
            roster = team.roster.insert(user_id, replace(team.roster[user_id], role=role))
        case facts.MemberBudgetChanged(user_id=user_id, after=limits):
            roster = team.roster.insert(user_id, replace(team.roster[user_id], limits=limits))
        case ThingImported(deleted_at=None, created_at=created, updated_at=updated):
            return replace(
                team,
                version=envelope.originator_version,
                created_at=created or team.created_at,
                updated_at=updated or created or team.updated_at,
            )
        case facts.MembersRestored(members=back):
            roster = team.roster.reached([member.user_id for member in back], envelope.position)
        case facts.TeamDeleted() | facts.TeamRestored():
            return _ended_or_restored(team, envelope)
        case _:
            return _with_settings(team, envelope)
    return replace(team, roster=roster, version=envelope.originator_version, updated_at=at)


def _ended_or_restored(team: Team, envelope: Envelope) -> Team:
    event, position = envelope.event, envelope.position
    team = replace(team, version=envelope.originator_version, updated_at=envelope.recorded_at)
    if not isinstance(event, facts.TeamRestored):
        return replace(team, open=False, gone_at=position)
    lapsed_at = team.lapsed_at if event.keys else team.gone_at
    team = replace(team, open=True, settings=event.settings, lapsed_at=lapsed_at)
    return replace(team, organization_at=position, restored_at=position)


def _with_settings(team: Team, envelope: Envelope) -> Team:
    event, at = envelope.event, envelope.recorded_at
    settings = team.settings
    team = replace(team, version=envelope.originator_version, updated_at=at)
    match event:
        case facts.TeamBudgetChanged(before=before, after=after):
            moved = before.budget_duration != after.budget_duration
            team = replace(team, budget_since=at if moved else team.budget_since)
            return replace(team, settings=settings.model_copy(update={"budget": after}))
        case facts.TeamMetadataChanged(before=before, after=after):
            kept = {k: v for k, v in settings.metadata.items() if k not in before}
            return replace(
                team, settings=settings.model_copy(update={"metadata": {**kept, **after}})
            )
        case facts.TeamModelAliasesChanged(after=after):
            team = replace(
                team,
                model_table_id=(team.model_table_id or envelope.position)
                if after is not None
                else None,
                model_aliases_by=envelope.meta.actor,
            )
            return replace(team, settings=settings.model_copy(update={"model_aliases": after}))
        case facts.TeamMovedToOrganization():
            team = replace(team, organization_at=envelope.position)
        case facts.TeamBlocked() | facts.TeamUnblocked():
            blocked = isinstance(event, facts.TeamBlocked)
            return replace(team, settings=settings.model_copy(update={"blocked": blocked}))
    attribute = facts.ATTRIBUTE_OF.get(type(event))
    if attribute is None:
        return team
    changed = {attribute: getattr(event, "after", None)}
    return replace(team, settings=settings.model_copy(update=changed))
