"""Where our description offers less than LiteLLM's, by place, and why; nothing else does.

`tests/contract/test_openapi.py` finds the places and holds these tables to them.
"""

from collections.abc import Iterable, Mapping

_LOGGING = "tries the logging callbacks of a key, which only a gateway can call"
_SEATS = "counts the users that a licence allows, and there is no licence"
_PASSWORD = "S01: nobody logs in by password; one that is sent is without effect"

LEFT_OUT: Mapping[str, str] = {
    "GET /team/available query response_model: left out": "D64",
    "GET /user/available_users: left out": _SEATS,
    "POST /key/health: left out": _LOGGING,
    "POST /user/bulk_update body.user_updates.password: left out": _PASSWORD,
    "POST /user/bulk_update body.users[].password: left out": _PASSWORD,
    "POST /user/update body.password: left out": _PASSWORD,
}
"""Paths, parameters and fields of requests that LiteLLM has and we do not."""

_BIGINT = "team-api.md 1.10: limits are bigints"
_BY_HAND = "supporting-api.md 4: LiteLLM reads this body by hand, and describes none"
_COLUMN = "supporting-api.md 7: another column is a 422, and not a 500"
_DIRECTION = "another direction is a 422, not ignored"
_HERE = "supporting-api.md 4: the roles that there are in an organization"
_NAMES = "team-api.md 3.1, 3.2: models are names"
_NO_TEXT = "a header, a path or a query holds a text, or the name is absent"
_OFFSET = "D51: no offset beyond 64 bits"
_PATHS = "auth.md 3.3: routes are paths, patterns and names of groups"
_REPEATED = "repeated, each value counts: what a list in a query is"
_UNSENT = "sent without a body rather than with null"

_LEAST = "minimum -9223372036854775808"
_SOME = "only /key/generate, /key/update, /key/delete, …"

_CHANGED_BY = (
    *("/team/new", "/team/update", "/team/delete", "/team/{team_id}/callback"),
    *("/key/generate", "/key/service-account/generate", "/key/bulk_update", "/key/update"),
    *("/key/delete", "/key/block", "/key/unblock", "/key/regenerate", "/key/{key}/regenerate"),
    *("/user/bulk_update", "/user/delete", "/key/{key}/reset_spend"),
)
_KEYS = (
    *("/key/generate", "/key/service-account/generate", "/key/update"),
    *("/key/regenerate", "/key/{key}/regenerate"),
)
_LIMITED = {
    "/team/new body": ("rpm", "tpm", "team_member_rpm", "team_member_tpm"),
    "/team/update body": ("rpm", "tpm", "team_member_rpm", "team_member_tpm"),
    "/team/member_update body": ("rpm", "tpm"),
    "/budget/new body": ("rpm", "tpm", "max_parallel"),
    "/budget/update body": ("rpm", "tpm", "max_parallel"),
    "/organization/new body": ("rpm", "tpm", "max_parallel"),
    "/user/new body": ("rpm", "tpm", "max_parallel"),
    "/user/update body": ("rpm", "tpm", "max_parallel"),
    "/user/bulk_update body.user_updates": ("rpm", "tpm", "max_parallel"),
    "/user/bulk_update body.users[]": ("rpm", "tpm", "max_parallel"),
    **{f"{path} body": ("rpm", "tpm", "max_parallel") for path in _KEYS},
}
_FIELD = {"max_parallel": "max_parallel_requests"}


def _all(places: Iterable[str], why: str) -> dict[str, str]:
    return dict.fromkeys(places, why)


NARROWED: Mapping[str, str] = {
    **_all((f"POST {path} header litellm-changed-by: no null" for path in _CHANGED_BY), _NO_TEXT),
    **_all(
        (
            f"POST {place}.{_FIELD.get(name, f'{name}_limit')}: {_LEAST}"
            for place, names in _LIMITED.items()
            for name in names
        ),
        _BIGINT,
    ),
    **_all((f"POST {path} body.allowed_routes[]: no value of any type" for path in _KEYS), _PATHS),
    **_all((f"POST {path} body.models[]: no value of any type" for path in _KEYS), _NAMES),
    "GET /audit query page: maximum 1000000000": _OFFSET,
    "GET /audit query sort_by: no null": _NO_TEXT,
    "GET /audit query sort_by: only id, updated_at, changed_by, …": _COLUMN,
    "GET /audit query sort_order: only asc, desc": _DIRECTION,
    "GET /key/aliases query page: maximum 1000000000": _OFFSET,
    "GET /key/aliases query search: no null": _NO_TEXT,
    "GET /key/list query expand: no array": _REPEATED,
    "GET /key/list query page: maximum 1000000000": _OFFSET,
    "GET /organization/daily/activity query page: minimum 1": "D39",
    "GET /organization/daily/activity query page: maximum 1000000000": "D39",
    "GET /organization/daily/activity query page_size: minimum 1": "D39",
    "GET /organization/daily/activity query page_size: maximum 1000": "D39",
    "GET /user/daily/activity query page: maximum 1000000000": "D39",
    "GET /user/daily/activity query timezone: no integer": _NO_TEXT,
    "GET /user/daily/activity query timezone: no null": _NO_TEXT,
    "GET /user/daily/activity/aggregated query timezone: no integer": _NO_TEXT,
    "GET /user/daily/activity/aggregated query timezone: no null": _NO_TEXT,
    "GET /team/daily/activity query page: minimum 1": "D39",
    "GET /team/daily/activity query page: maximum 1000000000": "D39",
    "GET /team/daily/activity query page_size: minimum 1": "D39",
    "GET /team/daily/activity query page_size: maximum 1000": "D39",
    "GET /user/list query page: maximum 1000000000": _OFFSET,
    "GET /v2/team/list query page: maximum 1000000000": _OFFSET,
    "PATCH /organization/member_update body.role: not proxy_admin, proxy_admin_viewer, team, …": (
        _HERE
    ),
    "PATCH /organization/update body: has to be there": _BY_HAND,
    "POST /key/regenerate body: no null": _UNSENT,
    "POST /key/regenerate query key: no null": _NO_TEXT,
    "POST /key/{key}/regenerate body: no null": _UNSENT,
    "POST /key/{key}/regenerate path key: no null": _NO_TEXT,
    "POST /organization/new body.model_rpm_limit{}: minimum 0": "D33",
    "POST /organization/new body.model_tpm_limit{}: minimum 0": "D33",
    "POST /organization/new body.models[]: no value of any type": _NAMES,
    "POST /team/new body.models[]: no value of any type": _NAMES,
    "POST /team/new body.model_rpm_limit{}: minimum 0": "D33",
    "POST /team/new body.model_tpm_limit{}: minimum 0": "D33",
    f"POST /team/new body.team_member_permissions[]: {_SOME}": "D17",
    f"POST /team/permissions_update body.team_member_permissions[]: {_SOME}": "D17",
    "POST /team/update body.models[]: no value of any type": _NAMES,
    "POST /team/update body.model_rpm_limit{}: minimum 0": "D33",
    "POST /team/update body.model_tpm_limit{}: minimum 0": "D33",
    "POST /user/bulk_update body.user_updates.models[]: no value of any type": _NAMES,
    "POST /user/bulk_update body.users[].models[]: no value of any type": _NAMES,
    "POST /user/new body.models[]: no value of any type": _NAMES,
    "POST /user/update body.models[]: no value of any type": _NAMES,
}
"""What LiteLLM's description lets pass and ours does not."""
