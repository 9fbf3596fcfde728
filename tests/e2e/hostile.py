"""What test_hostile_input sends, and the refusal that each request gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.refused import Shape
from tests.support.service import MASTER_KEY

TEAM = "hostile"
"""A team that is there."""

ORG = "hostile-org"
"""An organization and a budget that are there."""

MIB = 1024 * 1024
DEEP = 10_000
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Body:
    """What is sent to every POST route, and how each of them refuses it."""

    name: str
    content: bytes
    says: str
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    status: int = 422
    shape: Shape = "C"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Case:
    """One request, a POST where there are fields and no other method is said, and its refusal."""

    path: str
    status: int
    shape: Shape
    says: str
    fields: Mapping[str, Any] | None = None
    method: str = "POST"

    def __str__(self) -> str:
        sent = "" if self.fields is None else f" {self.fields}"
        return f"{self.path}{sent}"[:60]


_NOT_AN_OBJECT = "body: Input should be a valid dictionary or object"
_JSON_ERROR = "JSON decode error"
_TOO_DEEP = "body: JSON is nested more than 32 levels deep"
_NUL = "body: text must not contain the character NUL"

MALFORMED = [
    Body("cut off", b'{"team_id": ', "unexpected end of data"),
    Body("two documents", b'{"team_id": "a"} {}', _JSON_ERROR),
    Body("single quotes", b"{'team_id': 'a'}", _JSON_ERROR),
    Body("NaN", b'{"max_budget": NaN}', _JSON_ERROR),
    Body("Infinity", b'{"max_budget": Infinity}', _JSON_ERROR),
    Body("-Infinity", b'{"max_budget": -Infinity}', _JSON_ERROR),
    Body("1e400", b'{"max_budget": 1e400}', "number is infinity"),
    Body("5,000 digits", b'{"tpm_limit": %s}' % (b"9" * 5_000), _JSON_ERROR),
    Body("beyond 64 bits", b'{"metadata": {"n": 18446744073709551616}}', "integer beyond 64 bits"),
    Body("lists 10,000 deep", b"[" * DEEP + b"]" * DEEP, _TOO_DEEP),
    Body("objects 10,000 deep", b'{"a":' * DEEP + b"1" + b"}" * DEEP, _TOO_DEEP),
    Body("never closed", b'{"metadata": ' + b"[" * DEEP, _TOO_DEEP),
    Body("33 levels", b'{"a":' * 33 + b"1" + b"}" * 33, _TOO_DEEP),
    Body("NUL", rb'{"team_id": "a\u0000b"}', _NUL),
    Body("NUL in a name", rb'{"a\u0000b": 1}', _NUL),
    Body("half a surrogate pair", rb'{"team_id": "\ud800"}', "surrogate"),
    Body("not UTF-8", b'{"team_id": "\xff"}', "not valid UTF-8"),
    Body("UTF-16", '{"team_id": "a"}'.encode("utf-16"), _JSON_ERROR),
    Body("byte order mark", b'\xef\xbb\xbf{"team_id": "a"}', _JSON_ERROR),
    Body("1 MiB and a byte", b'"%s"' % (b"a" * (MIB - 1)), "1048576 bytes", JSON, 413, "B"),
]

NO_OBJECT = [
    Body("array", b'[{"team_id": "a"}]', _NOT_AN_OBJECT),
    Body("number", b"7", _NOT_AN_OBJECT),
    Body("text", b'"team_id"', _NOT_AN_OBJECT),
    Body("true", b"true", _NOT_AN_OBJECT),
    Body("null", b"null", _NOT_AN_OBJECT),
    Body("absent", b"", "body: Field required"),
    Body("as text", b'{"team_id": "a"}', _NOT_AN_OBJECT, {"content-type": "text/plain"}),
    Body("no type", b'{"team_id": "a"}', _NOT_AN_OBJECT, {"content-type": ""}),
    Body("form", b"a=b", _NOT_AN_OBJECT, {"content-type": "application/x-www-form-urlencoded"}),
    Body("parts", b"--x--", _NOT_AN_OBJECT, {"content-type": "multipart/form-data; boundary=x"}),
]

HEADERS = [
    Body(name, b"{}", says, {**JSON, **headers}, status, "B")
    for name, headers, status, says in (
        ("empty repeat key", {"idempotency-key": ""}, 400, "Idempotency-Key must be 1 to 255"),
        ("long repeat key", {"idempotency-key": "k" * 256}, 400, "Idempotency-Key must be 1 to"),
        ("odd repeat key", {"idempotency-key": "a\tb"}, 400, "Idempotency-Key must be"),
        ("long claim", {"litellm-changed-by": "x" * 256}, 400, "litellm-changed-by is longer than"),
        ("long key", {"authorization": "Bearer " + "k" * 100_000}, 401, "Received=kkkk****kkkk"),
        ("odd key", {"authorization": "Bearer sk-\xff\xfe"}, 401, "Invalid proxy server token"),
        ("no scheme", {"authorization": MASTER_KEY}, 401, "Malformed API Key"),
        ("empty key", {"authorization": "Bearer"}, 401, "Malformed API Key"),
        ("hash as key", {"authorization": "Bearer " + "f" * 64}, 401, "Virtual Key expected"),
    )
]

_LONG = "x" * 256
MANY = [{"user_id": f"u{n}", "role": "user"} for n in range(10_000)]
ONE = {"user_id": "never", "role": "user"}
_NOBODY = {"role": "user"}
_NEW_USER = {"user_id": "nobody-yet"}
_ADMIN = {"team_id": TEAM, "user_id": "default_user_id"}
_OVERDRAWN = {"team_id": TEAM, "max_budget_in_team": -1}
_NEGATIVE = "{} cannot be negative. Received: -1"
_NEW, _UPDATE, _KEY = "/team/new", "/team/update", "/key/generate"
_ADD, _CHANGE = "/team/member_add", "/team/member_update"
_SERVICE, _ROTATE = "/key/service-account/generate", "/key/regenerate"
_MANY = "/key/bulk_update"
_BULK, _GRANT = "/team/bulk_member_add", "/team/permissions_update"
_CALLBACK = f"/team/{TEAM}/callback"
_LOGGER = {"callback_name": "langfuse", "callback_vars": {}}
_ODD = {"x": ""}
_MASKED = {"langfuse_secret_key": "sk-l****cdef"}

_ORG_NEW, _ORG_UPDATE = "/organization/new", "/organization/update"
_ORG_DELETE, _ORG_ADD = "/organization/delete", "/organization/member_add"
_ORG_CHANGE = "/organization/member_update"
_ORG: Mapping[str, Any] = {"organization_id": ORG, "organization_alias": ORG}
_NO_ORG = {"organization_id": "no", "user_id": "x"}
_JOINS = {"user_id": "x", "role": "org_admin"}
_ORG_OVERDRAWN = {**_ORG, "member": _JOINS, "max_budget_in_organization": -1}
_ODD_TABLE = {**_ORG, "litellm_budget_table": {"rpm_limit": 0.5}}

FIELDS = [
    *(
        Case(path, 400, "B", _NEGATIVE.format(name), {"team_id": TEAM, name: -1})
        for path in (_NEW, _UPDATE)
        for name in (
            *("max_budget", "soft_budget", "team_member_budget", "tpm_limit", "rpm_limit"),
            *("team_member_tpm_limit", "team_member_rpm_limit"),
        )
    ),
    *(
        Case(path, 400, "B", _NEGATIVE.format(name), {name: -1})
        for path in ("/user/new", _KEY)
        for name in ("max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests")
    ),
    *(
        Case(_UPDATE, 422, "C", f"body.max_budget: {why}", {"team_id": TEAM, "max_budget": sent})
        for sent, why in (
            ("NaN", "Input should be a finite number"),
            ("-Infinity", "Input should be a finite number"),
            ("1e400", "Input should be a finite number"),
            ("", "Input should be a valid number"),
            (1e13, "Input should be at most 1e12"),
            (1e-19, "Input should have at most 18 decimals"),
            ([1], "Input should be a valid number"),
        )
    ),
    *(
        Case(_UPDATE, 422, "C", f"{sent!r} is no", {"team_id": TEAM, "budget_duration": sent})
        for sent in ("", "1", "d", "-1d", "0d", "1.5d", "1d12h", "1D", " 1d", "\u0661d", "daily")
    ),
    Case(_NEW, 422, "C", "101y is too long", {"budget_duration": "101y"}),
    Case(_KEY, 422, "C", "body.duration: ", {"duration": "9" * 31 + "d"}),
    Case(_KEY, 422, "C", "at most 32 characters", {"duration": "9" * 32 + "d"}),
    Case(_NEW, 422, "C", "body.team_alias: String", {"team_alias": "x" * 1_000_000}),
    Case(_NEW, 422, "C", "body.team_id: String should have at least 1", {"team_id": ""}),
    Case(_NEW, 422, "C", "body.team_id: String should have at most 255", {"team_id": "x" * 300}),
    Case(_NEW, 422, "C", "body.team_id: Must not contain control", {"team_id": "a\nb"}),
    Case(_NEW, 422, "C", "body.tpm_limit: Input should be less than", {"tpm_limit": 2**63}),
    Case(_NEW, 422, "C", "body.rpm_limit: Input should be a valid integer", {"rpm_limit": 0.5}),
    Case(_NEW, 422, "C", "body.models: Input should be a valid list", {"models": None}),
    Case(_NEW, 422, "C", "body.models: List should have at most 500", {"models": ["m"] * 501}),
    Case(_NEW, 422, "C", "body.metadata: Input should be at", {"metadata": {"a": "x" * 66_000}}),
    Case(_NEW, 422, "C", "body.metadata: Input should be a valid dictionary", {"metadata": []}),
    Case(_NEW, 422, "C", "body.model_rpm_limit.m: Input", {"model_rpm_limit": {"m": -1}}),
    Case(_NEW, 422, "C", "body.team_member_permissions.0", {"team_member_permissions": ["/x"]}),
    Case(_NEW, 422, "C", "body.members_with_roles: List should", {"members_with_roles": MANY}),
    Case(_NEW, 400, "B", "must be strictly lower than", {"soft_budget": 5, "max_budget": 5}),
    Case(_NEW, 400, "B", f"Team id = {TEAM} already exists", {"team_id": TEAM}),
    Case(_NEW, 404, "B", "passed organization_id=o", {"organization_id": "o"}),
    Case(_UPDATE, 404, "B", "passed team_id=no", {"team_id": "no", "max_budget": 1}),
    Case("/team/delete", 422, "C", "body.team_ids: Input should be a valid", {"team_ids": TEAM}),
    Case("/team/delete", 404, "A", "passed team_id=no", {"team_ids": [TEAM, "no"]}),
    Case("/team/block", 404, "A", "passed team_id='; DROP TABLE", {"team_id": "'; DROP TABLE x"}),
    Case("/team/unblock", 422, "C", "body.team_id: Input should be", {"team_id": {"$ne": 1}}),
    Case(_ADD, 422, "C", "body.member: List should", {"team_id": TEAM, "member": MANY}),
    Case(_ADD, 400, "B", "All users are already in", {"team_id": TEAM, "member": []}),
    Case(_ADD, 422, "C", "body: Value error, Either user", {"team_id": TEAM, "member": _NOBODY}),
    Case(_ADD, 404, "A", "Team=no.", {"team_id": "no", "member": ONE}),
    Case(_ADD, 400, "A", _NEGATIVE.format("max_budget_in_team"), {"member": ONE, **_OVERDRAWN}),
    Case(_CHANGE, 400, "A", _NEGATIVE.format("max_budget_in_team"), {**_ADMIN, **_OVERDRAWN}),
    Case(_CHANGE, 400, "A", _NEGATIVE.format("rpm_limit"), {**_ADMIN, "rpm_limit": -1}),
    Case(_CHANGE, 400, "A", "Data=no", {"team_id": TEAM, "user_id": "no"}),
    Case(_CHANGE, 422, "C", "body.role: ", {**_ADMIN, "role": "owner"}),
    Case("/team/member_delete", 400, "A", "User not found", {"team_id": TEAM, "user_id": "no"}),
    Case("/team/member_delete", 422, "C", "body.user_email", {**_ADMIN, "user_email": "a b@c"}),
    Case("/user/new", 422, "C", "body.user_email: Input should be an", {"user_email": "a@b@c"}),
    Case("/user/new", 422, "C", "body.user_role: Input should be", {"user_role": "root"}),
    Case("/user/new", 422, "C", "body.user_id: String should have at most", {"user_id": _LONG}),
    Case("/user/new", 404, "B", "passed team_id=no", {"user_id": "new", "teams": ["no"]}),
    Case("/user/new", 409, "B", "default_user_id already exists", {"user_id": "default_user_id"}),
    Case("/user/update", 422, "C", "Either user_id or user_email", {"max_budget": 1}),
    Case("/user/update", 422, "C", "body.user_role: ", {"user_role": "root", **_NEW_USER}),
    Case("/user/update", 422, "C", "body.max_budget: ", {"max_budget": "NaN", **_NEW_USER}),
    Case("/user/update", 422, "C", "body.user_email: Input should be an", {"user_email": "@"}),
    Case("/user/update", 400, "B", _NEGATIVE.format("max_budget"), {"max_budget": -1, **_NEW_USER}),
    Case("/user/update", 400, "B", "teams is not what the user", {"teams": ["no"], **_NEW_USER}),
    Case("/user/bulk_update", 400, "B", "Must specify either 'users'", {"all_users": True}),
    Case("/user/bulk_update", 422, "C", "body.users: List should", {"users": [_NEW_USER] * 501}),
    Case("/user/bulk_update", 422, "C", "body.users.0: Value error", {"users": [{}]}),
    Case("/user/delete", 422, "C", "body.user_ids: Input should be a valid", {"user_ids": "no"}),
    Case("/user/delete", 404, "A", "User not found, passed user_id=no", {"user_ids": ["no"]}),
    Case("/user/delete", 404, "A", "passed user_id=no", {"user_ids": ["default_user_id", "no"]}),
    Case(_KEY, 400, "B", "must start with 'sk-'. Received: secr****", {"key": "secret-key"}),
    Case(_KEY, 404, "B", "passed team_id=no", {"team_id": "no"}),
    Case(_KEY, 404, "B", "passed organization_id=o", {"organization_id": "o"}),
    Case("/team/model/add", 404, "A", "passed team_id=no", {"team_id": "no", "models": ["m"]}),
    Case("/team/model/add", 422, "C", "body.models: ", {"team_id": TEAM, "models": "m"}),
    Case("/team/model/delete", 422, "C", "body.models: ", {"team_id": TEAM, "models": ["m"] * 501}),
    Case(_GRANT, 404, "A", "Team=no.", {"team_id": "no", "team_member_permissions": []}),
    Case(_GRANT, 422, "C", "permissions.0: ", {"team_id": TEAM, "team_member_permissions": ["/"]}),
    Case(_BULK, 400, "A", "At least one member is required", {"team_id": TEAM, "members": []}),
    Case(_BULK, 400, "A", "Maximum 500 members", {"team_id": TEAM, "members": MANY}),
    Case(_BULK, 404, "A", "Team=no.", {"team_id": "no", "all_users": True}),
    Case(_BULK, 422, "C", "body.members.0: ", {"team_id": TEAM, "members": [_NOBODY]}),
    Case(_BULK, 400, "A", _NEGATIVE.format("max_budget_in_team"), {"members": [ONE], **_OVERDRAWN}),
    Case(_CALLBACK, 422, "C", "Invalid callback variable: x", {**_LOGGER, "callback_vars": _ODD}),
    Case(_CALLBACK, 422, "C", "body.callback_type: ", {**_LOGGER, "callback_type": "never"}),
    Case(_CALLBACK, 400, "A", "is the mask of a secret", {**_LOGGER, "callback_vars": _MASKED}),
    Case("/team/no/callback", 400, "A", "Team id = no does not exist", _LOGGER),
    Case("/team/no/disable_logging", 404, "B", "Team id = no does not exist", {}),
    Case(f"/team/{_LONG}/callback", 422, "C", "path.team_id: ", _LOGGER),
    Case(_NEW, 422, "C", "logging callbacks, 0.callback_name: ", {"metadata": {"logging": [{}]}}),
    Case("/key/update", 401, "B", "user key does not exist", {"key": "sk-no", "max_budget": 1}),
    Case("/key/update", 422, "C", "body.key: Field required", {"max_budget": 1}),
    Case("/key/update", 422, "C", "are set together", {"key": "sk-no", "temp_budget_increase": 1}),
    Case("/key/delete", 422, "C", "body: Value error, Either keys or", {"keys": []}),
    Case("/key/delete", 404, "B", "No keys found", {"keys": ["sk-no"]}),
    Case("/key/block", 422, "C", "body.key: Input should be a valid string", {"key": ["sk-no"]}),
    Case("/key/unblock", 404, "B", f"Key {'f' * 64} not found", {"key": "f" * 64}),
    *(
        Case(path, 400, "B", "Invalid key format.", {"key": key})
        for path in ("/key/block", "/key/unblock")
        for key in ("", "no", "sk-", "sk-a b", "f" * 63, "g" * 64, "'; DROP TABLE x; --", "sk-a\n")
    ),
    Case(_SERVICE, 400, "bare", "team_id is required for service account keys", {}),
    Case(_SERVICE, 400, "bare", "team_id does not exist in the database", {"team_id": "no"}),
    Case(_SERVICE, 400, "bare", "team_id is required for service account keys", {"team_id": ""}),
    Case(_ROTATE, 400, "B", "No key passed in.", {}),
    Case(_ROTATE, 404, "B", "Key sk-...k-no not found.", {"key": "sk-no"}),
    Case(_ROTATE, 400, "B", "New key must start with 'sk-'", {"key": "sk-no", "new_key": "x"}),
    Case(_ROTATE, 400, "B", "The master key is part of", {"key": "sk-1", "new_master_key": "x"}),
    Case(_ROTATE, 422, "C", "body.grace_period: ", {"key": "sk-no", "grace_period": "soon"}),
    Case(f"/key/{_LONG}/regenerate", 422, "C", "path.key: String should have at most 255", {}),
    Case("/key/%00/regenerate", 422, "C", "path.key: text must not contain the character NUL", {}),
    Case(f"{_ROTATE}?key=%00", 422, "C", "query.key: text must not contain", {}),
    Case("/key/%20/regenerate", 404, "B", "Key   not found.", {"duration": "1h"}),
    Case(_MANY, 400, "B", "No keys provided for update", {"keys": []}),
    Case(_MANY, 400, "B", "Maximum 500 keys can be updated", {"keys": [{"key": "sk-no"}] * 501}),
    Case(_MANY, 422, "C", "body.keys.0.key: Field required", {"keys": [{}]}),
    Case(_MANY, 422, "C", "body.keys: Field required", {}),
    Case("/v2/key/info", 422, "C", "body.keys: Field required", {}),
    Case("/v2/key/info", 422, "C", "body.keys: List should have", {"keys": ["sk-no"] * 501}),
    Case(_ORG_NEW, 422, "C", "body.organization_alias: Field required", {"organization_id": "x"}),
    Case(_ORG_NEW, 422, "C", "body.models.0: ", {"organization_alias": "x", "models": [1]}),
    Case(_ORG_NEW, 400, "A", "Organization id = hostile-org already exists", _ORG),
    Case(_ORG_NEW, 400, "A", _NEGATIVE.format("max_budget"), {**_ORG, "max_budget": -1}),
    Case(_ORG_NEW, 404, "A", "Budget not found, passed budget_id=no", {**_ORG, "budget_id": "no"}),
    Case(_ORG_UPDATE, 422, "C", "body.organization_id: Field required", {}, "PATCH"),
    Case(_ORG_UPDATE, 404, "A", "passed organization_id=no", {"organization_id": "no"}, "PATCH"),
    Case(_ORG_UPDATE, 404, "A", "passed budget_id=no", {**_ORG, "budget_id": "no"}, "PATCH"),
    Case(_ORG_UPDATE, 422, "C", "body.max_budget: ", {**_ORG, "max_budget": "x"}, "PATCH"),
    Case(_ORG_UPDATE, 422, "C", "litellm_budget_table.rpm_limit: ", _ODD_TABLE, "PATCH"),
    Case(_ORG_DELETE, 404, "A", "organization_id=no", {"organization_ids": [ORG, "no"]}, "DELETE"),
    Case(_ORG_DELETE, 422, "C", "body.organization_ids: ", {"organization_ids": ORG}, "DELETE"),
    Case("/organization/info", 400, "A", "Specify list of organization", {"organizations": []}),
    Case("/organization/info", 422, "C", "body.organizations.0: ", {"organizations": [None]}),
    Case(_ORG_ADD, 422, "C", "body.member", {**_ORG, "member": {"user_id": "x", "role": "admin"}}),
    Case(_ORG_ADD, 404, "B", "for organization_id=no", {"organization_id": "no", "member": _JOINS}),
    Case(_ORG_ADD, 400, "B", "already in organization", {**_ORG, "member": []}),
    Case(_ORG_ADD, 400, "B", _NEGATIVE.format("max_budget_in_organization"), _ORG_OVERDRAWN),
    Case(_ORG_CHANGE, 400, "A", "for organization_id=no", _NO_ORG, "PATCH"),
    Case(_ORG_CHANGE, 404, "A", "for user_id=no", {**_ORG, "user_id": "no"}, "PATCH"),
    Case(_ORG_CHANGE, 422, "C", "body: Value error, Either user", _ORG, "PATCH"),
    Case("/organization/member_delete", 404, "A", "organization_id=no", _NO_ORG, "DELETE"),
    Case("/budget/new", 400, "A", "Budget id = hostile-org already exists", {"budget_id": ORG}),
    Case("/budget/new", 422, "C", "body.budget_duration: ", {"budget_duration": "x"}),
    Case("/budget/new", 422, "C", "body.budget_reset_at: ", {"budget_reset_at": "2026-01-01"}),
    Case("/budget/new", 400, "A", "must be strictly lower", {"soft_budget": 2, "max_budget": 1}),
    Case("/budget/update", 400, "A", "budget_id is required", {"max_budget": 1}),
    Case("/budget/update", 404, "A", "passed budget_id=no", {"budget_id": "no"}),
    Case("/budget/info", 400, "A", "Specify list of budget id's", {"budgets": []}),
    Case("/budget/delete", 422, "C", "body.id: Field required", {"budget_id": "x"}),
]  # fmt: skip

_ACTIVITY = "/team/daily/activity?start_date=2026-01-01"

QUERIES = [
    Case("/team/info", 422, "B", "No team id passed in"),
    Case("/team/info?team_id=", 404, "B", "Team not found, passed team id: ."),
    Case(f"/team/info?team_id={_LONG}", 404, "B", f"passed team id: {_LONG}."),
    Case("/team/info?team_id=%27%3B%20DROP%20x%2D%2D", 404, "B", "id: '; DROP x--."),
    Case("/team/info?team_id=%00", 422, "C", "query.team_id: Value error, must not contain a NUL"),
    Case("/team/info?team_id=%ED%A0%80", 404, "B", "Team not found, passed team id: "),
    Case(f"/team/info?team_id={TEAM}&team_id=last", 404, "B", "passed team id: last."),
    Case("/team/list?user_id=%00", 422, "C", "query.user_id: "),
    Case("/team/list?limit=0", 422, "C", "query.limit: "),
    Case("/team/list?limit=99999999999999999999", 422, "C", "query.limit: "),
    Case("/team/list?min_position=-1", 422, "C", "query.min_position: Input should be a position"),
    Case("/team/list?min_position=1e3", 422, "C", "query.min_position: Input should be a position"),
    Case(f"/team/list?min_position={2**64}", 422, "C", "query.min_position: Input should be a"),
    Case("/v2/team/list?page=0", 422, "C", "query.page: "),
    Case("/v2/team/list?page=1&page=x", 422, "C", "query.page: "),
    Case("/v2/team/list?page=9999999999999", 422, "C", "query.page: "),
    Case("/v2/team/list?page_size=101", 422, "C", "query.page_size: "),
    Case("/v2/team/list?status=gone", 400, "A", "Currently only 'deleted' is supported."),
    Case("/v2/team/list?user_id=%25", 404, "A", "User not found, passed user_id=%"),
    Case("/team/filter/ui?page_size=101", 422, "C", "query.page_size: "),
    Case("/team/filter/ui?team_id=%00", 422, "C", "query.team_id: "),
    Case("/team/permissions_list", 404, "A", "Team doesn't exist in db. Team=. "),
    Case("/team/permissions_list?team_id=%00", 422, "C", "query.team_id: "),
    Case(f"/team/permissions_list?team_id={_LONG}", 404, "A", f"Team={_LONG}. "),
    Case("/team/daily/activity", 400, "A", "Please provide start_date and end_date"),
    Case(f"{_ACTIVITY}&end_date=2026-02-30", 422, "C", "query.end_date: "),
    Case(f"{_ACTIVITY}&end_date=2025-12-31", 422, "C", "must not be before start_date"),
    Case(f"{_ACTIVITY}&end_date=0", 422, "C", "query.end_date: Value error, should be a date"),
    Case(f"{_ACTIVITY}&end_date=2026-01-02&page_size=1001", 422, "C", "query.page_size: "),
    Case(f"{_ACTIVITY}&end_date=2026-01-02&team_ids=a,%00", 422, "C", "query.team_ids: "),
    Case(f"{_ACTIVITY}&end_date=2026-01-02&timezone=../UTC", 422, "C", "query.timezone: "),
    Case(f"{_ACTIVITY}&end_date=2026-01-02&timezone=7", 422, "C", "whole quarters of an hour"),
    Case("/user/daily/activity?start_date=2026-01-01", 400, "A", "Please provide start_date"),
    Case("/user/daily/activity?user_id=%00", 422, "C", "query.user_id: "),
    Case("/user/daily/activity/aggregated?start_date=x", 422, "C", "query.start_date: "),
    Case("/organization/daily/activity?page=0", 422, "C", "query.page: "),
    Case("/organization/daily/activity?organization_ids=%00", 422, "C", "query.organization_ids: "),
    Case("/global/spend/teams?timezone=%00", 422, "C", "query.timezone: "),
    Case("/global/spend/report?group_by=customer", 422, "C", "query.group_by: Input should be"),
    Case("/global/spend/report", 400, "A", "Please provide start_date and end_date"),
    Case("/spend/logs/v2", 400, "B", "Start date and end date are required"),
    Case("/spend/logs/v2?start_date=2026-01-01T00:00:00Z", 422, "C", "query.start_date: "),
    Case("/spend/logs/v2?min_spend=1e999", 422, "C", "query.min_spend: "),
    Case("/spend/logs/ui?sort_by=1;--", 422, "C", "query.sort_by: "),
    Case("/spend/logs/ui?request_id=%00", 422, "C", "query.request_id: "),
    Case("/v1/spend", 422, "problem", "query.from: Field required"),
    Case("/v1/spend?from=2026-01-01&to=2025-01-01", 422, "problem", "must not be before from"),
    Case("/v1/spend?group_by=team;--", 422, "problem", "is nothing to divide by"),
    Case("/v1/spend?tag=a&tag=%00", 422, "problem", "query.tag.1: "),
    Case(f"/v1/spend?{'team=a&' * 101}", 422, "problem", "query.team: Tuple should have at most"),
    Case("/key/list?size=0", 422, "C", "query.size: "),
    Case("/key/list?return_full_object=2", 422, "C", "query.return_full_object: "),
    Case("/key/list?sort_by=1;--", 400, "B", "Invalid sort column."),
    Case("/key/list?sort_order=up", 400, "B", "Invalid sort order."),
    Case("/key/list?status=gone", 400, "B", "Currently only 'deleted' is supported."),
    Case("/key/list?access_group_id=%00", 422, "C", "query.access_group_id: "),
    Case("/key/aliases?size=101", 422, "C", "query.size: "),
    Case("/key/aliases?page=0", 422, "C", "query.page: "),
    Case("/key/aliases?search=%00", 422, "C", "query.search: "),
    Case("/user/info?user_id=", 404, "B", "User  not found"),
    Case("/user/info?user_id=%00", 422, "C", "query.user_id: "),
    Case("/user/info?user_id=%27%3B%20DROP%20x%2D%2D", 404, "B", "User '; DROP x-- not found"),
    Case("/user/list?page_size=101", 422, "C", "query.page_size: "),
    Case("/user/list?sort_by=1;--", 400, "A", "Invalid sort column."),
    Case("/user/list?sort_order=up", 400, "A", "Invalid sort order."),
    Case("/user/list?user_ids=a,%00", 422, "C", "query.user_ids: "),
    Case("/user/filter/ui?user_email=%00", 422, "C", "query.user_email: "),
    Case("/user/filter/ui?page=0", 422, "C", "query.page: "),
    Case("/key/info?key=", 404, "B", "Key not found"),
    Case("/key/info?key=%00", 422, "C", "query.key: "),
    Case(f"/key/info?key=sk-{_LONG}", 404, "B", "Key not found"),
    Case("/organization/info", 422, "C", "query.organization_id: Field required"),
    Case("/organization/info?organization_id=no", 404, "A", "Organization not found"),
    Case("/organization/info?organization_id=%00", 422, "C", "query.organization_id: "),
    Case("/organization/list?org_alias=%00", 422, "C", "query.org_alias: "),
    Case("/organization/list?page=0", 422, "C", "query.page: "),
    Case("/budget/list?page_size=101", 422, "C", "query.page_size: "),
    Case("/budget/settings", 422, "C", "query.budget_id: Field required"),
    Case("/budget/settings?budget_id=no", 404, "A", "passed budget_id=no"),
    Case("/organization/update", 405, "bare", "Method Not Allowed"),
    Case("/audit?page_size=0", 422, "C", "query.page_size: "),
    Case("/audit?start_date=yesterday", 422, "C", "query.start_date: "),
    Case("/audit?sort_by=1;--", 422, "C", "query.sort_by: "),
    Case("/audit?sort_order=up", 422, "C", "query.sort_order: "),
    Case("/audit?object_id=%00", 422, "C", "query.object_id: "),
    Case("/audit/%00", 422, "C", "path.id: "),
    Case("/audit/%27%20or%201=1", 404, "entry", "Audit log with ID ' or 1=1 not found"),
    Case(f"/audit/{_LONG}", 404, "entry", f"Audit log with ID {_LONG} not found"),
    Case("/audit/a%2Fb", 404, "bare", "Not Found"),
    Case("/team/new", 405, "bare", "Method Not Allowed"),
    Case("/team/%00", 404, "bare", "Not Found"),
]

ODD_IDS = [
    *("a/b", "../../etc/passwd", " ", 'it\'s "quoted" \\ ', "'; DROP TABLE x; --", "%2F%00"),
    *("\u20ac \u6f22\U0001f600 \u202e", "e\u0301", "a?b=c&d#e", "{{7*7}} ${x}", "null"),
    "\u00e9" * 255,
]
"""Ids of teams that may well be there."""
