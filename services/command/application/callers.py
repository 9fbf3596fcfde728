"""Authentication on folded state: the command side's half of `services.access`."""

from dataclasses import replace

from events.key import Cause
from events.streams import ORGANIZATION, TEAM, USER, kind_and_id, stream
from services.access.credentials import (
    MAX_ROTATIONS,
    check_allowed_routes,
    gateway_source,
    judge,
    master_principal,
)
from services.access.policy import check_route
from services.access.principal import KeyFacts, Principal
from services.command.application.funds import check_funds
from services.command.application.requests import Origin
from services.command.application.view import View
from services.command.domain.dependents import ORGANIZATIONS
from services.command.domain.key import ApiKey
from services.command.domain.team import Team
from services.command.domain.user import User


def authenticate(view: View, origin: Origin) -> Principal:
    """The caller as of the view; raises AccessRefused, or Missing for state not at hand.

    Raises SpendUnknown where budgets are to be compared with what nobody has asked for yet.
    """
    credential = origin.credential
    if credential.master:
        return master_principal(credential)
    token, key = acting(view, credential.token)
    if not key.open:
        return judge(credential, None, None, team_blocked=False, now=view.now)
    credential = replace(credential, token=token)
    team_id, user_id = key.settings.team_id, key.settings.user_id
    void = orphaned(view, key)
    team = None if team_id is None else view.team(team_id)
    user = None if user_id is None else view.user(user_id)
    facts = KeyFacts(
        user_id=user_id,
        team_id=team_id,
        blocked=bool(key.settings.blocked),
        expires=key.settings.expires,
        allowed_routes=tuple(key.settings.allowed_routes),
        models=tuple(key.settings.models),
        void=void,
        user_known=user is None or user.open,
        alias=key.settings.key_alias,
    )
    if origin.spent is not None and not void and gateway_source(facts) is None:
        check_funds(view, token, key, origin.spent)
    role = user.settings.user_role if user is not None and user.open else None
    blocked = team is not None and team.settings.blocked
    principal = judge(credential, facts, role, team_blocked=blocked, now=view.now)
    if user is not None and user.open and not principal.is_admin:
        principal = replace(principal, org_roles=_org_roles(view, str(user_id), user))
    check_route(origin.route, principal, origin.path)
    check_allowed_routes(origin.path, facts.allowed_routes)
    return principal


def acting(view: View, token: str) -> tuple[str, ApiKey]:
    """The key that a secret stands for: one that was rotated, for its successor, in grace (A08)."""
    key = view.key(token)
    for _ in range(MAX_ROTATIONS):
        after = stand_in(view, key)
        if after is None:
            break
        token, key = after, view.key(after)
    return token, key


def stand_in(view: View, key: ApiKey) -> str | None:
    """The hash of the secret that came after that of a key, while that may still be used."""
    rotation = key.rotation
    if rotation is None or rotation.until is None or rotation.until <= view.now:
        return None
    return rotation.successor


def orphaned(view: View, key: ApiKey) -> bool:
    """Whether what the key was made for is over (S12, S14)."""
    return void_because(view, key) is not None


def void_because(view: View, key: ApiKey) -> Cause | None:
    """With what the key has ended, though its own end may still be to follow; None if it has not.

    That is a life of its owner, its team or the organization of its own, or a membership.
    """
    view.need(owners(key))
    user_id, team_id = key.settings.user_id, key.settings.team_id
    organization_id = key.settings.organization_id
    if user_id is not None and outlives(key, view.user(user_id).gone_at):
        return "user"
    if team_id is not None and is_void(key, view.team(team_id)):
        return "member" if _life_of_team(key, view.team(team_id)) else "team"
    if organization_id is not None and outlives(key, view.organization(organization_id).gone_at):
        return "organization"
    return None


def outlives(key: ApiKey, gone_at: int) -> bool:
    """Whether what the key is of was deleted there, since it has been its key."""
    return 0 < key.owned_at <= gone_at


def _org_roles(view: View, user_id: str, user: User) -> tuple[tuple[str, str], ...]:
    """The live organizations a user is in, with his role in each; none of an earlier life (S14)."""
    children = view.children(stream(USER, user_id), ORGANIZATIONS)
    names = [name for name, since in children.items() if since > user.gone_at]
    view.need(names)
    roles: list[tuple[str, str]] = []
    for name in sorted(names):
        organization_id = kind_and_id(name)[1]
        found = view.organization(organization_id)
        member = found.members.get(user_id) if found.open else None
        if member is not None:
            roles.append((organization_id, member.role))
    return tuple(roles)


def is_void(key: ApiKey, team: Team) -> bool:
    """Whether the life of the team, or the membership, that the key was made for is over.

    A team that was deleted and came back has left the keys behind that it had.
    """
    return not _life_of_team(key, team) or _membership_over(key, team)


def _life_of_team(key: ApiKey, team: Team) -> bool:
    """Whether the life of the team that the key was made for goes on, without a break."""
    of_this_life = team.incarnation == key.settings.team_incarnation
    return team.open and of_this_life and not outlives(key, team.gone_at)


def _membership_over(key: ApiKey, team: Team) -> bool:
    """A key made for a member goes with that membership, not with a later one."""
    since, user_id = key.settings.member_since, key.settings.user_id
    if since is None or user_id is None:
        return False
    member = team.roster.get(user_id)
    return member is None or member.joined != since


def owners(key: ApiKey) -> list[str]:
    """The streams of what the key was made for: what its validity is judged on."""
    settings = key.settings
    named = {
        TEAM: settings.team_id,
        USER: settings.user_id,
        ORGANIZATION: settings.organization_id,
    }
    return [stream(kind, identity) for kind, identity in named.items() if identity is not None]
