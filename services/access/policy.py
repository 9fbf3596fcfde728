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
    """`admits` those who may; `routed` refusals use the text of the route check (401)."""

    admits: frozenset[As]
    routed: bool = False
    writes: bool = True


POLICY: dict[str, Rule] = {
    "/team/new": Rule(frozenset({PA}), routed=True),
    "/team/update": Rule(frozenset({PA}), routed=True),
    "/team/delete": Rule(frozenset({PA}), routed=True),
    "/team/block": Rule(frozenset({PA}), routed=True),
    "/team/unblock": Rule(frozenset({PA}), routed=True),
    "/team/member_add": Rule(frozenset({PA, TA})),
    "/team/member_update": Rule(frozenset({PA, TA})),
    "/team/member_delete": Rule(frozenset({PA, TA})),
    "/team/info": Rule(frozenset({PA, PV, TA, TM, TK}), writes=False),
    "/team/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/v2/team/list": Rule(frozenset({PA, PV, IU}), writes=False),
    "/user/new": Rule(frozenset({PA}), routed=True),
    "/key/generate": Rule(frozenset({PA, IU}), routed=True),
    "/key/delete": Rule(frozenset({PA, IU}), routed=True),
    "/key/block": Rule(frozenset({PA, IU}), routed=True),
    "/key/unblock": Rule(frozenset({PA, IU}), routed=True),
    "/key/info": Rule(frozenset({PA, PV, IU, TK}), writes=False),
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


def check_route(route: str, principal: Principal) -> None:
    """The part of the judgement that needs no team; before validation and anything else.

    Raises AccessRefused: 403 to viewers who would write, 401 to whom no team could help.
    """
    rule = POLICY[route]
    if rule.writes and principal.role == VIEWER:
        raise AccessRefused(
            403,
            f"user not allowed to access this route, role= {principal.role}. "
            f"Trying to access: {route}",
        )
    admitted = rule.admits & standing(principal)
    if rule.writes and principal.role == INTERNAL_VIEWER:
        admitted -= {IU}
    if rule.routed and not admitted:
        raise AccessRefused(
            401,
            "Authentication Error, Only proxy admin can be used to generate, delete, update info "
            f"for new keys/users/teams. Route={route}. Your role={principal.role or 'unknown'}. "
            f"Your user_id={masked(principal.user_id)}",
        )


def admits_to_team(route: str, principal: Principal, team_id: str, team_role: str | None) -> bool:
    """Whether the rule of the route admits the caller to the stored team."""
    return bool(POLICY[route].admits & standing(principal, team_id, team_role))


def check_team_admin(route: str, principal: Principal, team_id: str, team_role: str | None) -> None:
    """Raises the 403 of the member routes; strangers cannot tell an unknown team (D09)."""
    if not admits_to_team(route, principal, team_id, team_role):
        raise AccessRefused(
            403,
            "Call not allowed. User not proxy admin OR team admin. "
            f"route={route}, team_id={team_id}",
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
