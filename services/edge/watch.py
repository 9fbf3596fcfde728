"""Watches for refused calls of privileged routes: writes, and reads that only admins may do.

Nothing is awaited and nothing read but what is there; secrets are told by the beginning of a hash.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.access.credentials import hash_key, presented_key
from services.access.principal import AccessRefused
from services.access.rules import POLICY

REFUSALS = frozenset({401, 403})
WRONG_KEY, KEY_BEGINS = "token_not_found_in_db", "sk-"
SHOWN_DIGITS = 16


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was refused. `route` is a template: ids in a path may be e-mail addresses.

    `reason` is the type of the error, `key` the first digits of the sha256 of what was presented,
    None for what is no key: it might be a password.
    """

    method: str
    route: str
    status: int
    reason: str | None
    key: str | None
    correlation_id: str

    @property
    def wrong_key(self) -> bool:
        """Whether nobody has such a key."""
        return self.key is None or self.reason == WRONG_KEY


Notice = Callable[[RefusedCall], None]


class Watch:
    """Tells `app.state.refused`, if there is one, of every such refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in REFUSALS:
                _notice(scope, message["status"])
            await send(message)

        await self._app(scope, receive, watched)


def _notice(scope: Scope, status: int) -> None:
    state = scope["app"].state
    notice: Notice | None = getattr(state, "refused", None)
    route = getattr(scope.get("route"), "path", None)
    if notice is None or route is None or not is_privileged(route):
        return
    headers = cast("Mapping[str, str]", Headers(scope=scope))
    try:
        secret = presented_key(headers, getattr(state, "key_header", None))
    except AccessRefused:
        return
    told: dict[str, str] = scope["state"]
    refused = RefusedCall(
        method=scope["method"],
        route=route,
        status=status,
        reason=told.get("refused_as"),
        key=hash_key(secret)[:SHOWN_DIGITS] if secret.startswith(KEY_BEGINS) else None,
        correlation_id=told["correlation_id"],
    )
    notice(refused)


def is_privileged(route: str) -> bool:
    """Whether the route writes, or is for admins; what everybody may read is not."""
    rule = POLICY.get(route)
    return rule is not None and (rule.writes or rule.routed)
