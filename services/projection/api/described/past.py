"""History, differences and origins of teams, users, keys and organizations (decision 017)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from events.envelope import Envelope, Meta
from events.streams import TEAM as TEAM_KIND
from events.streams import stream
from events.team import TeamBudgetChanged
from events.values import JsonObject, TeamBudget
from services.access.principal import INTERNAL_USER
from services.access.visibility import check_user_info, stranger_to_team
from services.edge.errors import ShapeA, ShapeB
from services.edge.openapi.answers.past import Blame, HistoryPage, StateDiff
from services.edge.openapi.callers import (
    KEY,
    ORGANIZATION,
    TEAM,
    refusals_in_organization,
    refused_by,
    somebody,
)
from services.edge.openapi.examples import USER
from services.edge.openapi.operation import Operation, of_path
from services.edge.shapes.past import (
    Origin,
    Point,
    difference,
    entry,
    field_origin,
    member_origin,
    origin,
    timeline,
)
from services.projection.api.described.common import read
from services.projection.api.routes import blame, differences, history
from services.projection.api.routes.differences import still_to_come

_ID = "019cdd1f-7a63-7c5b-9c0f-2a61d5f0b7e4"
_AT = Envelope(
    originator_id=stream(TEAM_KIND, TEAM),
    originator_version=3,
    position=7,
    event_id=_ID,
    recorded_at=datetime(2026, 3, 11, 13, 27, 45, 491966, tzinfo=UTC),
    incarnation=1,
    index=0,
    count=1,
    meta=Meta(_ID, "UpdateTeam", "ann", None, "internal_user", correlation_id="req-1"),
    event=TeamBudgetChanged(
        before=TeamBudget(max_budget=Decimal(10), budget_duration="30d"),
        after=TeamBudget(max_budget=Decimal(20), budget_duration="30d"),
    ),
)
_BY = Origin(_AT, "ann@example.com", None, None)
_CHANGES: list[JsonObject] = [{"field": "max_budget", "from": 10.0, "to": 20.0}]
_SENTENCE = "ann@example.com raised the budget from 10 USD to 20 USD per 30d"
_HISTORY = timeline([entry(_BY, _SENTENCE, _CHANGES)], 7)
_DIFF = difference(
    Point(replace(_AT, originator_version=1, position=1), live=True),
    Point(_AT, live=True),
    _CHANGES,
)
_SET_BY = origin(_BY)


def _blame(subject: str, *, members: bool) -> JsonObject:
    role = field_origin("role", "admin", _SET_BY)
    return {
        "subject": subject,
        "live": True,
        "incarnation": 1,
        "version": 3,
        "fields": [field_origin("max_budget", 20.0, _SET_BY)],
        "members": [member_origin("ann", "ann@example.com", _SET_BY, [role])] if members else [],
    }


_PATHS = {
    "team": {"team_id": TEAM},
    "user": {"user_id": USER},
    "key": {"key": KEY},
    "organization": {"organization_id": ORGANIZATION},
}


def _refusals(kind: str, route: str) -> Mapping[str, Exception]:
    of_kind: Mapping[str, Mapping[str, Exception]] = {
        "team": {
            "no_team": ShapeA(404, "Team not found, passed team id: missing."),
            "not_in_team": ShapeB(403, stranger_to_team(somebody(INTERNAL_USER), TEAM)),
        },
        "user": {
            "no_user": ShapeA(404, "User missing not found"),
            "not_his_own": refused_by(lambda: check_user_info(somebody(INTERNAL_USER), USER)),
        },
        "key": {
            "no_key_of_this_name": ShapeA(404, "Key not found in database"),
            "not_his_key": ShapeB(
                403,
                f"You are not allowed to access this key's info. Your role={INTERNAL_USER}",
            ),
        },
        "organization": {
            "no_organization": ShapeA(404, "Organization not found"),
            **refusals_in_organization(of_path(route, _PATHS["organization"]), reads=True),
        },
    }
    return of_kind[kind]


def _operations(kind: str, told: str, differs: str, blames: str) -> Mapping[str, Operation]:
    path = _PATHS[kind]
    subject = f"{kind}/{next(iter(path.values()))}"
    return {
        told: read(
            told,
            f"list_{kind}_history",
            HistoryPage,
            path=path,
            query={"limit": 1, "actor": "default_user_id"},
            example=_HISTORY,
            refusals=_refusals(kind, told),
        ),
        differs: read(
            differs,
            f"diff_{kind}",
            StateDiff,
            path=path,
            query={"from": "v1"},
            example=_DIFF,
            refusals={**_refusals(kind, differs), "ahead": still_to_come()},
        ),
        blames: read(
            blames,
            f"blame_{kind}",
            Blame,
            path=path,
            example=_blame(subject, members=kind in {"team", "organization"}),
            refusals=_refusals(kind, blames),
        ),
    }


OPERATIONS: Mapping[str, Operation] = {
    **_operations("team", history.TEAM, differences.TEAM, blame.TEAM),
    **_operations("user", history.USER, differences.USER, blame.USER),
    **_operations("key", history.KEY, differences.KEY, blame.KEY),
    **_operations(
        "organization", history.ORGANIZATION, differences.ORGANIZATION, blame.ORGANIZATION
    ),
}
