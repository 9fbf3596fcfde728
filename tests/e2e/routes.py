"""The routes that the suites over HTTP go through; test_hostile_input holds them to be all."""

from collections.abc import Mapping

from services.edge.requests import budget, callback, key, member, organization, team, user
from services.edge.requests.common import RequestModel

POSTS: Mapping[str, type[RequestModel]] = {
    "/team/new": team.NewTeam,
    "/team/update": team.UpdateTeam,
    "/team/delete": team.DeleteTeams,
    "/team/block": team.BlockTeam,
    "/team/unblock": team.BlockTeam,
    "/team/model/add": team.TeamModels,
    "/team/model/delete": team.TeamModels,
    "/team/permissions_update": team.MemberPermissions,
    "/team/some-id/callback": callback.AddCallback,
    "/team/bulk_member_add": member.BulkMemberAdd,
    "/team/member_add": member.MemberAdd,
    "/team/member_update": member.MemberUpdate,
    "/team/member_delete": member.MemberDelete,
    "/user/new": user.NewUser,
    "/key/generate": key.GenerateKey,
    "/key/update": key.UpdateKey,
    "/key/delete": key.DeleteKeys,
    "/key/block": key.KeyRef,
    "/key/unblock": key.KeyRef,
    "/organization/new": organization.NewOrganization,
    "/organization/info": organization.OrganizationsAsked,
    "/organization/member_add": organization.OrganizationMemberAdd,
    "/budget/new": budget.BudgetBody,
    "/budget/update": budget.BudgetBody,
    "/budget/info": budget.BudgetsAsked,
    "/budget/delete": budget.DeleteBudget,
}
"""Each with the fields of its body."""

BY_METHOD: Mapping[tuple[str, str], type[RequestModel]] = {
    **{("POST", path): model for path, model in POSTS.items()},
    ("PATCH", "/organization/update"): organization.UpdateOrganization,
    ("PATCH", "/organization/member_update"): organization.OrganizationMemberUpdate,
    ("DELETE", "/organization/delete"): organization.DeleteOrganizations,
    ("DELETE", "/organization/member_delete"): organization.OrganizationMemberDelete,
}
"""All routes that take a body."""

READS = {("POST", "/organization/info"), ("POST", "/budget/info")}
"""Those of them that write nothing, and know no conditions of writes."""

GETS = (
    *(
        "/team/info",
        "/team/some-id/callback",
        "/team/list",
        "/v2/team/list",
        "/team/available",
        "/team/filter/ui",
    ),
    *("/team/permissions_list", "/team/daily/activity", "/key/info", "/key/list", "/user/info"),
    *("/audit", "/audit/some-id"),
    *("/organization/info", "/organization/list", "/budget/list", "/budget/settings"),
)
"""Those that take a key."""

BODILESS = ("/team/some-id/disable_logging",)
"""POST routes that take no body."""

PUBLIC = ("/health/liveliness", "/health/liveness", "/health/readiness")
