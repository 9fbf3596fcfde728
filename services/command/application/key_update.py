"""Changing what a key is (supporting-api.md 2.4, auth.md 4, A02)."""

from dataclasses import dataclass
from typing import Any

from events.key import KeySettings
from events.models import INHERITED, allows
from events.registry import DomainEvent
from events.streams import KEY, KEY_ALIAS, TEAM, stream
from services.access.policy import check_route
from services.access.principal import AccessRefused, Principal
from services.command.application.answers import key_answer
from services.command.application.key_organizations import check_guaranteed, in_organization
from services.command.application.key_rights import (
    check_narrowing,
    check_permission,
    live_key,
)
from services.command.application.keys import (
    alias_claimed,
    alias_digest,
    check_own_budget,
    ties,
)
from services.command.application.membership import member_of
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import reservation
from services.command.domain.errors import NotFound, OverTeamLimit
from services.command.domain.key import ApiKey
from services.command.domain.key_update import revised, update
from services.command.domain.team import Team

UPDATE = "/key/update"


@dataclass(frozen=True, slots=True)
class UpdateKey:
    """`changes` as in `domain.key_update.revised`; `shown` is how the caller named the key."""

    token: str
    shown: str
    changes: dict[str, Any]
    name: str = "UpdateKey"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(UPDATE, caller)
        held = live_key(view, self.token, self.shown)
        _check_rights(view, caller, held)
        wanted = revised_settings(view, caller, self.token, self.changes)
        name = stream(KEY, self.token)
        facts: list[tuple[str, DomainEvent]] = [(name, fact) for fact in update(held, wanted)]
        facts += _alias_facts(view, self.token, held.settings.key_alias, wanted.key_alias)
        return Decision(facts, lambda after: key_answer(after, self.token), subject=name)


def revised_settings(
    view: View, caller: Principal, token: str, changes: dict[str, Any]
) -> KeySettings:
    """What `changes` make of a key that is in force, as far as the caller may.

    Looks at its owner, its budget, routes and permissions (S04), its team and its organization.
    """
    before = view.key(token).settings
    wanted = revised(before, changes)
    if wanted.user_id != before.user_id and not caller.is_admin:
        raise AccessRefused(403, "Only proxy admin can change the owner of a key")
    if not caller.is_admin:
        check_own_budget(view, wanted.user_id, changes.get("max_budget"))
    check_narrowing(view, caller, before, wanted)
    if wanted.team_id != before.team_id:
        _check_move(view, caller, before, wanted)
    wanted = in_organization(view, caller, before, wanted)
    check_guaranteed(view, token, before, wanted)
    if (wanted.user_id, wanted.team_id) == (before.user_id, before.team_id):
        return wanted
    return wanted.model_copy(update=ties(view, wanted.team_id, wanted.user_id))


def _alias_facts(
    view: View, token: str, before: str | None, after: str | None
) -> list[tuple[str, DomainEvent]]:
    if before == after:
        return []
    facts: list[tuple[str, DomainEvent]] = []
    if after is not None:
        facts += alias_claimed(view, after, token)
    if before is not None:
        digest = alias_digest(before)
        freed = reservation.release(view.key_alias(digest), token)
        facts += [(stream(KEY_ALIAS, digest), fact) for fact in freed]
    return facts


def _check_rights(view: View, caller: Principal, held: ApiKey) -> None:
    """Proxy admins all; team admins their team's; else one's own, in a team by permission (A02)."""
    owner, team_id = held.settings.user_id, held.settings.team_id
    if caller.is_admin:
        return
    own = owner is not None and owner == caller.user_id
    if team_id is not None:
        team = view.team(team_id)
        member = member_of(view, team, caller.user_id)
        if member is not None and member.role == "admin":
            return
        if member is not None and (own or owner is None):
            check_permission(team, team_id, UPDATE)
            return
    elif own:
        return
    raise AccessRefused(403, "You are not authorized to update this key")


def _check_move(view: View, caller: Principal, before: KeySettings, wanted: KeySettings) -> None:
    """Into a team, or out of one (auth.md 4)."""
    _check_leaves(view, caller, before.team_id)
    if wanted.team_id is None:
        return
    view.need([stream(TEAM, wanted.team_id)])
    team = view.team(wanted.team_id)
    _check_enters(view, caller, team, wanted)
    if not team.open:
        raise NotFound("team", wanted.team_id)
    if wanted.user_id is not None and member_of(view, team, wanted.user_id) is None:
        raise AccessRefused(403, f"User={wanted.user_id} is not a member of team={wanted.team_id}")
    _check_models(team, wanted)
    _check_limits(team, wanted)


def _check_leaves(view: View, caller: Principal, team_id: str | None) -> None:
    if team_id is None or caller.is_admin:
        return
    member = member_of(view, view.team(team_id), caller.user_id)
    if member is None or member.role != "admin":
        raise AccessRefused(403, "Only a team admin can take a key out of its team")


def _check_enters(view: View, caller: Principal, team: Team, wanted: KeySettings) -> None:
    """Strangers get the same answer whether the team exists or not (D09)."""
    if caller.is_admin:
        return
    team_id = str(wanted.team_id)
    member = member_of(view, team, caller.user_id) if team.open else None
    if member is not None and member.role == "admin":
        return
    if member is None or wanted.user_id != caller.user_id:
        raise AccessRefused(403, f"User={caller.user_id} cannot move a key to team={team_id}")
    check_permission(team, team_id, UPDATE)


def _check_models(team: Team, wanted: KeySettings) -> None:
    allowed, aliases = team.settings.models, team.settings.model_aliases
    for model in wanted.models:
        if model not in INHERITED and not allows(allowed, model, aliases):
            raise AccessRefused(
                401,
                "team not allowed to access model. This team can only access "
                f"models={allowed}. Tried to access {model}",
                "team_model_access_denied",
                "model",
            )


def _check_limits(team: Team, wanted: KeySettings) -> None:
    pairs = {
        "max_budget": (wanted.max_budget, team.settings.budget.max_budget),
        "tpm_limit": (wanted.limits.tpm_limit, team.settings.limits.tpm_limit),
        "rpm_limit": (wanted.limits.rpm_limit, team.settings.limits.rpm_limit),
    }
    for field, (asked, most) in pairs.items():
        if asked is not None and most is not None and asked > most:
            raise OverTeamLimit(field, asked, most)
