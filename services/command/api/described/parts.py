"""Routes on one part of a team (team-api.md 3.15, 3.16, 3.18, 4)."""

from collections.abc import Mapping

from services.command.api.described.common import command
from services.command.api.described.teams import MASKED, NO_TEAM
from services.command.application.team_parts import CALLBACK_ROUTE, DISABLE_ROUTE
from services.command.domain.errors import AlreadyExists, LastModel
from services.edge.openapi import examples
from services.edge.openapi.answers.member import AddedCallback, LoggingDisabled
from services.edge.openapi.answers.team import Team, TeamRow
from services.edge.openapi.callers import TEAM, refusal_of_stranger
from services.edge.openapi.operation import Operation
from services.edge.requests import team as requests
from services.edge.requests.callback import AddCallback

_PATH = {"team_id": TEAM}
_PERMISSIONS = ["/key/info", "/key/generate"]
_LOGGING = {
    "callback_name": "langfuse",
    "callback_type": "success",
    "callback_vars": {
        "langfuse_public_key": "pk-lf-example-0123456789",
        "langfuse_secret_key": "sk-lf-example-0123456789",
        "langfuse_host": "https://langfuse.example.com",
    },
}
_SHOWN = {
    **_LOGGING,
    "callback_vars": {
        "langfuse_public_key": "pk-l****6789",
        "langfuse_secret_key": "sk-l****6789",
        "langfuse_host": "https://langfuse.example.com",
    },
}


def _models(route: str, id: str, models: list[str]) -> Operation:  # noqa: A002
    last = () if models else (LastModel(),)
    return command(
        route,
        id,
        TeamRow,
        body=requests.TeamModels,
        sent={"team_id": TEAM, "models": ["gpt-4o-mini"]},
        example={**examples.team_row(), "models": [examples.MODEL, *models]},
        domain=(NO_TEAM, *last),
        others={"not_team_admin": refusal_of_stranger(route)},
    )


OPERATIONS: Mapping[str, Operation] = {
    "/team/model/add": _models("/team/model/add", "add_team_models", ["gpt-4o-mini"]),
    "/team/model/delete": _models("/team/model/delete", "delete_team_models", []),
    "/team/permissions_update": command(
        "/team/permissions_update",
        "update_member_permissions",
        Team,
        body=requests.MemberPermissions,
        sent={"team_id": TEAM, "team_member_permissions": _PERMISSIONS},
        example={**examples.team(), "team_member_permissions": _PERMISSIONS},
        domain=(NO_TEAM,),
        others={"not_team_admin": refusal_of_stranger("/team/permissions_update")},
    ),
    CALLBACK_ROUTE: command(
        CALLBACK_ROUTE,
        "add_team_callback",
        AddedCallback,
        body=AddCallback,
        path=_PATH,
        sent=_LOGGING,
        example={
            "status": "success",
            "data": {**examples.team_row(), "metadata": {"logging": [_SHOWN]}},
        },
        domain=(NO_TEAM, AlreadyExists("callback", "langfuse"), MASKED),
    ),
    DISABLE_ROUTE: command(
        DISABLE_ROUTE,
        "disable_team_logging",
        LoggingDisabled,
        body=None,
        path=_PATH,
        sent=None,
        example={
            "status": "success",
            "message": f"Logging disabled for team {TEAM}",
            "data": {"team_id": TEAM, "success_callbacks": [], "failure_callbacks": []},
        },
        domain=(NO_TEAM,),
    ),
}
