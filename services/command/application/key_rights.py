"""What a caller may do to a key that is there, and make of it (auth.md 4; A03, A06, A08, S04)."""

from collections.abc import Mapping
from typing import Any

from events.key import KeySettings
from services.access.credentials import routes_within
from services.access.policy import standing
from services.access.principal import AccessRefused, Principal
from services.access.rules import As
from services.access.visibility import DEFAULT_PERMISSIONS
from services.command.application.admission import towards
from services.command.application.callers import orphaned
from services.command.application.membership import without_departed
from services.command.application.view import View
from services.command.domain.errors import NotFound
from services.command.domain.key import ApiKey
from services.command.domain.limits import alike
from services.command.domain.team import Team

REGENERATE = "/key/regenerate"
REGENERATE_NAMED = "/key/{key_id}/regenerate"
"""The two names of one permission (team-api.md 3.17)."""


def live_key(view: View, token: str, shown: str) -> ApiKey:
    """A key that is in force; raises NotFound for one that is unknown, gone or void."""
    held = view.key(token)
    if not held.open or orphaned(view, held):
        raise NotFound("key", shown)
    return held


def check_key_rights(
    view: View, caller: Principal, held: ApiKey, shown: str, route: str = "/key/delete"
) -> None:
    """To delete, block or unblock: owner, team admin, organization admin, proxy admin (A03).

    Members whose team grants them the route may do it to the team's service keys, those without a
    user (A06). What is one's own needs no permission. To everybody else the key is unknown.
    """
    if caller.is_admin or _owns(caller, held):
        return
    team, here = _standing(view, caller, held)
    if here & {As.TEAM_ADMIN, As.ORG_ADMIN}:
        return
    if As.MEMBER not in here:
        raise NotFound("key", shown)
    if held.settings.user_id is None and route in granted(team):
        return
    action = route.removeprefix("/key/")
    raise AccessRefused(403, f"You are not authorized to {action} this key")


def check_regenerate(view: View, caller: Principal, held: ApiKey, shown: str) -> None:
    """A new secret: proxy admin, team admin, or owner, of a team's key by permission (auth.md 4).

    To everybody else the key is unknown; members of its team are told 403.
    """
    own, team_id = _owns(caller, held), held.settings.team_id
    if caller.is_admin or (own and team_id is None):
        return
    team, here = _standing(view, caller, held)
    if As.TEAM_ADMIN in here:
        return
    if As.MEMBER not in here:
        raise NotFound("key", shown)
    if not own:
        raise AccessRefused(403, "You are not authorized to regenerate this key")
    if REGENERATE_NAMED not in granted(team):
        check_permission(team, str(team_id), REGENERATE)


def granted(team: Team) -> list[str]:
    """What members may do with the team's keys."""
    return team.settings.member_permissions or list(DEFAULT_PERMISSIONS)


def check_permission(team: Team, team_id: str, route: str) -> None:
    """Raise the 401 of members whose team does not grant them a route (auth.md 4)."""
    if route in granted(team):
        return
    raise AccessRefused(
        401,
        f"Team member does not have permissions for endpoint: {route}. You only have access "
        f"to the following endpoints: {granted(team)} for team {team_id}.",
        "team_member_permission_error",
        route,
    )


def check_narrowing(
    view: View, caller: Principal, before: KeySettings | None, wanted: KeySettings
) -> None:
    """Raise 403 unless routes and permissions only narrow, as those of non-admins do (S04).

    A key gets no more of either than the calling key has, and one that is there no more than it
    had: a proxy admin restricted it. `before` is None for a key that is to be made.
    """
    if caller.is_admin:
        return
    own = view.key(caller.token).settings
    bounds = [own] if before is None else [own, before]
    if before is None or wanted.allowed_routes != before.allowed_routes:
        for bound in bounds:
            _check_routes(wanted.allowed_routes, bound.allowed_routes)
    permissions = _permissions(wanted)
    if before is None or not alike(permissions, _permissions(before)):
        for bound in bounds:
            _check_permissions(permissions, _permissions(bound))


def _check_routes(wanted: list[str], allowed: list[str]) -> None:
    if not routes_within(wanted, allowed):
        raise AccessRefused(
            403,
            f"Only proxy admin can allow a key more routes. Allowed routes={allowed}. "
            f"Asked for {wanted or 'all routes'}",
        )


def _check_permissions(wanted: Mapping[str, Any], held: Mapping[str, Any]) -> None:
    more = [name for name, value in wanted.items() if value and not alike(value, held.get(name))]
    if more:
        raise AccessRefused(403, f"Only proxy admin can give a key more permissions: {more}")


def _permissions(settings: KeySettings) -> Mapping[str, Any]:
    found = settings.extra.get("permissions")
    return found if isinstance(found, dict) else {}


def _owns(caller: Principal, held: ApiKey) -> bool:
    owner = held.settings.user_id
    return owner is not None and owner == caller.user_id


def _standing(view: View, caller: Principal, held: ApiKey) -> tuple[Team, frozenset[As]]:
    """The key's team, and what the caller is towards it and the key's own organization."""
    team_id, own = held.settings.team_id, held.settings.organization_id
    here = frozenset({As.ORG_ADMIN} if own in caller.administers else ())
    if team_id is None:
        return Team(), here
    team = view.team(team_id)
    present, _ = without_departed(view, team, [caller.user_id] if caller.user_id else [])
    return team, here | standing(caller, towards(caller, team_id, present))
