"""What is refused of teams and their members."""

from collections.abc import Mapping

from tests.e2e.provocation import Provocation, gets, posts
from tests.e2e.provoking import (
    CLOSED_TEAM,
    COLLEAGUE,
    CORE,
    GUARANTEED,
    KEYLESS_USER,
    NEGATIVE,
    NO_ORGANIZATION,
    NO_TEAM,
    ORDER,
    OTHER_PERSON,
    RESEARCH,
    STRANGER,
    by,
)

_MASK = {"langfuse_secret_key": "sk-l****cdef"}
_MASKED = {"metadata": {"logging": [{"callback_name": "langfuse", "callback_vars": _MASK}]}}
_BULKY = {"a": "x" * 65_000}
_LARGE = {
    **dict.fromkeys(("metadata", "router_settings", "model_aliases"), _BULKY),
    "secret_manager_settings": _BULKY,
}
_ADMIN = {"user_id": "default_user_id", "role": "user"}
_OVERDRAWN = {**CORE, "max_budget_in_team": -1}
_BOTH_TEAMS = Provocation({"team_ids": ["core", CLOSED_TEAM]}, headers={"if-match": "*"})

TEAMS: Mapping[tuple[str, str, str], Provocation] = {
    **posts(
        "/team/new",
        team_exists=CORE,
        no_organization=NO_ORGANIZATION,
        negative_limit=NEGATIVE,
        budget_order=ORDER,
        masked_secret=_MASKED,
        not_same_person={"members_with_roles": [OTHER_PERSON]},
        too_large=_LARGE,
        no_organization_named=Provocation({}, key=COLLEAGUE),
        no_organization_admin=Provocation(RESEARCH, key=COLLEAGUE),
        over_organization={**RESEARCH, "models": ["gpt-4o-mini"], "max_budget": 100},
        outside_organization={**RESEARCH, "models": ["gpt-4o"]},
        over_allowance={**RESEARCH, "models": ["gpt-4o-mini"], **GUARANTEED},
    ),
    **posts(
        "/team/update",
        no_team=NO_TEAM,
        no_organization={**CORE, **NO_ORGANIZATION},
        negative_limit={**CORE, **NEGATIVE},
        budget_order={**CORE, **ORDER},
        masked_secret={**CORE, **_MASKED},
        too_large={**CORE, **_LARGE},
        not_by_update={**CORE, "members_with_roles": []},
        over_organization={"team_id": "lab", "max_budget": 100},
        outside_organization={"team_id": "lab", "models": ["gpt-4o"]},
        over_allowance={"team_id": "lab", **GUARANTEED},
        cannot_move={"team_id": "staff", **RESEARCH},
        model_outside_organization={**CORE, **RESEARCH},
    ),
    **posts("/team/delete", no_team={"team_ids": ["missing"]}, several_things=_BOTH_TEAMS),
    **posts("/team/block", no_team=NO_TEAM),
    **posts("/team/unblock", no_team=NO_TEAM),
    **posts("/team/model/add", no_team={**NO_TEAM, "models": ["m"]}),
    **posts(
        "/team/model/delete",
        no_team={**NO_TEAM, "models": ["m"]},
        last_model={**CORE, "models": ["gpt-4o"]},
    ),
    **posts("/team/permissions_update", no_team={**NO_TEAM, "team_member_permissions": []}),
    **posts(
        "/team/{team_id}/callback",
        no_team=Provocation(path=NO_TEAM),
        callback_exists={"callback_name": "langfuse", "callback_vars": {}},
        masked_secret={"callback_name": "another", "callback_vars": _MASK},
    ),
    **posts("/team/{team_id}/disable_logging", no_team=Provocation(path=NO_TEAM)),
    **posts(
        "/team/member_add",
        no_team={**NO_TEAM, "member": _ADMIN},
        negative_limit={**_OVERDRAWN, "member": _ADMIN},
        not_same_person={**CORE, "member": OTHER_PERSON},
        already_member={**CORE, "member": _ADMIN},
        all_members={**CORE, "member": [_ADMIN]},
    ),
    **posts(
        "/team/bulk_member_add",
        no_team={**NO_TEAM, "members": [_ADMIN]},
        negative_limit={**_OVERDRAWN, "members": [_ADMIN]},
        nobody={**CORE, "members": []},
        too_many={**CORE, "members": [_ADMIN] * 501},
        no_rehearsal=Provocation({**CORE, "all_users": True}, query={"dry_run": "true"}),
    ),
    **posts(
        "/team/member_update",
        no_team={**NO_TEAM, "user_id": "bob"},
        not_a_member={**CORE, "user_id": "bob"},
        negative_limit={**_OVERDRAWN, "user_id": "default_user_id"},
    ),
    **posts(
        "/team/member_delete",
        no_team={**NO_TEAM, "user_id": "bob"},
        not_a_member={**CORE, "user_id": "bob"},
    ),
    **gets(
        "/team/info",
        no_team_id={},
        no_team=NO_TEAM,
        not_in_team=by(STRANGER, team_id="core"),
    ),
    **gets("/team/list", not_his_own=by(STRANGER), no_user_row=by(KEYLESS_USER)),
    **gets(
        "/v2/team/list",
        not_his_own=by(STRANGER),
        no_user_row=by(KEYLESS_USER),
        bad_status={"status": "gone"},
        no_user={"user_id": "missing"},
        user_not_in_team={"user_id": "ann", "team_id": "missing"},
    ),
    **gets("/team/available", no_user=by("no_user")),
    **gets("/team/permissions_list", no_team=NO_TEAM),
    **gets("/team/{team_id}/callback", no_team=Provocation(path=NO_TEAM)),
}
