"""Routes on whole teams (team-api.md 3.1-3.3, 3.13, 3.14)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from services.access.policy import check_new_team
from services.access.principal import INTERNAL_USER
from services.command.api.described.common import SEVERAL, command
from services.command.domain.errors import (
    AlreadyExists,
    BudgetOrder,
    CannotMove,
    MaskedSecret,
    ModelOutsideOrganization,
    NegativeLimit,
    NotByUpdate,
    NotFound,
    NotSamePerson,
    OutsideOrganization,
    OverAllowance,
    OverOrganization,
    TooLarge,
)
from services.edge.openapi import examples
from services.edge.openapi.answers.team import DeletedTeams, Team, TeamRow, UpdatedTeam
from services.edge.openapi.callers import ORGANIZATION, TEAM, refused_by, somebody
from services.edge.openapi.operation import Operation
from services.edge.requests import team as requests

NO_TEAM = NotFound("team", "missing")
NO_ORGANIZATION = NotFound("organization", "missing")
NEGATIVE = NegativeLimit("max_budget", Decimal(-1))
ORDER = BudgetOrder(Decimal(20), Decimal(10), "soft_budget")
_IN_ORGANIZATION = (
    OverOrganization("max_budget", Decimal(100), Decimal(50), ORGANIZATION),
    OutsideOrganization("gpt-4o", ["gpt-4o-mini"], ORGANIZATION),
    OverAllowance("TPM", 900, 200, 1000),
)
MASKED = MaskedSecret("langfuse_secret_key")
_MEMBER = replace(somebody(INTERNAL_USER), org_roles=((ORGANIZATION, INTERNAL_USER),))
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
            *_IN_ORGANIZATION,
        ),
        others={
            "no_organization_named": refused_by(lambda: check_new_team(_MEMBER, None)),
            "no_organization_admin": refused_by(lambda: check_new_team(_MEMBER, ORGANIZATION)),
        },
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
        domain=(
            NO_TEAM,
            NO_ORGANIZATION,
            NEGATIVE,
            ORDER,
            MASKED,
            NotByUpdate(),
            SETTINGS_TOO_LARGE,
            *_IN_ORGANIZATION,
            CannotMove("Team has access to all proxy models, but the organization does not."),
            ModelOutsideOrganization("gpt-4o", ["gpt-4o-mini"]),
        ),
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
