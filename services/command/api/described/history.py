"""Routes that bring back what was, and the one that forgets (decision 012)."""

from collections.abc import Mapping
from decimal import Decimal

from services.command.api.described.common import command
from services.command.api.refusals import answer_for
from services.command.application.forgetting import FORGET
from services.command.application.restoration import RESTORE
from services.command.application.reversion import REVERT
from services.command.domain.errors import (
    AlreadyExists,
    CannotMove,
    ChangedMeanwhile,
    NotFound,
    NotThen,
    OrganizationGone,
    OutsideOrganization,
    OverAllowance,
    OverOrganization,
)
from services.edge.openapi.answers.history import ForgottenUser, RestoredTeam, RevertedTeam
from services.edge.openapi.callers import ORGANIZATION, TEAM
from services.edge.openapi.examples import ALIAS, KEY_VIEW, NOW, USER, team
from services.edge.openapi.operation import Operation
from services.edge.requests.history import RestoreTeam, RevertTeam
from services.edge.shapes import history as shapes

_DISSOLVED = "dissolved"
_TOO_SMALL = (
    OverOrganization("max_budget", Decimal(100), Decimal(50), ORGANIZATION),
    OutsideOrganization("gpt-4o", ["gpt-4o-mini"], ORGANIZATION),
    OverAllowance("TPM", 900, 200, 1000),
)
_KEY_NAME = str(KEY_VIEW.settings["key_name"])

OPERATIONS: Mapping[str, Operation] = {
    RESTORE: command(
        RESTORE,
        "restore_team",
        RestoredTeam,
        body=RestoreTeam,
        sent={"keys": True},
        path={"team_id": TEAM},
        example=shapes.restored(
            team(),
            keys=[shapes.restored_key(KEY_VIEW.token, _KEY_NAME, None)],
            users=["bob"],
            lost_keys=[],
            taken=[(KEY_VIEW.token, ALIAS)],
            to_follow=(0, 0),
        ),
        domain=(
            NotFound("team", "missing"),
            AlreadyExists("team", TEAM),
            OrganizationGone(_DISSOLVED),
            *_TOO_SMALL,
        ),
        needs_body=False,
    ),
    REVERT: command(
        REVERT,
        "revert_team",
        RevertedTeam,
        body=RevertTeam,
        sent={"to": {"version": 1}},
        path={"team_id": TEAM},
        example=shapes.reverted(team(), (1, 1, NOW), ["bob"]),
        domain=(
            NotFound("team", "missing"),
            OrganizationGone(_DISSOLVED),
            CannotMove("Team has access to all proxy models, but the organization does not."),
            *_TOO_SMALL,
            ChangedMeanwhile(TEAM),
        ),
        others={
            "not_then": answer_for(REVERT, NotThen("There was no team of this id then")),
            "ahead": answer_for(
                REVERT,
                NotThen("That is still to come: the team can only be what it was", ahead=True),
            ),
        },
    ),
    FORGET: command(
        FORGET,
        "forget_user",
        ForgottenUser,
        body=None,
        sent=None,
        path={"user_id": USER},
        example=shapes.forgotten(USER, deleted=True, persons=3, id_remains=False),
        domain=(NotFound("user", "missing"), ChangedMeanwhile(USER)),
        versioned=False,
    ),
}
