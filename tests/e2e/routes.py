"""The routes that the suites over HTTP go through; test_hostile_input holds them to be all."""

from collections.abc import Mapping

from services.edge.requests import (
    budget,
    callback,
    key,
    member,
    organization,
    spend,
    team,
    user,
)
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
    "/user/update": user.UpdateUser,
    "/user/bulk_update": user.BulkUpdateUsers,
    "/user/delete": user.DeleteUsers,
    "/key/generate": key.GenerateKey,
    "/key/service-account/generate": key.GenerateKey,
    "/key/bulk_update": key.BulkUpdateKeys,
    "/key/update": key.UpdateKey,
    "/key/delete": key.DeleteKeys,
    "/key/block": key.KeyRef,
    "/key/unblock": key.KeyRef,
    "/key/some-id/reset_spend": spend.ResetSpend,
    "/team/some-id/member/some-user/reset_spend": spend.ResetSpend,
    "/organization/new": organization.NewOrganization,
    "/organization/member_add": organization.OrganizationMemberAdd,
    "/budget/new": budget.BudgetBody,
    "/budget/update": budget.BudgetBody,
    "/budget/delete": budget.DeleteBudget,
}
"""Each with the fields of its body."""

OPTIONAL: Mapping[str, type[RequestModel]] = {
    "/key/regenerate": key.RegenerateKey,
    "/key/some-id/regenerate": key.RegenerateKey,
}
"""POST routes that may be called without a body."""

READS: Mapping[str, type[RequestModel]] = {
    "/v2/key/info": key.KeysRef,
    "/organization/info": organization.OrganizationsAsked,
    "/budget/info": budget.BudgetsAsked,
}
"""POST routes that only read."""

OTHERS: Mapping[tuple[str, str], type[RequestModel]] = {
    ("PATCH", "/organization/update"): organization.UpdateOrganization,
    ("PATCH", "/organization/member_update"): organization.OrganizationMemberUpdate,
    ("DELETE", "/organization/delete"): organization.DeleteOrganizations,
    ("DELETE", "/organization/member_delete"): organization.OrganizationMemberDelete,
}
"""Writes by other methods, all with a body."""

BY_METHOD: Mapping[tuple[str, str], type[RequestModel]] = {
    **{("POST", path): model for path, model in {**POSTS, **OPTIONAL, **READS}.items()},
    **OTHERS,
}
"""All routes that take a body."""

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
    "/key/aliases",
    *("/organization/info", "/organization/list", "/budget/list", "/budget/settings"),
    *("/user/list", "/user/filter/ui", "/user/available_roles"),
    *("/audit", "/audit/some-id", "/models", "/v1/models"),
    *("/user/daily/activity", "/user/daily/activity/aggregated", "/organization/daily/activity"),
    *("/global/spend/teams", "/global/spend/report", "/spend/logs/v2", "/spend/logs/ui"),
)
"""Those that take a key."""

THINGS = ("teams/some-id", "users/some-user", "keys/some-id", "organizations/some-org")
OUR_POSTS = (
    "/v1/teams/some-id/restore",
    "/v1/teams/some-id/revert",
    "/v1/users/some-id/forget",
    "/v1/usage",
    "/v1/decide",
    "/v1/usage/quarantine/some-id/book",
    "/v1/usage/quarantine/some-id/discard",
    "/v1/teams/some-id/members/some-user/reset_spend",
    *("/v1/webhooks", "/v1/webhooks/some-hook/rotate", "/v1/webhooks/some-hook/test"),
    "/v1/webhooks/some-hook/deliveries/some-message/retry",
)
OUR_GETS = (
    *("/v1/webhooks", "/v1/webhooks/some-hook", "/v1/webhooks/some-hook/deliveries"),
    *("/v1/usage/quarantine", "/v1/usage/unattributed", "/v1/reconcile", "/v1/events"),
    *("/v1/spend", "/v1/access", "/v1/access/review"),
    *("/v1/audit/export", "/v1/security-log", "/v1/status"),
    *("/v1/proof/checkpoint", "/v1/proof/inclusion", "/v1/proof/consistency"),
    *("/v1/teams/some-id/windows", "/v1/teams/some-id/members/some-user/windows"),
    *("/v1/keys/some-id/windows", "/v1/users/some-user/windows"),
    "/v1/organizations/some-org/windows",
    *(f"/v1/{thing}/{past}" for thing in THINGS for past in ("history", "diff", "blame")),
)
OUR_PATCHES = ("/v1/webhooks/some-hook",)
OUR_DELETES = ("/v1/reservations/some-id", "/v1/webhooks/some-hook")
"""Routes that LiteLLM does not have: what they refuse is told as problem details."""

BODILESS = ("/team/some-id/disable_logging", "/global/spend/reset")
"""POST routes that take no body."""

PUBLIC = ("/health/liveliness", "/health/liveness", "/health/readiness", "/metrics")
