"""Who may do what: one table, judged on the stored team and never on what a request claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.access.principal import (
    DASHBOARD_TEAM,
    INTERNAL_VIEWER,
    PROXY_ADMIN,
    VIEWER,
    AccessRefused,
    Principal,
    Towards,
)


class As(StrEnum):
    """What a caller can be towards a team; somebody can be several things at once."""

    PROXY_ADMIN = "proxy admin"
    MASTER_KEY = "master key"
    VIEWER = "proxy admin viewer"
    ORG_ADMIN = "admin of the team's organization"
    TEAM_ADMIN = "team admin"
    MEMBER = "member"
    TEAM_KEY = "key of the team"
    USER = "internal user"
    GATEWAY = "key of a gateway"
    SESSION = "user at a dashboard"


PA, MK, PV, OA, IU = As.PROXY_ADMIN, As.MASTER_KEY, As.VIEWER, As.ORG_ADMIN, As.USER
TA, TM, TK, GW = As.TEAM_ADMIN, As.MEMBER, As.TEAM_KEY, As.GATEWAY
DS = As.SESSION


@dataclass(frozen=True, slots=True)
class Rule:
    """`admits` those who may; `routed` refusals use the text of the route check, and `status`.

    `stranger` is what the 403 of a route about one team says, `text` what a routed refusal says
    where that is not the usual text.
    """

    admits: frozenset[As]
    routed: bool = False
    writes: bool = True
    stranger: str = (
        "Call not allowed. User not proxy admin OR team admin. route={route}, team_id={team_id}"
    )
    text: str = (
        "Authentication Error, Only proxy admin can be used to generate, delete, update info "
        "for new keys/users/teams. Route={route}. Your role={role}. Your user_id={user_id}"
    )
    param: str | None = None
    status: int = 401


_WHOLE_TEAM = Rule(frozenset({PA, OA}), routed=True)
_MEMBERS = Rule(frozenset({PA, OA, TA}))
_MEMBER_SPEND = Rule(
    _MEMBERS.admits,
    stranger="Call not allowed. User not proxy admin OR team admin. team_id={team_id}",
)
_MODELS = Rule(_MEMBERS.admits, stranger="Only proxy admin or team admin can modify team models")
_OF_GATEWAYS = Rule(
    frozenset({GW}),
    routed=True,
    text="Only the key of a gateway may be used here. Route={route}. Your role={role}",
    status=403,
)
_BRINGING_BACK = Rule(
    frozenset({PA, OA}),
    routed=True,
    text="Only proxy admins and admins of the team's organization may do this. Route={route}. "
    "Your role={role}",
    status=403,
)

_ADMINS = "Only proxy admins may do this. Route={route}. Your role={role}"
_READERS = "Only proxy admins and viewers may do this. Route={route}. Your role={role}"
_TEAM_INFO = Rule(frozenset({PA, PV, OA, TA, TM, TK}), writes=False)
_KEY_INFO = Rule(frozenset({PA, PV, IU, TK}), writes=False)
_USER_INFO = Rule(frozenset({PA, PV, IU}), writes=False)

_PAST_OF_TEAM = Rule(frozenset({PA, PV, OA, TA}), writes=False)
_AUDIT = Rule(frozenset({PA, PV}), routed=True, writes=False, text=_ADMINS, status=403)
_AUDITORS = Rule(frozenset({PA, PV}), routed=True, writes=False, text=_READERS, status=403)

_WEBHOOKS = Rule(frozenset({PA}), routed=True, text=_ADMINS, status=403)

POLICY: dict[str, Rule] = {
    "/team/new": _WHOLE_TEAM,
    "/team/update": _WHOLE_TEAM,
    "/team/delete": _WHOLE_TEAM,
    "/team/block": _WHOLE_TEAM,
    "/team/unblock": _WHOLE_TEAM,
    "/team/model/add": _MODELS,
    "/team/model/delete": _MODELS,
    "/team/permissions_update": _MEMBERS,
    "/team/{team_id:path}/callback": Rule(frozenset({PA}), routed=True),
    "/team/{team_id:path}/disable_logging": Rule(frozenset({PA}), routed=True),
    "/team/member_add": _MEMBERS,
    "/team/bulk_member_add": _MEMBERS,
    "/team/member_update": _MEMBERS,
    "/team/member_delete": _MEMBERS,
    "/team/info": _TEAM_INFO,
    "/team/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/v2/team/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/team/available": Rule(frozenset({PA, PV, IU}), writes=False),
    "/team/filter/ui": Rule(frozenset({PA}), routed=True, writes=False),
    "/team/permissions_list": Rule(_MEMBERS.admits, writes=False),
    "/team/daily/activity": Rule(frozenset({PA, PV, IU}), writes=False),
    "/user/daily/activity": Rule(frozenset({PA, PV, IU}), writes=False),
    "/user/daily/activity/aggregated": Rule(frozenset({PA, PV, IU}), writes=False),
    "/organization/daily/activity": Rule(frozenset({PA, PV, OA}), writes=False),
    "/user/new": Rule(frozenset({PA, OA}), routed=True),
    "/user/update": Rule(frozenset({PA, IU}), routed=True),
    "/user/bulk_update": Rule(frozenset({PA}), routed=True),
    "/user/delete": Rule(frozenset({PA}), routed=True),
    "/user/list": Rule(frozenset({PA, PV, OA}), writes=False),
    "/user/filter/ui": Rule(frozenset({PA, PV, IU}), writes=False),
    "/user/available_roles": Rule(frozenset({PA, PV, IU}), writes=False),
    "/key/generate": Rule(frozenset({PA, IU}), routed=True),
    "/key/update": Rule(frozenset({PA, IU}), routed=True),
    "/key/delete": Rule(frozenset({PA, IU}), routed=True),
    "/key/block": Rule(frozenset({PA, IU}), routed=True),
    "/key/unblock": Rule(frozenset({PA, IU}), routed=True),
    "/key/service-account/generate": Rule(frozenset({PA, IU}), routed=True),
    "/key/regenerate": Rule(frozenset({PA, IU}), routed=True),
    "/key/{key}/regenerate": Rule(frozenset({PA, IU}), routed=True),
    "/key/bulk_update": Rule(frozenset({PA, IU}), routed=True),
    "/key/aliases": Rule(frozenset({PA, PV, IU}), writes=False),
    "/v2/key/info": Rule(frozenset({PA, PV, IU, TK}), writes=False),
    "/key/info": _KEY_INFO,
    "/key/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/user/info": _USER_INFO,
    "/models": Rule(frozenset({PA, PV, IU, TK}), writes=False),
    "/v1/models": Rule(frozenset({PA, PV, IU, TK}), writes=False),
    "/spend/logs/v2": Rule(frozenset({PA, PV, DS}), routed=True, writes=False),
    "/spend/logs/ui": Rule(frozenset({PA, PV, DS}), routed=True, writes=False),
    "/global/spend/teams": Rule(frozenset({PA, PV}), routed=True, writes=False),
    "/global/spend/report": Rule(frozenset({PA, PV}), routed=True, writes=False),
    "/v1/spend": Rule(frozenset({PA, PV, OA, IU}), writes=False),
    "/v1/access": Rule(frozenset({PA, PV, OA, TA}), writes=False),
    "/v1/access/review": Rule(
        frozenset({PA, PV, OA}),
        routed=True,
        writes=False,
        text="Only proxy admins, viewers and admins of organizations may do this. Route={route}. "
        "Your role={role}",
        status=403,
    ),
    "/audit": Rule(frozenset({PA, PV}), routed=True, writes=False),
    "/audit/{id}": Rule(frozenset({PA, PV}), routed=True, writes=False),
    "/v1/proof/checkpoint": _AUDIT,
    "/v1/proof/inclusion": _AUDIT,
    "/v1/proof/consistency": _AUDIT,
    "/v1/audit/export": _AUDITORS,
    "/v1/security-log": _AUDITORS,
    "/v1/status": _AUDITORS,
    "/v1/events": Rule(frozenset({PA, PV, IU}), writes=False),
    "/budget/new": Rule(frozenset({PA}), routed=True),
    "/budget/update": Rule(frozenset({PA}), routed=True),
    "/budget/delete": Rule(frozenset({PA}), routed=True),
    "/budget/info": Rule(frozenset({PA}), routed=True, writes=False),
    "/budget/list": Rule(frozenset({PA}), routed=True, writes=False),
    "/budget/settings": Rule(frozenset({PA}), routed=True, writes=False),
    "/organization/new": Rule(
        frozenset({PA}),
        routed=True,
        text="Only proxy admins can create new organizations. You are {role}",
        param="user_role",
    ),
    "/organization/update": Rule(frozenset({PA}), routed=True),
    "/organization/member_delete": Rule(frozenset({PA}), routed=True),
    "/organization/delete": Rule(frozenset({PA, IU})),
    "/organization/member_add": Rule(frozenset({PA, IU})),
    "/organization/member_update": Rule(frozenset({PA, IU})),
    "/organization/info": Rule(frozenset({PA, PV, IU}), writes=False),
    "/organization/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/key/{key}/reset_spend": Rule(frozenset({PA, IU}), routed=True),
    "/team/{team_id:path}/member/{user_id:path}/reset_spend": _MEMBER_SPEND,
    "/v1/teams/{team_id:path}/members/{user_id:path}/reset_spend": _MEMBER_SPEND,
    "/global/spend/reset": Rule(
        frozenset({MK}),
        routed=True,
        text="Authentication Error, Tried to access route={route}, which is only for MASTER KEY",
    ),
    "/v1/usage": _OF_GATEWAYS,
    "/v1/decide": _OF_GATEWAYS,
    "/v1/reservations/{reservation_id}": _OF_GATEWAYS,
    "/v1/usage/quarantine": Rule(
        frozenset({PA, PV}), writes=False, routed=True, text=_ADMINS, status=403
    ),
    "/v1/usage/unattributed": Rule(
        frozenset({PA, PV}), writes=False, routed=True, text=_ADMINS, status=403
    ),
    "/v1/usage/quarantine/{id}/book": Rule(frozenset({PA}), routed=True, text=_ADMINS, status=403),
    "/v1/usage/quarantine/{id}/discard": Rule(
        frozenset({PA}), routed=True, text=_ADMINS, status=403
    ),
    "/v1/reconcile": Rule(
        frozenset({PA, PV}), writes=False, routed=True, text=_READERS, status=403
    ),
    "/v1/teams/{team_id:path}/windows": _TEAM_INFO,
    "/v1/teams/{team_id:path}/members/{user_id:path}/windows": _TEAM_INFO,
    "/v1/keys/{key}/windows": _KEY_INFO,
    "/v1/users/{user_id:path}/windows": _USER_INFO,
    "/v1/organizations/{organization_id:path}/windows": _USER_INFO,
    "/v1/teams/{team_id:path}/history": _PAST_OF_TEAM,
    "/v1/teams/{team_id:path}/diff": _PAST_OF_TEAM,
    "/v1/teams/{team_id:path}/blame": _PAST_OF_TEAM,
    "/v1/keys/{key}/history": _KEY_INFO,
    "/v1/keys/{key}/diff": _KEY_INFO,
    "/v1/keys/{key}/blame": _KEY_INFO,
    "/v1/users/{user_id:path}/history": _USER_INFO,
    "/v1/users/{user_id:path}/diff": _USER_INFO,
    "/v1/users/{user_id:path}/blame": _USER_INFO,
    "/v1/organizations/{organization_id:path}/history": _USER_INFO,
    "/v1/organizations/{organization_id:path}/diff": _USER_INFO,
    "/v1/organizations/{organization_id:path}/blame": _USER_INFO,
    "/v1/teams/{team_id:path}/restore": _BRINGING_BACK,
    "/v1/teams/{team_id:path}/revert": _BRINGING_BACK,
    "/v1/webhooks": _WEBHOOKS,
    "/v1/webhooks/{webhook_id}": _WEBHOOKS,
    "/v1/webhooks/{webhook_id}/rotate": _WEBHOOKS,
    "/v1/webhooks/{webhook_id}/test": _WEBHOOKS,
    "/v1/webhooks/{webhook_id}/deliveries": _WEBHOOKS,
    "/v1/webhooks/{webhook_id}/deliveries/{message_id}/retry": _WEBHOOKS,
    "/v1/users/{user_id:path}/forget": Rule(frozenset({PA}), routed=True, text=_ADMINS, status=403),
}


def standing(principal: Principal, team: Towards | None = None) -> frozenset[As]:
    """What the caller is towards a team; without one, what he could be towards some team."""
    if principal.is_admin:
        return frozenset({PA, MK} if principal.master else {PA})
    if principal.gateway is not None:
        return frozenset({GW})
    found: set[As] = set()
    if principal.role == VIEWER:
        found.add(PV)
    if principal.user_id is not None and principal.user_known and principal.role != VIEWER:
        found |= {IU, DS} if principal.team_id == DASHBOARD_TEAM else {IU}
    administers = principal.administers
    if administers if team is None else team.organization_id in administers:
        found.add(OA)
    if team is None:
        return frozenset(found)
    if team.role is not None:
        found |= {TA, TM} if team.role == "admin" else {TM}
    if principal.team_id == team.team_id and principal.user_id is None:
        found.add(TK)
    return frozenset(found)


def check_route(route: str, principal: Principal, path: str | None = None) -> None:
    """The part of the judgement that needs no team; before validation and anything else.

    `route` may be a template, `path` is then what refusals call it. Raises AccessRefused: 403 to
    viewers who would write or read what is not for them, 401 (on routes that LiteLLM does not have
    403) to whom no team could help.
    """
    rule = POLICY[route]
    if principal.role == VIEWER and (rule.writes or (rule.routed and PV not in rule.admits)):
        raise AccessRefused(
            403,
            f"user not allowed to access this route, role= {principal.role}. "
            f"Trying to access: {path or route}",
        )
    admitted = rule.admits & standing(principal)
    if rule.writes and principal.role == INTERNAL_VIEWER:
        admitted -= {IU}
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
