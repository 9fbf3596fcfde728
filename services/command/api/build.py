"""From a validated request to a command: ids are drawn and personal data is sealed here."""

import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from events.team import TeamRole, TeamSettings
from events.values import (
    Callback,
    CallbackVariable,
    JsonObject,
    MemberLimits,
    ObjectPermission,
    RateLimits,
    Sealed,
    TeamBudget,
)
from services.access.principal import MASTER_USER, Principal
from services.command.application.enrolment import Candidate, EmailClaim
from services.command.application.names import ByName
from services.command.domain.callbacks import MASK
from services.database.vault import Person, Vault
from services.edge.requests.callback import (
    BOTH,
    LOGGING,
    OPEN_VARIABLES,
    SETTINGS,
    LoggingCallback,
)
from services.edge.requests.common import ObjectPermissionRequest
from services.edge.requests.member import Member, UserReference
from services.edge.requests.team import NewTeam, TeamFields, UpdateTeam
from services.edge.shapes.secrets import masked_secret

_KEPT_ELSEWHERE = frozenset({"team_member_budget_id", LOGGING, SETTINGS})


def candidate(vault: Vault, member: Member, limits: MemberLimits | None = None) -> Candidate:
    """A member to add, with what it takes to create the user if nobody knows him."""
    person = vault.new_person()
    return Candidate(
        user_id=member.user_id,
        email=email_claim(vault, member.user_email, person),
        role=member.role,
        limits=limits,
        new_id=str(uuid.uuid4()),
        person=person.person,
        wrapped=person.wrapped,
    )


def creator(vault: Vault, principal: Principal) -> Candidate:
    """Whoever makes a team joins it as admin; the master key is a user of its own (3.1)."""
    member = Member(user_id=principal.user_id or MASTER_USER, role="admin")
    return candidate(vault, member)


def email_claim(vault: Vault, email: str | None, person: Person) -> EmailClaim | None:
    """An address sealed for the person who is to own it."""
    if email is None:
        return None
    return EmailClaim(email, vault.claim(email), person.seal(email))


def by_name(vault: Vault, who: UserReference) -> ByName:
    """Only the reservation of an address is asked for, so nothing need be sealed."""
    email = who.user_email
    if email is None or who.user_id is not None:
        return ByName(who.user_id, None)
    return ByName(None, EmailClaim(email, vault.claim(email), Sealed(person="", box="")))


def believed_roster(
    vault: Vault, members: Sequence[Member] | None
) -> list[tuple[ByName, TeamRole]] | None:
    """The roster that a client sends back with an update; None where it sends none."""
    return None if members is None else [(by_name(vault, m), m.role) for m in members]


def own_limits(max_budget: Decimal | None) -> MemberLimits | None:
    """A member's own budget in USD, under a new id; None when there is none."""
    if max_budget is None:
        return None
    return MemberLimits(budget_id=str(uuid.uuid4()), max_budget=max_budget)


async def callbacks(vault: Vault, team_id: str, sent: Sequence[LoggingCallback]) -> list[Callback]:
    """Callbacks with their secrets under a key of the team's own, shown by a mask (D23)."""
    return [
        Callback(
            callback_name=callback.callback_name,
            callback_type=callback.callback_type or BOTH,
            variables={
                name: await _variable(vault, team_id, name, value)
                for name, value in callback.callback_vars.items()
            },
        )
        for callback in sent
    ]


async def _variable(vault: Vault, team_id: str, name: str, value: str) -> CallbackVariable:
    if name in OPEN_VARIABLES or MASK in value:
        return CallbackVariable(shown=value)
    secret = await vault.seal_for(vault.holder("callbacks", team_id), value, named=team_id)
    return CallbackVariable(shown=masked_secret(value), secret=secret)


def new_settings(body: NewTeam, logging: Sequence[Callback] = ()) -> TeamSettings:
    """What `/team/new` asks for; fields of 1.6 go into metadata, callbacks into `callbacks`."""
    return TeamSettings(
        team_alias=body.team_alias,
        organization_id=body.organization_id or None,
        admins=body.admins,
        members=body.members,
        metadata={**client_metadata(body), **body.metadata_fields()},
        budget=TeamBudget(
            max_budget=body.max_budget,
            soft_budget=body.soft_budget,
            budget_duration=body.budget_duration,
        ),
        limits=RateLimits(tpm_limit=body.tpm_limit, rpm_limit=body.rpm_limit),
        models=list(dict.fromkeys(body.models)),
        blocked=body.blocked,
        model_aliases=body.model_aliases,
        object_permission=object_permission(body.object_permission),
        router_settings=body.router_settings or {},
        access_group_ids=list(body.access_group_ids or []),
        member_permissions=list(body.team_member_permissions or []),
        member_defaults=_member_defaults(body),
        callbacks=list(logging),
    )


def changes(body: UpdateTeam) -> dict[str, Any]:
    """What `/team/update` asks for, as `domain.team.UpdateTeam` takes it: only what was sent."""
    sent = body.model_fields_set
    result = {a: make(body) for field, (a, make) in _WHOLE.items() if field in sent}
    for attribute, fields in _PARTS.items():
        if part := {name: getattr(body, name) for name in fields if name in sent}:
            result[attribute] = part
    if part := {own: getattr(body, name) for name, own in _DEFAULTS.items() if name in sent}:
        result["member_defaults"] = {"budget_id": _budget_id(body), **part}
    if body.model_aliases is not None:
        result["model_aliases"] = body.model_aliases
    if "metadata" in sent or body.metadata_fields():
        replacement = client_metadata(body) if "metadata" in sent else None
        result["metadata"] = (replacement, body.metadata_fields())
    return result


_WHOLE: dict[str, tuple[str, Callable[[UpdateTeam], Any]]] = {
    "team_alias": ("team_alias", lambda body: body.team_alias),
    "organization_id": ("organization_id", lambda body: body.organization_id or None),
    "blocked": ("blocked", lambda body: bool(body.blocked)),
    "models": ("models", lambda body: list(dict.fromkeys(body.models or []))),
    "router_settings": ("router_settings", lambda body: body.router_settings or {}),
    "access_group_ids": ("access_group_ids", lambda body: list(body.access_group_ids or [])),
    "team_member_permissions": (
        "member_permissions",
        lambda body: list(body.team_member_permissions or []),
    ),
    "object_permission": (
        "object_permission",
        lambda body: object_permission(body.object_permission),
    ),
}
"""Fields that replace a whole attribute of TeamSettings; null gives its default (D31)."""

_PARTS = {
    "budget": ("max_budget", "soft_budget", "budget_duration"),
    "limits": ("tpm_limit", "rpm_limit"),
}
_DEFAULTS = {
    "team_member_budget": "max_budget",
    "team_member_tpm_limit": "tpm_limit",
    "team_member_rpm_limit": "rpm_limit",
    "team_member_budget_duration": "budget_duration",
}


def client_metadata(body: TeamFields) -> JsonObject:
    """The client's metadata without what we keep elsewhere (1.6, D23)."""
    return {k: v for k, v in (body.metadata or {}).items() if k not in _KEPT_ELSEWHERE}


def object_permission(body: ObjectPermissionRequest | None) -> ObjectPermission | None:
    """What was sent, under a fresh id; on an update the team keeps the id it has."""
    if body is None:
        return None
    return ObjectPermission(
        object_permission_id=str(uuid.uuid4()),
        permissions=body.model_dump(mode="json", exclude_none=True),
    )


def _member_defaults(body: NewTeam) -> MemberLimits | None:
    limits = (body.team_member_budget, body.team_member_tpm_limit, body.team_member_rpm_limit)
    if limits == (None, None, None):
        return None
    return MemberLimits(
        budget_id=_budget_id(body),
        max_budget=body.team_member_budget,
        tpm_limit=body.team_member_tpm_limit,
        rpm_limit=body.team_member_rpm_limit,
        budget_duration=body.team_member_budget_duration,
    )


def _budget_id(body: TeamFields) -> str:
    named = f"{body.team_alias.replace(' ', '-')}-" if body.team_alias else ""
    return f"team-{named}budget-{uuid.uuid4().hex}"
