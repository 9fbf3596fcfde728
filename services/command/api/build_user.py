"""From a validated request about a user to a command: personal data is sealed here."""

import uuid
from collections.abc import Callable
from typing import Any

from events.user import UserSettings
from events.values import JsonObject, RateLimits
from services.command.api.build import email_claim
from services.command.application.user_update import UpdateUser
from services.command.domain.user_update import LIMITS_IN_METADATA
from services.database.vault import Person, Vault
from services.edge.requests import user as requests
from services.edge.requests.key import KeyFields

_EXTRA = (
    "aliases",
    "config",
    "permissions",
    "allowed_cache_controls",
    "model_max_budget",
    "sso_user_id",
)
_LIMITS = ("tpm_limit", "rpm_limit")
_LIFTED_BY_NULL = ("max_budget", "budget_duration", "max_parallel_requests")


def user_settings(vault: Vault, person: Person, body: requests.NewUser) -> UserSettings:
    """What `/user/new` asks for."""
    email, sent = body.user_email, body.model_dump(mode="json")
    return UserSettings(
        person=person.person,
        email=None if email is None else person.seal(email),
        email_claim=None if email is None else vault.claim(email),
        user_alias=None if body.user_alias is None else person.seal(body.user_alias),
        user_role=body.user_role,
        max_budget=body.max_budget,
        budget_duration=body.budget_duration,
        limits=RateLimits(tpm_limit=body.tpm_limit, rpm_limit=body.rpm_limit),
        max_parallel_requests=body.max_parallel_requests,
        models=list(body.models or []),
        metadata={**(body.metadata or {}), **_limits_for_metadata(body)},
        extra={name: sent[name] for name in _EXTRA if sent[name] not in (None, {}, [])},
    )


def user_changes(body: requests.UserFields) -> dict[str, Any]:
    """What an update asks for, as `domain.user_update.revised` takes it: only what was sent.

    null, [] and {} are nothing, but for a budget or limit, which null lifts (3.4).
    """
    sent, plain = body.model_fields_set, body.model_dump(mode="json")
    result: dict[str, Any] = {name: getattr(body, name) for name in _LIFTED_BY_NULL if name in sent}
    result |= {name: make(body) for name, make in _WHOLE.items() if getattr(body, name)}
    if limits := {name: getattr(body, name) for name in _LIMITS if name in sent}:
        result["limits"] = limits
    single = _limits_for_metadata(body)
    if body.metadata or single:
        result["metadata"] = (body.metadata or None, single)
    if extra := {n: plain[n] for n in _EXTRA if n in sent and plain[n] not in (None, {}, [])}:
        result["extra"] = extra
    return result


_WHOLE: dict[str, Callable[[requests.UserFields], Any]] = {
    "user_role": lambda body: body.user_role,
    "models": lambda body: list(body.models or []),
}


def _limits_for_metadata(body: KeyFields) -> JsonObject:
    return {n: v for n in LIMITS_IN_METADATA if (v := getattr(body, n)) not in (None, {}, [])}


def update_user(vault: Vault, body: requests.UpdateUser) -> UpdateUser:
    """The command for one user; what is sealed is sealed for a person of its own."""
    teams = None if body.teams is None else frozenset(team.team_id for team in body.teams)
    return _update(vault, body, body.user_id, body.user_email, teams)


def update_one_of_all(vault: Vault, body: requests.UserFields, user_id: str) -> UpdateUser:
    """The same changes for whichever user."""
    return _update(vault, body, user_id, None, None)


def _update(
    vault: Vault,
    body: requests.UserFields,
    user_id: str | None,
    email: str | None,
    teams: frozenset[str] | None,
) -> UpdateUser:
    person = vault.new_person()
    return UpdateUser(
        user_id=user_id,
        email=email_claim(vault, email, person),
        alias=person.seal(body.user_alias) if body.user_alias else None,
        changes=user_changes(body),
        new_id=str(uuid.uuid4()),
        person=person.person,
        wrapped=person.wrapped,
        teams=teams,
    )
