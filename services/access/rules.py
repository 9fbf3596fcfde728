"""Who may do what: one table, by route."""

from dataclasses import dataclass
from enum import StrEnum


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
