"""What callers are refused on every route, as the rules of access themselves raise it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from services.access.credentials import (
    check_allowed_routes,
    hash_key,
    identify,
    judge,
    presented_key,
)
from services.access.organizations import OrganizationStanding, check_organization_admin
from services.access.policy import check_route, check_team
from services.access.principal import (
    INTERNAL_USER,
    INTERNAL_VIEWER,
    VIEWER,
    AccessRefused,
    Credential,
    KeyFacts,
    Principal,
    Towards,
)
from services.access.rules import POLICY, As

KEY = "sk-example-4Tg8"
TEAM, ORGANIZATION, STRANGER = "core", "research", "eve"
EXPIRED = datetime(2026, 3, 11, 13, 27, 45, tzinfo=UTC)
_NOW = datetime(2026, 3, 12, tzinfo=UTC)
_CREDENTIAL = Credential(hash_key(KEY), KEY[-4:], master=False)


def somebody(role: str | None, user_id: str | None = STRANGER) -> Principal:
    """A caller whom no team knows."""
    return Principal(_CREDENTIAL.token, user_id, role, team_id=None)


def refused_by(refuse: Callable[[], object]) -> AccessRefused:
    """The refusal of a call; raises LookupError if it does not refuse."""
    if (error := _refusal(refuse)) is None:
        raise LookupError("nobody is refused")
    return error


def refusals_of_callers(route: str, path: str) -> dict[str, Exception]:
    """Whom a route refuses whatever he asks, by the name of what is wrong with him.

    `path` is an example of what is asked for.
    """
    return {name: error for name, error in _refusals(route, path) if error is not None}


def refusal_of_stranger(route: str, team_id: str = TEAM) -> AccessRefused:
    """The refusal of a user who does not manage the team."""
    return refused_by(lambda: check_team(route, somebody(INTERNAL_USER), Towards(team_id)))


def refusals_in_organization(route: str, *, reads: bool = False) -> dict[str, Exception]:
    """Those of a user who does not manage the organization, by what he is to it."""

    def refused(role: str | None, *, in_any: bool) -> AccessRefused:
        standing = OrganizationStanding(ORGANIZATION, role, in_any=in_any)
        caller = somebody(INTERNAL_USER)
        return refused_by(lambda: check_organization_admin(route, caller, standing, reads=reads))

    return {
        "in_no_organization": refused(None, in_any=False),
        "not_in_organization": refused(None, in_any=True),
        "not_organization_admin": refused(INTERNAL_USER, in_any=True),
    }


def _refusals(route: str, path: str) -> Iterator[tuple[str, AccessRefused | None]]:
    yield "no_key", _refusal(lambda: presented_key({}))
    yield "no_virtual_key", _refusal(lambda: identify("example", KEY))
    yield "unknown_key", _refusal(lambda: _judged(None))
    yield "blocked_key", _refusal(lambda: _judged(_facts(blocked=True)))
    yield "blocked_team", _refusal(lambda: _judged(_facts(), team_blocked=True))
    yield "expired_key", _refusal(lambda: _judged(_facts(expires=EXPIRED)))
    if POLICY[route].admits != {As.MASTER_KEY}:  # which is narrowed to no routes
        yield "other_routes", _refusal(lambda: check_allowed_routes(path, ("/models",)))
    yield "viewer", _refusal(lambda: check_route(route, somebody(VIEWER), path))
    yield "not_admin", _refusal(lambda: check_route(route, somebody(_refused_role(route)), path))


def _refused_role(route: str) -> str:
    """The highest role of users that the route check does not let pass, if there is one."""
    passes = _refusal(lambda: check_route(route, somebody(INTERNAL_USER))) is None
    return INTERNAL_VIEWER if passes and POLICY[route].writes else INTERNAL_USER


def _judged(key: KeyFacts | None, *, team_blocked: bool = False) -> Principal:
    return judge(_CREDENTIAL, key, INTERNAL_USER, _NOW, team_blocked=team_blocked)


def _facts(*, blocked: bool = False, expires: datetime | None = None) -> KeyFacts:
    return KeyFacts(STRANGER, TEAM, blocked, expires, allowed_routes=(), models=(), void=False)


def _refusal(refuse: Callable[[], object]) -> AccessRefused | None:
    try:
        refuse()
    except AccessRefused as error:
        return error
    return None
