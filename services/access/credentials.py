"""From headers to a principal (auth.md chapters 1 and 2); pure."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from events.key import GATEWAY_ROUTES
from services.access.principal import (
    MASTER_USER,
    PROXY_ADMIN,
    AccessRefused,
    Credential,
    KeyFacts,
    Principal,
)
from services.access.refusals import (
    blocked_key,
    blocked_team,
    expired_key,
    malformed_key,
    other_routes,
    unknown_key,
)

MODEL_ROUTES = "llm_api_routes"
"""All routes that models are called by, as a key's own list names them."""

MAX_ROTATIONS = 3
"""How many rotations, all within their grace periods, a secret may lie behind its key (A08)."""

RAW_HEADERS = ("api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key")
_PREFIXES = ("Bearer ", "bearer ", "Basic ")
_AWS = re.compile(r"Credential=(?:Bearer )?([^/,]+)")


def hash_key(secret: str) -> str:
    """Lower-case hex sha256: how a key is stored and shown (auth.md 1.2)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def presented_key(headers: Mapping[str, str], configured: str | None = None) -> str:
    """The key that a request presents; the first header that is there decides (auth.md 1.1).

    Raises AccessRefused 401 when there is none or nothing is left of it.
    """
    found = _find(headers, configured)
    if found is None:
        raise AccessRefused(401, "Authentication Error, No api key passed in.")
    if not found:
        raise AccessRefused(
            401,
            "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.",
        )
    return found


def _find(headers: Mapping[str, str], configured: str | None) -> str | None:
    if configured is not None:
        value = headers.get(configured)
        return None if value is None else _after_prefix(value)
    if (value := headers.get("x-litellm-api-key")) is not None:
        return _after_prefix(value) or value
    if (value := headers.get("authorization")) is not None:
        return _after_prefix(value)
    for name in RAW_HEADERS:
        if (value := headers.get(name)) is not None:
            return value
    return None


def _after_prefix(value: str) -> str:
    for prefix in _PREFIXES:
        if value.startswith(prefix):
            return value[len(prefix) :].strip()
    if value.startswith("AWS4-HMAC-SHA256") and (match := _AWS.search(value)):
        return match.group(1)
    return ""


def identify(secret: str, *master_keys: str) -> Credential:
    """Raises AccessRefused 401 for what is neither a master key nor begins with `sk-`.

    Each is compared in constant time.
    """
    token, given = hash_key(secret), secret.encode()
    if any(hmac.compare_digest(given, master.encode()) for master in master_keys):
        return Credential(token, secret[-4:], master=True)
    if not secret.startswith("sk-"):
        raise malformed_key(secret)
    return Credential(token, secret[-4:], master=False)


def master_principal(credential: Credential) -> Principal:
    """The master key is a proxy admin and a user of its own (auth.md 1.2)."""
    return Principal(credential.token, MASTER_USER, PROXY_ADMIN, team_id=None, master=True)


def judge(
    credential: Credential,
    key: KeyFacts | None,
    role: str | None,
    now: datetime,
    *,
    team_blocked: bool,
) -> Principal:
    """The principal of a virtual key, or AccessRefused in the order of auth.md chapter 2."""
    if key is None or key.void:
        raise unknown_key(credential.token, credential.tail)
    if key.blocked:
        raise blocked_key()
    if key.expires is not None and key.expires <= now:
        raise expired_key(key.expires, now, f"sk-...{credential.tail}")
    if team_blocked:
        raise blocked_team(key.team_id)
    return Principal(
        credential.token,
        key.user_id,
        role,
        key.team_id,
        user_known=key.user_known,
        gateway=gateway_source(key),
    )


def gateway_source(key: KeyFacts) -> str | None:
    """The source that a gateway's key reports for: nobody owns it, and it has a name."""
    owned = key.user_id is not None or key.team_id is not None
    return None if owned or key.allowed_routes != (GATEWAY_ROUTES,) else key.alias


def check_allowed_routes(route: str, allowed: tuple[str, ...]) -> None:
    """A key's own list only narrows, whatever the role (auth.md 3.3, register D02)."""
    if allowed and not any(_covers(entry, route) for entry in allowed):
        raise other_routes(route, allowed)


def covers_call(allowed: Sequence[str], route: str) -> bool:
    """Whether a key's own list lets it call models by a route (auth.md 3.3)."""
    return not allowed or MODEL_ROUTES in allowed or any(_covers(e, route) for e in allowed)


def routes_within(wanted: Sequence[str], allowed: Sequence[str]) -> bool:
    """Whether a list of routes lets a key reach nothing that another list does not (S04).

    An empty list stands for all routes.
    """
    if not allowed:
        return True
    return bool(wanted) and all(any(_holds(e, entry) for e in allowed) for entry in wanted)


def _holds(allowed: str, entry: str) -> bool:
    """Whether one entry covers all that another one covers; groups are the same, or not."""
    if entry == allowed:
        return True
    if not entry.endswith("*"):
        return entry.startswith("/") and _covers(allowed, entry)
    start = entry[:-1]
    if allowed == "management_routes" or allowed.endswith("*"):
        return _covers(allowed, start)
    path = allowed.rstrip("/")
    return path != "" and start.startswith(path + "/")


_MANAGEMENT = (
    *("/team/", "/v2/team/", "/user/", "/key/", "/organization/", "/budget/", "/audit"),
    *("/v1/teams/", "/v1/keys/", "/v1/users/", "/v1/organizations/"),
)
_LLM = frozenset({"/models", "/v1/models"})
"""The routes of a gateway that are answered here."""

_INFO = _LLM | {
    *("/key/info", "/team/info", "/team/list", "/v2/team/list", "/team/available"),
    *("/organization/list", "/user/info", "/v2/key/info", "/key/list"),
}
_GROUPS: Mapping[str, frozenset[str]] = {"info_routes": _INFO, "llm_api_routes": _LLM}
_GATEWAY = re.compile(r"/v1/(usage|decide|reservations(/.*)?)")


def _covers(entry: str, route: str) -> bool:
    if entry == GATEWAY_ROUTES:
        return _GATEWAY.fullmatch(route) is not None
    if entry == "management_routes":
        return route.startswith(_MANAGEMENT)
    if entry in _GROUPS:
        return route in _GROUPS[entry]
    if entry.endswith("*"):
        return route.startswith(entry[:-1])
    path = entry.rstrip("/")
    return route == entry or (path != "" and route.startswith(path + "/"))
