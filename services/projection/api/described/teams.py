"""Reads about teams (team-api.md 3.4 to 3.8, 3.17, 4)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC

from services.access.principal import INTERNAL_USER
from services.access.visibility import check_teams_of, stranger_to_team
from services.edge.errors import INFO, INFO_MESSAGE, ShapeA, ShapeB
from services.edge.openapi import examples
from services.edge.openapi.answers.member import Callbacks
from services.edge.openapi.answers.team import (
    Permissions,
    Team,
    TeamInfo,
    TeamListItem,
    TeamPage,
    TeamRow,
)
from services.edge.openapi.callers import (
    TEAM,
    refusal_of_stranger,
    refused_by,
    somebody,
)
from services.edge.openapi.examples import NOW, TEAM_VIEW
from services.edge.openapi.operation import Operation
from services.edge.shapes.permissions import permissions_list
from services.edge.shapes.team import team_info
from services.projection.api.described.common import read

_CALLBACK = "/team/{team_id:path}/callback"
_NOBODY = replace(somebody(None), user_known=False)
_ITEM = examples.list_item()
_NOT_HIS = {
    "not_his_own": refused_by(lambda: check_teams_of(somebody(INTERNAL_USER), None)),
    "no_user_row": refused_by(lambda: check_teams_of(_NOBODY, None)),
}


OPERATIONS: Mapping[str, Operation] = {
    "/team/info": read(
        "/team/info",
        "get_team",
        TeamInfo,
        past=True,
        query={"team_id": TEAM},
        example={
            "team_id": TEAM,
            "team_info": team_info(TEAM_VIEW, NOW, UTC),
            "keys": _ITEM["keys"],
            "team_memberships": _ITEM["team_memberships"],
        },
        refusals={
            "no_team_id": ShapeB(
                422, "Malformed request. No team id passed in.", family=INFO_MESSAGE
            ),
            "no_team": ShapeB(404, "Team not found, passed team id: missing.", family=INFO_MESSAGE),
            "not_in_team": ShapeB(
                403, stranger_to_team(somebody(INTERNAL_USER), TEAM), family=INFO
            ),
        },
        versioned=True,
    ),
    "/team/list": read(
        "/team/list",
        "list_teams",
        list[TeamListItem],
        past=True,
        query={"limit": 10},
        example=[_ITEM],
        refusals=_NOT_HIS,
    ),
    "/v2/team/list": read(
        "/v2/team/list",
        "list_teams_by_page",
        TeamPage,
        past=True,
        query={"team_alias": "cor", "sort_by": "team_alias", "page": 1, "page_size": 10},
        example={
            "teams": [examples.team()],
            "total": 1,
            "page": 1,
            "page_size": 10,
            "total_pages": 1,
        },
        refusals={
            **_NOT_HIS,
            "bad_status": ShapeA(
                400, "Invalid status value. Currently only 'deleted' is supported."
            ),
            "no_user": ShapeA(404, "User not found, passed user_id=missing"),
            "user_not_in_team": ShapeA(404, "User is not a member of team_id=missing"),
        },
    ),
    "/team/available": read(
        "/team/available",
        "list_available_teams",
        list[Team],
        example=[examples.team()],
        refusals={"no_user": ShapeA(404, "User not found")},
    ),
    "/team/filter/ui": read(
        "/team/filter/ui",
        "search_teams",
        list[TeamRow],
        query={"team_alias": "cor", "page": 1, "page_size": 50},
        example=[examples.team_row()],
    ),
    "/team/permissions_list": read(
        "/team/permissions_list",
        "list_member_permissions",
        Permissions,
        query={"team_id": TEAM},
        example=permissions_list(TEAM, []),
        refusals={
            "no_team": ShapeA(
                404, "Team doesn't exist in db. Team=missing. Create team via `/team/new` call."
            ),
            "not_team_admin": refusal_of_stranger("/team/permissions_list"),
        },
    ),
    _CALLBACK: read(
        _CALLBACK,
        "get_team_callbacks",
        Callbacks,
        path={"team_id": TEAM},
        example={
            "status": "success",
            "data": {
                "team_id": TEAM,
                "success_callbacks": ["langfuse"],
                "failure_callbacks": [],
                "callback_vars": {"langfuse_secret_key": "sk-l****6789"},
            },
        },
        refusals={"no_team": ShapeB(404, "Team id = missing does not exist.")},
        versioned=True,
    ),
}
