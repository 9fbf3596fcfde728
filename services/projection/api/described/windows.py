"""Reads of budget windows, routes of our own (decision 010)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from services.access.principal import INTERNAL_USER
from services.access.visibility import check_user_info, stranger_to_team
from services.edge.errors import ShapeA, ShapeB
from services.edge.openapi.answers.window import WindowPage
from services.edge.openapi.callers import (
    KEY,
    ORGANIZATION,
    TEAM,
    refusals_in_organization,
    refused_by,
    somebody,
)
from services.edge.openapi.examples import NOW, USER
from services.edge.openapi.operation import Operation, of_path
from services.edge.shapes.window import ResetView, WindowView, windows
from services.projection.api.described.common import read
from services.projection.api.routes import windows as routes

_MONTHS = [datetime(2026, month, 1, tzinfo=NOW.tzinfo) for month in (2, 3, 4)]
_RESET = ResetView(NOW - timedelta(days=2), Decimal(0), "default_user_id")
_LIMITS = Decimal(100), Decimal(80)
_EXAMPLE = windows(
    [
        WindowView(_MONTHS[1], _MONTHS[2], Decimal("12.5"), *_LIMITS, _RESET),
        WindowView(_MONTHS[0], _MONTHS[1], Decimal("84.25"), *_LIMITS, None),
    ],
    NOW,
    _MONTHS[0],
)
_NO_TEAM = {
    "no_team": ShapeA(404, "Team not found, passed team id: missing."),
    "not_in_team": ShapeB(403, stranger_to_team(somebody(INTERNAL_USER), TEAM)),
}


def _windows(
    route: str,
    name: str,
    path: Mapping[str, str],
    refusals: Mapping[str, Exception],
) -> Operation:
    query: Mapping[str, str | int] = {"limit": 2}
    return read(
        route, name, WindowPage, path=path, query=query, example=_EXAMPLE, refusals=refusals
    )


OPERATIONS: Mapping[str, Operation] = {
    routes.TEAM: _windows(routes.TEAM, "list_team_windows", {"team_id": TEAM}, _NO_TEAM),
    routes.MEMBER: _windows(
        routes.MEMBER,
        "list_member_windows",
        {"team_id": TEAM, "user_id": USER},
        {
            **_NO_TEAM,
            "no_member": ShapeA(404, "User missing is not in team core"),
        },
    ),
    routes.KEY: _windows(
        routes.KEY,
        "list_key_windows",
        {"key": KEY},
        {
            "no_key_of_this_name": ShapeB(404, "Key not found in database"),
            "not_his_key": ShapeB(
                403,
                f"You are not allowed to access this key's info. Your role={INTERNAL_USER}",
            ),
        },
    ),
    routes.USER: _windows(
        routes.USER,
        "list_user_windows",
        {"user_id": USER},
        {
            "no_user": ShapeA(404, "User missing not found"),
            "not_his_own": refused_by(lambda: check_user_info(somebody(INTERNAL_USER), USER)),
        },
    ),
    routes.ORGANIZATION: _windows(
        routes.ORGANIZATION,
        "list_organization_windows",
        {"organization_id": ORGANIZATION},
        {
            "no_organization": ShapeA(404, "Organization not found"),
            **refusals_in_organization(
                of_path(routes.ORGANIZATION, {"organization_id": ORGANIZATION}), reads=True
            ),
        },
    ),
}
