"""What gateways ask, routes of our own (decision 010)."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from services.access.decisions import KeyPolicy, TeamPolicy
from services.access.funds import Funds, Purse
from services.access.policy import check_route
from services.access.principal import PROXY_ADMIN
from services.edge.app import DEFAULTS
from services.edge.errors import too_large, unexpected
from services.edge.openapi.answers.decision import Decision, Released
from services.edge.openapi.callers import KEY, TEAM, refusals_of_callers, refused_by, somebody
from services.edge.openapi.components import SERVER_TIMING
from services.edge.openapi.examples import ALIAS, KEY_VIEW, MODEL, NOW, USER
from services.edge.openapi.operation import CORRELATION_ID, Operation, Refusal
from services.edge.requests.decide import Decide
from services.projection.api.asked import asked
from services.projection.api.dependencies import unavailable
from services.projection.api.routes.decisions import (
    ReservationPath,
    as_decide,
    no_reservation,
)
from services.projection.api.verdicts import allowed
from services.projection.decisions.decider import Allowed, Held
from services.projection.decisions.standing import ThroughputLimit
from services.projection.head import Heads
from services.spend.following import LedgerHeads

DECIDE, RELEASE = "/v1/decide", "/v1/reservations/{reservation_id}"
RESERVATION = UUID("019cdd1f-7a63-7c5b-9c0f-2a61d5f0b7e4")
"""The reservation that is ended in the example."""

_MONTH = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
_SENT = {
    "key": KEY,
    "model": MODEL,
    "estimated_cost": 0.01,
    "reserve": True,
    "reservation_seconds": 60,
}
_VERDICT = Allowed(
    key=KeyPolicy(
        KEY_VIEW.token,
        f"sk-...{KEY[-4:]}",
        key_alias=ALIAS,
        user_id=USER,
        team=TeamPolicy(TEAM, team_alias="Core"),
    ),
    model=MODEL,
    limits=[ThroughputLimit(Purse.TEAM, TEAM, 100_000, None)],
    funds={
        Purse.TEAM: Funds(
            Purse.TEAM,
            TEAM,
            Decimal(100),
            Decimal(80),
            Decimal("84.25"),
            Decimal("0.01"),
            _MONTH,
            _MONTH.replace(month=4),
        )
    },
    held=Held(RESERVATION, Decimal("0.01"), NOW + timedelta(seconds=60)),
)


def _for_gateways(route: str, path: str) -> dict[str, Refusal]:
    callers = {
        name: refused
        for name, refused in refusals_of_callers(route, path).items()
        if name != "other_routes"  # a key that lists routes is no gateway's, or lists this one
    }
    return {
        **callers,
        "no_gateway": refused_by(lambda: check_route(route, somebody(PROXY_ADMIN), path)),
        "unexpected": unexpected(CORRELATION_ID),
        "unavailable": unavailable(),
    }


def _refused_body(raw: bytes) -> RequestValidationError:
    try:
        as_decide(raw)
    except RequestValidationError as refused:
        return refused
    raise AssertionError("the body is accepted")


def _refused_path() -> RequestValidationError:
    scope = {"type": "http", "query_string": b"", "path_params": {"reservation_id": "none"}}
    try:
        asked(Request(scope), ReservationPath)
    except RequestValidationError as refused:
        return refused
    raise AssertionError("the path is accepted")


POSTS: Mapping[str, Operation] = {
    DECIDE: Operation(
        "decide",
        Decision,
        example=allowed(_VERDICT, Heads(7, LedgerHeads(3))),
        bodies={"application/json": (Decide, _SENT)},
        headers=(SERVER_TIMING,),
        refusals={
            **_for_gateways(DECIDE, DECIDE),
            "malformed": _refused_body(b"{"),
            "bad_fields": _refused_body(b"{}"),
            "large_body": too_large(DEFAULTS.max_body_bytes),
        },
    ),
}
DELETES: Mapping[str, Operation] = {
    RELEASE: Operation(
        "end_reservation",
        Released,
        example={"released": str(RESERVATION)},
        path={"reservation_id": str(RESERVATION)},
        refusals={
            **_for_gateways(RELEASE, RELEASE.format(reservation_id=RESERVATION)),
            "no_reservation": no_reservation(),
            "bad_path": _refused_path(),
        },
    ),
}
