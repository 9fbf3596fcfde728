"""Routes on whole teams (team-api.md 3.1-3.3, 3.13, 3.14)."""

from collections.abc import Mapping
from decimal import Decimal

from services.command.api.described.common import SEVERAL, command
from services.command.domain.errors import (
    AlreadyExists,
    BudgetOrder,
    MaskedSecret,
    NegativeLimit,
    NotFound,
    NotSamePerson,
    TooLarge,
)
from services.edge.openapi import examples
from services.edge.openapi.answers.team import DeletedTeams, Team, TeamRow, UpdatedTeam
from services.edge.openapi.callers import TEAM
from services.edge.openapi.operation import Operation
from services.edge.requests import team as requests

NO_TEAM = NotFound("team", "missing")
NO_ORGANIZATION = NotFound("organization", "missing")
NEGATIVE = NegativeLimit("max_budget", Decimal(-1))
ORDER = BudgetOrder(Decimal(20), Decimal(10), "soft_budget")
MASKED = MaskedSecret("langfuse_secret_key")
SETTINGS_TOO_LARGE = TooLarge(
    "the settings of the team would take 200000 bytes, "
    "the limit is 196608; keep large data elsewhere and refer to it"
)

OPERATIONS: Mapping[str, Operation] = {
    "/team/new": command(
        "/team/new",
        "create_team",
        Team,
        body=requests.NewTeam,
        sent={
            "team_id": TEAM,
            "team_alias": "Core",
            "max_budget": 100,
            "budget_duration": "30d",
            "tpm_limit": 100_000,
            "models": [examples.MODEL],
        },
        example=examples.team(),
        domain=(
            AlreadyExists("team", TEAM),
            NO_ORGANIZATION,
            NEGATIVE,
            ORDER,
            MASKED,
            NotSamePerson(examples.EMAIL, "bob"),
            SETTINGS_TOO_LARGE,
        ),
    ),
    "/team/update": command(
        "/team/update",
        "update_team",
        UpdatedTeam,
        body=requests.UpdateTeam,
        sent={"team_id": TEAM, "max_budget": 250, "metadata": {"cost_center": "42"}},
        example={
            "team_id": TEAM,
            "data": {
                **examples.team_row(),
                "max_budget": 250.0,
                "metadata": {"cost_center": "42"},
            },
        },
        domain=(NO_TEAM, NO_ORGANIZATION, NEGATIVE, ORDER, MASKED, SETTINGS_TOO_LARGE),
    ),
    "/team/delete": command(
        "/team/delete",
        "delete_teams",
        DeletedTeams,
        body=requests.DeleteTeams,
        sent={"team_ids": [TEAM]},
        example={"deleted_teams": [TEAM]},
        domain=(NO_TEAM,),
        others=SEVERAL,
        versioned=False,
    ),
    "/team/block": command(
        "/team/block",
        "block_team",
        TeamRow,
        body=requests.BlockTeam,
        sent={"team_id": TEAM},
        example={**examples.team_row(), "blocked": True},
        domain=(NO_TEAM,),
    ),
    "/team/unblock": command(
        "/team/unblock",
        "unblock_team",
        TeamRow,
        body=requests.BlockTeam,
        sent={"team_id": TEAM},
        example=examples.team_row(),
        domain=(NO_TEAM,),
    ),
}
