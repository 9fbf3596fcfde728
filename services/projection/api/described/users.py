"""Reads about users (supporting-api.md 3)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC

from services.access.principal import INTERNAL_USER, ORG_ADMIN
from services.access.visibility import check_user_info, organizations_listed
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.openapi import examples
from services.edge.openapi.answers.user import RoleOfUsers, UserInfo, UserPage, UserPick
from services.edge.openapi.callers import ORGANIZATION, TEAM, refused_by, somebody
from services.edge.openapi.examples import EMAIL, NOW, USER, USER_VIEW
from services.edge.openapi.operation import Operation
from services.edge.shapes.user import listed_user
from services.projection.api.described.common import read
from services.projection.api.routes.user_lists import bad_order, no_list, no_search, shown_roles

_LEADER = replace(somebody(INTERNAL_USER), org_roles=((ORGANIZATION, ORG_ADMIN),))
_FOREIGN = "other"

OPERATIONS: Mapping[str, Operation] = {
    "/user/info": read(
        "/user/info",
        "get_user",
        UserInfo,
        past=True,
        query={"user_id": USER},
        example={
            "user_id": USER,
            "user_info": examples.user_row(),
            "keys": [{**examples.key_row(), "team_alias": "Core"}],
            "teams": [examples.list_item()],
        },
        versioned=True,
        refusals={
            "no_user": ShapeB(404, "User missing not found", family=MANAGEMENT),
            "not_his_own": refused_by(lambda: check_user_info(somebody(INTERNAL_USER), USER)),
        },
    ),
    "/user/list": read(
        "/user/list",
        "list_users",
        UserPage,
        query={"role": INTERNAL_USER, "page": 1, "page_size": 25},
        example={
            "users": [listed_user(USER_VIEW, 1, NOW, UTC)],
            "total": 1,
            "page": 1,
            "page_size": 25,
            "total_pages": 1,
        },
        refusals={
            "no_admin": no_list(),
            "not_his_organization": refused_by(lambda: organizations_listed(_LEADER, (_FOREIGN,))),
            "bad_order": bad_order("order", "'asc' or 'desc'"),
        },
    ),
    "/user/filter/ui": read(
        "/user/filter/ui",
        "search_users",
        list[UserPick],
        query={"user_email": "ann@", "team_id": TEAM},
        example=[{"user_id": USER, "user_email": EMAIL}],
        refusals={"no_team_admin": no_search()},
    ),
    "/user/available_roles": replace(
        read(
            "/user/available_roles",
            "list_roles",
            dict[str, RoleOfUsers],
            example=shown_roles(),
        ),
        headers=(),
    ),
}
