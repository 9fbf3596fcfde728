"""Routes that have spend go on from another amount (supporting-api.md 2.8, 6)."""

from collections.abc import Mapping
from decimal import Decimal

from services.access.credentials import hash_key
from services.access.principal import AccessRefused
from services.command.api.described.common import SEVERAL, command
from services.command.api.described.teams import NO_TEAM
from services.command.application.resets import (
    EVERYWHERE_ROUTE,
    KEY_ROUTE,
    MEMBER_ROUTE,
    OUR_MEMBER_ROUTE,
)
from services.command.domain.errors import NotAMember, NotFound, NotResettable
from services.edge.openapi.answers.window import AllReset, KeyReset, MemberReset
from services.edge.openapi.callers import KEY, TEAM, refusal_of_stranger
from services.edge.openapi.examples import USER
from services.edge.openapi.operation import Operation
from services.edge.requests import spend as requests
from services.edge.shapes.spend import ALL_RESET, ResetView, key_reset, member_reset

_SENT = {"reset_to": 0, "reason": "booked by mistake"}
_VIEW = ResetView(Decimal(0), Decimal(0), Decimal(25), None)
_TOO_MUCH = NotResettable("reset_to (1.0) must be <= current spend (0.0)")


def _of_member(route: str, name: str) -> Operation:
    return command(
        route,
        name,
        MemberReset,
        body=requests.ResetSpend,
        sent=_SENT,
        example=member_reset(TEAM, USER, _VIEW),
        path={"team_id": TEAM, "user_id": USER},
        domain=(NO_TEAM, NotAMember("missing"), _TOO_MUCH),
        others={
            "not_team_admin": refusal_of_stranger(route),
            "his_own": AccessRefused(
                403, "Cannot reset your own spend. Ask a proxy admin.", body="A"
            ),
        },
    )


OPERATIONS: Mapping[str, Operation] = {
    KEY_ROUTE: command(
        KEY_ROUTE,
        "reset_key_spend",
        KeyReset,
        body=requests.ResetSpend,
        sent=_SENT,
        example=key_reset(hash_key(KEY), _VIEW),
        path={"key": KEY},
        domain=(NotFound("key", "sk-missing"), _TOO_MUCH),
        others={
            "not_for_him": AccessRefused(
                403, "You are not authorized to reset the spend of this key"
            ),
        },
    ),
    MEMBER_ROUTE: _of_member(MEMBER_ROUTE, "reset_member_spend"),
    OUR_MEMBER_ROUTE: _of_member(OUR_MEMBER_ROUTE, "reset_spend_of_member"),
    EVERYWHERE_ROUTE: command(
        EVERYWHERE_ROUTE,
        "reset_all_spend",
        AllReset,
        body=None,
        sent=None,
        example=ALL_RESET,
        others=SEVERAL,
        versioned=False,
    ),
}
