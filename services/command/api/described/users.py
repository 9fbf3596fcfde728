"""Routes on users (supporting-api.md 3)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from services.access.policy import check_new_user
from services.access.principal import INTERNAL_USER, ORG_ADMIN, PROXY_ADMIN, AccessRefused
from services.command.api.described.common import SEVERAL, command
from services.command.api.described.teams import NO_ORGANIZATION, NO_TEAM
from services.command.api.routes.bulk_users import no_rehearsal, nobody_named
from services.command.application.user_update import only_by_admins, only_himself
from services.command.domain.errors import (
    AlreadyExists,
    NegativeLimit,
    NotFound,
    TeamsNotByUpdate,
)
from services.edge.openapi import examples
from services.edge.openapi.answers.user import BulkUpdated, CreatedUser, UpdatedUser
from services.edge.openapi.callers import (
    KEY,
    ORGANIZATION,
    refusal_of_stranger,
    refused_by,
    somebody,
)
from services.edge.openapi.examples import ALIAS, EMAIL, KEY_VIEW, USER, USER_VIEW
from services.edge.openapi.operation import Operation
from services.edge.requests import user as requests
from services.edge.shapes.user import new_user_answer

_NEGATIVE = NegativeLimit("max_budget", Decimal(-1))
_EMAIL_TAKEN = AlreadyExists("email", EMAIL)
_LEADER = replace(somebody(INTERNAL_USER), org_roles=((ORGANIZATION, ORG_ADMIN),))
_ABOVE_HIM = refused_by(lambda: check_new_user(_LEADER, [ORGANIZATION], PROXY_ADMIN))
_FOREIGN_TEAM = AccessRefused(403, refusal_of_stranger("/team/member_add").text)
_UPDATED = {**examples.user_row(), "max_budget": 50.0}

OPERATIONS: Mapping[str, Operation] = {
    "/user/new": command(
        "/user/new",
        "create_user",
        CreatedUser,
        body=requests.NewUser,
        sent={"user_id": USER, "user_email": EMAIL, "user_role": "internal_user"},
        example=new_user_answer(USER_VIEW, KEY_VIEW, KEY),
        domain=(
            AlreadyExists("user", USER),
            _EMAIL_TAKEN,
            AlreadyExists("key_alias", ALIAS),
            NO_TEAM,
            NO_ORGANIZATION,
            _NEGATIVE,
        ),
        others={"above_him": _ABOVE_HIM, "not_team_admin": _FOREIGN_TEAM},
    ),
    "/user/update": command(
        "/user/update",
        "update_user",
        UpdatedUser,
        body=requests.UpdateUser,
        sent={"user_id": USER, "max_budget": 50},
        example={"user_id": USER, "data": _UPDATED},
        domain=(_EMAIL_TAKEN, _NEGATIVE, TeamsNotByUpdate()),
        others={"not_himself": only_himself(), "for_admins": only_by_admins(["user_role"])},
    ),
    "/user/bulk_update": command(
        "/user/bulk_update",
        "bulk_update_users",
        BulkUpdated,
        body=requests.BulkUpdateUsers,
        sent={"users": [{"user_id": USER, "max_budget": 50}, {"user_id": USER, "max_budget": -1}]},
        example={
            "results": [
                {
                    "user_id": USER,
                    "user_email": None,
                    "success": True,
                    "error": None,
                    "updated_user": _UPDATED,
                },
                {
                    "user_id": USER,
                    "user_email": None,
                    "success": False,
                    "error": str(_NEGATIVE),
                    "updated_user": None,
                },
            ],
            "total_requested": 2,
            "successful_updates": 1,
            "failed_updates": 1,
        },
        others={"nobody": nobody_named(), "no_rehearsal": no_rehearsal(), **SEVERAL},
    ),
    "/user/delete": command(
        "/user/delete",
        "delete_users",
        int,
        body=requests.DeleteUsers,
        sent={"user_ids": [USER]},
        example=1,
        domain=(NotFound("user", "missing"),),
        others=SEVERAL,
        versioned=False,
    ),
}
