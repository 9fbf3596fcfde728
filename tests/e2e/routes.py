"""The routes that the suites over HTTP go through; test_hostile_input holds them to be all."""

from collections.abc import Mapping

from services.edge.requests import callback, key, member, team, user
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
}
"""Each with the fields of its body."""

OPTIONAL: Mapping[str, type[RequestModel]] = {
    "/key/regenerate": key.RegenerateKey,
    "/key/some-id/regenerate": key.RegenerateKey,
}
"""POST routes that may be called without a body."""

READS: Mapping[str, type[RequestModel]] = {"/v2/key/info": key.KeysRef}
"""POST routes that only read."""

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
    *("/user/list", "/user/filter/ui", "/user/available_roles"),
    *("/audit", "/audit/some-id"),
)
"""Those that take a key."""

BODILESS = ("/team/some-id/disable_logging",)
"""POST routes that take no body."""

PUBLIC = ("/health/liveliness", "/health/liveness", "/health/readiness")
