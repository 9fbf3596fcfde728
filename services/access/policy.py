"""Who may do what: one table, judged on the stored team and never on what a request claims."""

from dataclasses import dataclass
from enum import StrEnum

from services.access.principal import INTERNAL_VIEWER, VIEWER, AccessRefused, Principal


class As(StrEnum):
    """What a caller can be towards a team; somebody can be several things at once."""

    PROXY_ADMIN = "proxy admin"
    VIEWER = "proxy admin viewer"
    TEAM_ADMIN = "team admin"
    MEMBER = "member"
    TEAM_KEY = "key of the team"
    USER = "internal user"


PA, PV, TA, TM, TK, IU = As.PROXY_ADMIN, As.VIEWER, As.TEAM_ADMIN, As.MEMBER, As.TEAM_KEY, As.USER


@dataclass(frozen=True, slots=True)
class Rule:
    """`admits` those who may; `routed` refusals use the text of the route check (401).

    `stranger` is what the 403 of a route about one team says.
    """

    admits: frozenset[As]
    routed: bool = False
    writes: bool = True
    stranger: str = (
        "Call not allowed. User not proxy admin OR team admin. route={route}, team_id={team_id}"
    )


_MODELS = Rule(
    frozenset({PA, TA}), stranger="Only proxy admin or team admin can modify team models"
)


POLICY: dict[str, Rule] = {
    "/team/new": Rule(frozenset({PA}), routed=True),
    "/team/update": Rule(frozenset({PA}), routed=True),
    "/team/delete": Rule(frozenset({PA}), routed=True),
    "/team/block": Rule(frozenset({PA}), routed=True),
    "/team/unblock": Rule(frozenset({PA}), routed=True),
    "/team/model/add": _MODELS,
    "/team/model/delete": _MODELS,
    "/team/permissions_update": Rule(frozenset({PA, TA})),
    "/team/{team_id:path}/callback": Rule(frozenset({PA}), routed=True),
    "/team/{team_id:path}/disable_logging": Rule(frozenset({PA}), routed=True),
    "/team/member_add": Rule(frozenset({PA, TA})),
    "/team/bulk_member_add": Rule(frozenset({PA, TA})),
    "/team/member_update": Rule(frozenset({PA, TA})),
    "/team/member_delete": Rule(frozenset({PA, TA})),
    "/team/info": Rule(frozenset({PA, PV, TA, TM, TK}), writes=False),
    "/team/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/v2/team/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/team/available": Rule(frozenset({PA, PV, IU}), writes=False),
    "/team/filter/ui": Rule(frozenset({PA}), routed=True, writes=False),
    "/team/permissions_list": Rule(frozenset({PA, TA}), writes=False),
    "/team/daily/activity": Rule(frozenset({PA, PV, IU}), writes=False),
    "/user/new": Rule(frozenset({PA}), routed=True),
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
    "/key/info": Rule(frozenset({PA, PV, IU, TK}), writes=False),
    "/key/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/user/info": Rule(frozenset({PA, PV, IU}), writes=False),
    "/audit": Rule(frozenset({PA, PV}), routed=True, writes=False),
    "/audit/{id}": Rule(frozenset({PA, PV}), routed=True, writes=False),
}


def standing(
    principal: Principal, team_id: str | None = None, team_role: str | None = None
) -> frozenset[As]:
    """What the caller is towards a team; `team_role` is his role in its stored roster."""
    if principal.is_admin:
        return frozenset({PA})
    found: set[As] = set()
    if principal.role == VIEWER:
        found.add(PV)
    if principal.user_id is not None and principal.user_known and principal.role != VIEWER:
        found.add(IU)
    if team_role is not None:
        found |= {TA, TM} if team_role == "admin" else {TM}
    if team_id is not None and principal.team_id == team_id and principal.user_id is None:
        found.add(TK)
    return frozenset(found)


def check_route(route: str, principal: Principal, path: str | None = None) -> None:
    """The part of the judgement that needs no team; before validation and anything else.

    `route` may be a template, `path` is then what refusals call it. Raises AccessRefused: 403 to
    viewers who would write or read what is not for them, 401 to whom no team could help.
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
    if rule.routed and not admitted:
        raise AccessRefused(
            401,
            "Authentication Error, Only proxy admin can be used to generate, delete, update info "
            f"for new keys/users/teams. Route={path or route}. "
            f"Your role={principal.role or 'unknown'}. Your user_id={masked(principal.user_id)}",
        )


def admits_to_team(route: str, principal: Principal, team_id: str, team_role: str | None) -> bool:
    """Whether the rule of the route admits the caller to the stored team."""
    return bool(POLICY[route].admits & standing(principal, team_id, team_role))


def check_team_admin(route: str, principal: Principal, team_id: str, team_role: str | None) -> None:
    """Raises the 403 of the member routes; strangers cannot tell an unknown team (D09)."""
    if not admits_to_team(route, principal, team_id, team_role):
        raise AccessRefused(
            403,
            POLICY[route].stranger.format(route=route, team_id=team_id),
            body="A",
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
