"""Routes on the members of a team (team-api.md 3.9 to 3.12)."""

from collections.abc import Mapping
from decimal import Decimal

from services.access.principal import MASTER_USER
from services.command.api.described.common import command
from services.command.api.described.teams import NO_TEAM
from services.command.api.refusals import everybody_there
from services.command.application.answers import TeamAnswer
from services.command.application.bulk_members import ALREADY
from services.command.application.enrolment import Candidate
from services.command.application.members import EverybodyThere
from services.command.application.rosters import MemberAnswer
from services.command.domain.errors import NegativeLimit, NotAMember, NotSamePerson
from services.command.domain.team import Team as TeamState
from services.edge.errors import ShapeA
from services.edge.openapi import examples
from services.edge.openapi.answers.member import AddedMembers, BulkAdded, UpdatedMember
from services.edge.openapi.answers.team import Team
from services.edge.openapi.callers import TEAM, refusal_of_stranger
from services.edge.openapi.examples import EMAIL, USER
from services.edge.openapi.operation import Operation
from services.edge.requests import member as requests

_NEGATIVE = NegativeLimit("max_budget_in_team", Decimal(-1))
_ANOTHER = NotSamePerson(EMAIL, "bob")


def _everybody_there(*, single: bool) -> Exception:
    """The refusal to add the one member that there is."""
    admin = MemberAnswer(MASTER_USER, None, "admin")
    asked = Candidate(MASTER_USER, None, "user", None, new_id="", person="", wrapped=b"")
    found = TeamAnswer(TEAM, TeamState(), [admin], None, (), examples.NOW)
    return everybody_there(EverybodyThere([asked], found, single=single), {})


OPERATIONS: Mapping[str, Operation] = {
    "/team/member_add": command(
        "/team/member_add",
        "add_members",
        AddedMembers,
        body=requests.MemberAdd,
        sent={
            "team_id": TEAM,
            "member": {"user_id": USER, "role": "user"},
            "max_budget_in_team": 25,
        },
        example=examples.added_members(),
        domain=(NO_TEAM, _NEGATIVE, _ANOTHER),
        others={
            "already_member": _everybody_there(single=True),
            "all_members": _everybody_there(single=False),
            "not_team_admin": refusal_of_stranger("/team/member_add"),
        },
    ),
    "/team/bulk_member_add": command(
        "/team/bulk_member_add",
        "bulk_add_members",
        BulkAdded,
        body=requests.BulkMemberAdd,
        sent={
            "team_id": TEAM,
            "members": [
                {"user_id": USER, "role": "user"},
                {"user_id": MASTER_USER, "role": "admin"},
            ],
            "max_budget_in_team": 25,
        },
        example={
            "team_id": TEAM,
            "results": [
                {
                    "user_id": USER,
                    "user_email": EMAIL,
                    "success": True,
                    "error": None,
                    "updated_user": examples.user(),
                    "updated_team_membership": examples.membership(),
                },
                {
                    "user_id": MASTER_USER,
                    "user_email": None,
                    "success": False,
                    "error": ALREADY,
                    "updated_user": None,
                    "updated_team_membership": None,
                },
            ],
            "total_requested": 2,
            "successful_additions": 1,
            "failed_additions": 1,
            "updated_team": examples.added_members(),
        },
        domain=(NO_TEAM, _NEGATIVE),
        others={
            "nobody": ShapeA(400, "At least one member is required"),
            "too_many": ShapeA(400, "Maximum 500 members can be added at once"),
            "no_rehearsal": ShapeA(
                400, "dry_run cannot be used with all_users: they are added in portions"
            ),
            "not_team_admin": refusal_of_stranger("/team/bulk_member_add"),
        },
    ),
    "/team/member_update": command(
        "/team/member_update",
        "update_member",
        UpdatedMember,
        body=requests.MemberUpdate,
        sent={"team_id": TEAM, "user_id": USER, "max_budget_in_team": 50, "tpm_limit": 10_000},
        example={
            "user_id": USER,
            "user_email": None,
            "team_id": TEAM,
            "max_budget_in_team": 50.0,
            "tpm_limit": 10_000,
            "rpm_limit": None,
        },
        domain=(NO_TEAM, NotAMember("bob"), _NEGATIVE),
        others={"not_team_admin": refusal_of_stranger("/team/member_update")},
    ),
    "/team/member_delete": command(
        "/team/member_delete",
        "delete_member",
        Team,
        body=requests.MemberDelete,
        sent={"team_id": TEAM, "user_id": USER},
        example={
            **examples.team(),
            "members_with_roles": examples.team()["members_with_roles"][:1],
        },
        domain=(NO_TEAM, NotAMember("bob")),
        others={"not_team_admin": refusal_of_stranger("/team/member_delete")},
    ),
}
