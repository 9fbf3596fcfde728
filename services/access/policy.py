"""The table of rules applied: to the stored team, and never to what a request claims."""

from collections.abc import Sequence

from services.access.principal import (
    DASHBOARD_TEAM,
    INTERNAL_VIEWER,
    PROXY_ADMIN,
    VIEWER,
    AccessRefused,
    Principal,
    Towards,
)
from services.access.rules import POLICY, As


def standing(principal: Principal, team: Towards | None = None) -> frozenset[As]:
    """What the caller is towards a team; without one, what he could be towards some team."""
    if principal.is_admin:
        return frozenset({As.PROXY_ADMIN, As.MASTER_KEY} if principal.master else {As.PROXY_ADMIN})
    if principal.gateway is not None:
        return frozenset({As.GATEWAY})
    found: set[As] = set()
    if principal.role == VIEWER:
        found.add(As.VIEWER)
    if principal.user_id is not None and principal.user_known and principal.role != VIEWER:
        found |= {As.USER, As.SESSION} if principal.team_id == DASHBOARD_TEAM else {As.USER}
    administers = principal.administers
    if administers if team is None else team.organization_id in administers:
        found.add(As.ORG_ADMIN)
    if team is None:
        return frozenset(found)
    if team.role is not None:
        found |= {As.TEAM_ADMIN, As.MEMBER} if team.role == "admin" else {As.MEMBER}
    if principal.team_id == team.team_id and principal.user_id is None:
        found.add(As.TEAM_KEY)
    return frozenset(found)


def check_route(route: str, principal: Principal, path: str | None = None) -> None:
    """The part of the judgement that needs no team; before validation and anything else.

    `route` may be a template, `path` is then what refusals call it. Raises AccessRefused: 403 to
    viewers who would write or read what is not for them, 401 (on routes that LiteLLM does not have
    403) to whom no team could help.
    """
    rule = POLICY[route]
    if principal.role == VIEWER and (rule.writes or (rule.routed and As.VIEWER not in rule.admits)):
        raise AccessRefused(
            403,
            f"user not allowed to access this route, role= {principal.role}. "
            f"Trying to access: {path or route}",
        )
    admitted = rule.admits & standing(principal)
    if rule.writes and principal.role == INTERNAL_VIEWER:
        admitted -= {As.USER}
    if rule.routed and not admitted and not _told_by_the_command(route, principal):
        raise _refused_by_route(route, path or route, principal)


def _told_by_the_command(route: str, principal: Principal) -> bool:
    """Who is in an organization is told by /team/new what he lacks there (team-api.md 3.1)."""
    return route == "/team/new" and bool(principal.org_roles)


def _refused_by_route(route: str, path: str, principal: Principal) -> AccessRefused:
    rule = POLICY[route]
    text = rule.text.format(
        route=path, role=principal.role or "unknown", user_id=masked(principal.user_id)
    )
    return AccessRefused(rule.status, text, param=rule.param)


def admits_to_team(route: str, principal: Principal, team: Towards) -> bool:
    """Whether the rule of the route admits the caller to the stored team."""
    return bool(POLICY[route].admits & standing(principal, team))


def check_team(route: str, principal: Principal, team: Towards) -> None:
    """Raises AccessRefused as the route does; strangers cannot tell an unknown team (D01, D09)."""
    if admits_to_team(route, principal, team):
        return
    if POLICY[route].routed:
        raise _refused_by_route(route, route, principal)
    text = POLICY[route].stranger.format(route=route, team_id=team.team_id)
    raise AccessRefused(403, text, body="A")


def check_new_team(principal: Principal, organization_id: str | None) -> None:
    """Who may make a team there: proxy admins, and admins of the organization it is to be in.

    Raises the 401 of team-api.md 3.1; `organization_id` None is a team of no organization.
    """
    if principal.is_admin or organization_id in principal.administers:
        return
    roles = dict(principal.org_roles)
    if not roles:
        raise _refused_by_route("/team/new", "/team/new", principal)
    if organization_id is None:
        raise AccessRefused(
            401,
            "Passed organization_id is None, please specify the organization_id in your request. "
            f"You are part of multiple organizations: {list(roles)}",
            param="organization_id",
        )
    raise AccessRefused(
        401,
        "You do not have the required role to call /team/new. "
        f"Your role is {roles.get(organization_id)} in Organization {organization_id}",
        param="user_role",
    )


def check_new_user(principal: Principal, organization_ids: Sequence[str], role: str | None) -> None:
    """Who may make a user of that role: proxy admins, and admins of each organization he is put in.

    Raises the 401 of the route for who names none, or one that is not his, there or not; 403 for a
    role above his own (supporting-api.md 3.1, auth.md A01).
    """
    if principal.is_admin:
        return
    if not organization_ids or not principal.administers.issuperset(organization_ids):
        raise _refused_by_route("/user/new", "/user/new", principal)
    if role in {PROXY_ADMIN, VIEWER}:
        raise AccessRefused(
            403,
            "Only proxy admins can create administrative users (proxy_admin, proxy_admin_viewer). "
            f"Attempted to create user with role: {role}. Your role: {principal.shown_role}",
        )


HIDDEN, SHOWN_WHOLE = 4, 7
FIRST, LAST = 6, 2


def masked(user_id: str | None) -> str:
    """How a refusal shows the caller's user id (auth.md 3.2)."""
    if user_id is None:
        return "None"
    if len(user_id) <= HIDDEN:
        return "***"
    if len(user_id) <= SHOWN_WHOLE:
        return user_id
    return f"{user_id[:FIRST]}{'*' * (len(user_id) - FIRST - LAST)}{user_id[-LAST:]}"
