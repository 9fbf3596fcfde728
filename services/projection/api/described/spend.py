"""Reads about what was spent (team-api.md 3.19, supporting-api.md 4, 6), and /v1/spend."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from events.streams import KEY, TEAM
from services.access.activity import Asked, activity_scope
from services.access.principal import INTERNAL_USER, AccessRefused, Principal
from services.access.sight import (
    Known,
    sight_of_all,
    sight_of_calls,
    sight_of_himself,
    sight_of_organizations,
)
from services.edge.openapi.answers.report import Activity
from services.edge.openapi.answers.spend import CallPage, ReportDay, Spend, SpendOfTeams
from services.edge.openapi.callers import ORGANIZATION, STRANGER, refused_by, somebody
from services.edge.openapi.callers import TEAM as CORE
from services.edge.openapi.examples import ALIAS, KEY_VIEW, MODEL, USER
from services.edge.openapi.operation import Operation
from services.edge.shapes.activity import Line, Metrics, activity_day, daily_activity
from services.edge.shapes.activity import metrics as shown
from services.edge.shapes.spend_groups import By, csv_head, csv_line, group
from services.edge.shapes.spend_reports import (
    Call,
    TeamDay,
    TeamLine,
    call,
    report_day,
    spend_of_teams,
)
from services.projection.api.days import no_dates
from services.projection.api.dependencies import too_long
from services.projection.api.described.common import read
from services.projection.api.routes import global_spend, spend, spend_logs

_DAY, _BEGAN = date(2026, 3, 11), datetime(2026, 3, 11, 13, 27, 45, tzinfo=UTC)
_SPENT = Metrics(Decimal("0.0125"), 1200, 300, 0, 0, 1, 0)
_GROUP = {"team_id": CORE, "team_alias": "Core", "day": _DAY.isoformat()}
_BY: tuple[By, ...] = ("team", "day")
_DATES: Mapping[str, str | int] = {"start_date": "2026-03-01", "end_date": "2026-03-31"}
_SOMEBODY, _NOBODY = somebody(INTERNAL_USER), somebody(INTERNAL_USER, None)
_HERE = Known(user=1)
_LONG = {"too_long": too_long()}


def _activity(kind: str, entity: str, label: Mapping[str, str]) -> Any:  # noqa: ANN401
    line = Line(_DAY, entity, KEY_VIEW.token, MODEL, None, None, "openai", None, _SPENT)
    of_key = {"key_alias": ALIAS, "team_id": CORE}
    labels = {(KEY, KEY_VIEW.token): of_key, (kind, entity): dict(label)}
    return daily_activity([activity_day([line], kind, labels)], _SPENT, page=1, total_pages=1)


def _of_team(user_id: str | None, *, user_known: bool) -> AccessRefused:
    """The refusal of a caller who asks for the activity of a team that he is not in."""
    caller, asked = somebody(INTERNAL_USER, user_id), Asked(team_ids=[CORE])
    return refused_by(lambda: activity_scope(caller, asked, {}, user_known=user_known))


def _of_user(caller: Principal, known: Known, asked: str | None = None) -> AccessRefused:
    return refused_by(lambda: sight_of_himself(caller, asked, known))


def _of_users(route: str, id: str, *, paged: bool) -> Operation:  # noqa: A002
    paging: Mapping[str, str | int] = {"page": 1, "page_size": 50} if paged else {}
    return read(
        route,
        id,
        Activity,
        query={**_DATES, "user_id": USER, "timezone": "Europe/Berlin", **paging},
        example=_activity("user", USER, {}),
        refusals={
            "no_dates": no_dates(),
            "no_user": _of_user(_NOBODY, Known()),
            "no_user_row": _of_user(_SOMEBODY, Known()),
            "not_his_own": _of_user(_SOMEBODY, _HERE, USER),
            **_LONG,
        },
    )


_CALL = Call(
    request_id="chatcmpl-8f14e45f",
    started_at=_BEGAN,
    ended_at=_BEGAN + timedelta(seconds=2),
    cost=_SPENT.spend,
    prompt_tokens=_SPENT.prompt_tokens,
    completion_tokens=_SPENT.completion_tokens,
    succeeded=True,
    corrects=None,
    key_hash=KEY_VIEW.token,
    key_alias=ALIAS,
    user_id=USER,
    team_id=CORE,
    team_alias="Core",
    organization_id=None,
    model=MODEL,
    model_group=None,
    provider="openai",
    endpoint="/chat/completions",
    mcp_tool=None,
    tags=("checkout",),
)


def _of_calls(route: str, id: str) -> Operation:  # noqa: A002
    session = replace(_SOMEBODY, team_id="litellm-dashboard")
    return read(
        route,
        id,
        CallPage,
        query={**_DATES, "team_id": CORE, "page": 1, "page_size": 50},
        example={
            "data": [call(_CALL)],
            "total": 1,
            "page": 1,
            "page_size": 50,
            "total_pages": 1,
        },
        refusals={
            "no_dates": spend_logs.no_dates(),
            "no_end_users": spend_logs.no_end_users(),
            "not_team_admin": refused_by(lambda: sight_of_calls(session, CORE, _HERE)),
            **_LONG,
        },
    )


OPERATIONS: Mapping[str, Operation] = {
    "/team/daily/activity": read(
        "/team/daily/activity",
        "get_team_activity",
        Activity,
        query={**_DATES, "team_ids": CORE, "timezone": "Europe/Berlin"},
        example=_activity(TEAM, CORE, {"team_alias": "Core"}),
        refusals={
            "no_dates": no_dates(),
            "no_user": _of_team(None, user_known=False),
            "no_user_row": _of_team(STRANGER, user_known=False),
            "not_in_team": _of_team(STRANGER, user_known=True),
            **_LONG,
        },
    ),
    "/user/daily/activity": _of_users("/user/daily/activity", "get_user_activity", paged=True),
    "/user/daily/activity/aggregated": _of_users(
        "/user/daily/activity/aggregated", "get_whole_user_activity", paged=False
    ),
    "/organization/daily/activity": read(
        "/organization/daily/activity",
        "get_organization_activity",
        Activity,
        query={**_DATES, "organization_ids": ORGANIZATION, "page": 1, "page_size": 10},
        example=_activity("organization", ORGANIZATION, {"organization_alias": "Research"}),
        refusals={
            "no_dates": no_dates(),
            "leads_none": refused_by(lambda: sight_of_organizations(_SOMEBODY, None, _HERE)),
            "leads_another": refused_by(
                lambda: sight_of_organizations(
                    _SOMEBODY, ["missing"], replace(_HERE, administered={ORGANIZATION: 1})
                )
            ),
            **_LONG,
        },
    ),
    "/global/spend/teams": read(
        "/global/spend/teams",
        "get_spend_of_teams",
        SpendOfTeams,
        query={"timezone": "Europe/Berlin"},
        example=spend_of_teams([TeamDay(_DAY, CORE, _SPENT)], {CORE: "Core"}),
        refusals=_LONG,
    ),
    "/global/spend/report": read(
        "/global/spend/report",
        "report_spend_of_teams",
        list[ReportDay],
        query={**_DATES, "group_by": "team"},
        example=[
            report_day(
                datetime(2026, 3, 11, tzinfo=UTC),
                [TeamLine(_DAY, CORE, MODEL, KEY_VIEW.token, _SPENT)],
                {CORE: "Core"},
            )
        ],
        refusals={
            "no_dates": no_dates(),
            "no_customers": global_spend.no_customers(),
            **_LONG,
        },
    ),
    "/spend/logs/v2": _of_calls("/spend/logs/v2", "list_calls"),
    "/spend/logs/ui": _of_calls("/spend/logs/ui", "list_calls_at_a_dashboard"),
    "/v1/spend": replace(
        read(
            "/v1/spend",
            "get_spend",
            Spend,
            query={
                "from": "2026-03-01",
                "to": "2026-03-31",
                "group_by": "team,day",
                "timezone": "Europe/Berlin",
            },
            example={
                "from": "2026-03-01",
                "to": "2026-03-31",
                "timezone": "Europe/Berlin",
                "group_by": list(_BY),
                "overlapping": False,
                "total": shown(_SPENT),
                "groups": [group(_GROUP, _SPENT)],
            },
            refusals={
                "no_range": spend.missing_dates(None, None),
                "no_user": refused_by(lambda: sight_of_all(_NOBODY, Known())),
                "too_many_groups": spend.too_many_groups(),
                **_LONG,
            },
        ),
        csv=csv_head(_BY) + csv_line(_GROUP, _SPENT),
    ),
}
