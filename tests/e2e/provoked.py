"""Requests that provoke the refusals which the description shows, each by its name there."""

import re
from collections.abc import Mapping
from typing import Any

from services.command.application.ledger_page import entry_id
from services.edge.openapi.callers import KEY
from tests.e2e.provocation import Provocation
from tests.e2e.provocation import gets as _gets
from tests.e2e.provocation import posts as _posts
from tests.e2e.provocation import sends as _sends
from tests.e2e.provoked_history import HISTORY
from tests.e2e.provoked_webhooks import WEBHOOKS

STRANGER, KEYLESS_USER, MEMBER = "eve", "nobody", "mia"
COLLEAGUE, OUTSIDER, LEADER = "ivo", "oda", "lea"
"""Of the organization of the examples a mere member, a member of another one, and its admin."""

SESSION = "session"
"""Eve's key at a dashboard."""

CLOSED_TEAM = "closed"

BOOKED, DISCARDED = (entry_id("eu", name).hex() for name in ("booked", "discarded"))
"""Calls that waited in quarantine until something was decided about them."""

_SAME_IN_EXAMPLES = {CLOSED_TEAM: "core", KEYLESS_USER: "eve", MEMBER: "eve"}
_MADE_UP = re.compile(
    r"""
      (?P<hash> \b[0-9a-f]{64}\b )
    | (?P<time> \b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00) )
    | (?P<record> \b[0-9a-f]{32}\b )
    | (?P<key> sk-\.\.\.[A-Za-z0-9_-]{4} )
    | (?P<version> "\d+" )
    | (?P<size> \b\d{6}\ bytes )
    | (?P<name> \b(?:closed|nobody|mia)\b )
    """,
    re.VERBOSE,
)


def levelled(value: Any) -> Any:  # noqa: ANN401
    """A body with what differs from run to run, or from the world of the examples, made alike."""
    match value:
        case str():
            return _MADE_UP.sub(_alike, value)
        case dict():
            return {name: levelled(part) for name, part in value.items()}
        case list():
            return [levelled(part) for part in value]
    return value


def _alike(found: re.Match[str]) -> str:
    return _SAME_IN_EXAMPLES.get(found[0], f"<{found.lastgroup}>")


CALLERS: Mapping[str, Provocation] = {
    name: Provocation(key=name)
    for name in (
        *("no_key", "no_virtual_key", "unknown_key", "blocked_key", "blocked_team"),
        *("expired_key", "other_routes", "viewer"),
    )
}
"""Those who are refused on every route, by the key they present."""

COMMON: Mapping[str, Provocation] = {
    **CALLERS,
    "long_claim": Provocation(headers={"litellm-changed-by": "x" * 256}),
    "bad_repeat_key": Provocation(headers={"idempotency-key": ""}),
    "bad_etags": Provocation(headers={"if-match": "7"}),
    "bad_dry_run": Provocation(query={"dry_run": "maybe"}),
    "malformed": Provocation(content=b"{"),
    "large_body": Provocation(content=b" " * (1024 * 1024 + 1)),
    "bad_path": Provocation(path={"team_id": "core%09"}),
    "bad_position": Provocation(query={"min_position": "-1"}),
    "no_moment": Provocation(query={"as_of": "yesterday"}),
    "moment_ahead": Provocation(query={"as_of": str(10**15)}),
    "not_team_admin": Provocation(key=STRANGER),
    "in_no_organization": Provocation(key=STRANGER),
    "not_in_organization": Provocation(key=OUTSIDER),
    "not_organization_admin": Provocation(key=COLLEAGUE),
}
"""What provokes the same on every route that shows it."""

_MISSING = {"team_id": "missing"}
_DATES = {"start_date": "2026-03-01", "end_date": "2026-03-31"}
_NEGATIVE = {"max_budget": -1}
_ORDER = {"soft_budget": 20, "max_budget": 10}
_MASK = {"langfuse_secret_key": "sk-l****cdef"}
_MASKED = {"metadata": {"logging": [{"callback_name": "langfuse", "callback_vars": _MASK}]}}
_BULKY = {"a": "x" * 65_000}
_LARGE = {
    **dict.fromkeys(("metadata", "router_settings", "model_aliases"), _BULKY),
    "secret_manager_settings": _BULKY,
}
_ORGANIZATION = {"organization_id": "missing"}
_RESEARCH = {"organization_id": "research"}
_GUARANTEED = {"tpm_limit": 200, "tpm_limit_type": "guaranteed_throughput"}
_TOO_MUCH = {**_GUARANTEED, **_RESEARCH, "tpm_limit": 1001}
_OTHER_THAN_ITS_TEAMS = {"team_id": "lab", "organization_id": "other"}
_NO_BUDGET = {"budget_id": "missing"}
_NEW_ORGANIZATION = {"organization_alias": "New"}
_BY_MODEL = {f"{n:0>60}": 1 for n in range(900)}
_LARGE_ORGANIZATION = {
    "metadata": {"a": "x" * 65_000},
    "model_rpm_limit": _BY_MODEL,
    "model_tpm_limit": _BY_MODEL,
    "object_permission": {"mcp_tool_permissions": {name: [] for name in _BY_MODEL}},
}
_JOINING = {"user_id": "bob", "role": "internal_user"}
_TAKEN = {"key_alias": "ann-laptop"}
_OF_GATEWAYS = {"allowed_routes": ["gateway_routes"]}
_ADMIN = {"user_id": "default_user_id", "role": "user"}
_OTHER_PERSON = {"user_id": "bob", "user_email": "ann@example.com", "role": "user"}
_CORE = {"team_id": "core"}
_OVERDRAWN = {**_CORE, "max_budget_in_team": -1}
_BOTH_TEAMS = Provocation({"team_ids": ["core", CLOSED_TEAM]}, headers={"if-match": "*"})


def _member_resets(path: str) -> dict[tuple[str, str, str], Provocation]:
    admin = {**_CORE, "user_id": "default_user_id"}
    return _posts(
        path,
        no_team=Provocation(path={**_MISSING, "user_id": "ann"}),
        not_a_member=Provocation(path={**_CORE, "user_id": "missing"}),
        not_resettable=Provocation({"reset_to": 1}, path=admin),
        his_own=Provocation(path={"team_id": "lab", "user_id": LEADER}, key=LEADER),
        bad_path=Provocation(path={"team_id": "core%09", "user_id": "ann"}),
    )


def _rotations(path: Mapping[str, str]) -> dict[str, Any]:
    """What is refused of a new secret for a key, which the path names or else the body."""
    named = {} if path else {"key": KEY}

    def wrong(**fields: object) -> Provocation:
        return Provocation({**named, **fields}, path=path)

    def of(key: str, by: str, **fields: object) -> Provocation:
        return Provocation({"key": key, **fields}, path={"key": key} if path else {}, key=by)

    return {
        "no_team": wrong(**_MISSING),
        "no_organization": wrong(**_ORGANIZATION),
        "key_alias_exists": wrong(**_TAKEN),
        "key_exists": wrong(new_key=KEY),
        "negative_limit": wrong(**_NEGATIVE),
        "bad_key": wrong(new_key="secret-key"),
        "no_master_key": wrong(new_master_key="sk-1"),
        "not_a_gateway": wrong(**_OF_GATEWAYS),
        "other_organization": wrong(**_OTHER_THAN_ITS_TEAMS, user_id=None),
        "over_allowance": wrong(**_TOO_MUCH),
        "no_keys_there": of("sk-of-eve", STRANGER, **_RESEARCH),
        "stays_there": of("sk-of-ivo", COLLEAGUE, organization_id=None),
        "not_owner": of("sk-of-staff", MEMBER),
        "not_admin": Provocation(key="internal_viewer"),
    }


def _by(key: str, **query: str) -> Provocation:
    return Provocation(query=query, key=key)


SPECIAL: Mapping[tuple[str, str, str], Provocation] = {
    **_posts(
        "/team/new",
        team_exists=_CORE,
        no_organization=_ORGANIZATION,
        negative_limit=_NEGATIVE,
        budget_order=_ORDER,
        masked_secret=_MASKED,
        not_same_person={"members_with_roles": [_OTHER_PERSON]},
        too_large=_LARGE,
        no_organization_named=Provocation({}, key=COLLEAGUE),
        no_organization_admin=Provocation(_RESEARCH, key=COLLEAGUE),
        over_organization={**_RESEARCH, "models": ["gpt-4o-mini"], "max_budget": 100},
        outside_organization={**_RESEARCH, "models": ["gpt-4o"]},
        over_allowance={**_RESEARCH, "models": ["gpt-4o-mini"], **_GUARANTEED},
    ),
    **_posts(
        "/team/update",
        no_team=_MISSING,
        no_organization={**_CORE, **_ORGANIZATION},
        negative_limit={**_CORE, **_NEGATIVE},
        budget_order={**_CORE, **_ORDER},
        masked_secret={**_CORE, **_MASKED},
        too_large={**_CORE, **_LARGE},
        not_by_update={**_CORE, "members_with_roles": []},
        over_organization={"team_id": "lab", "max_budget": 100},
        outside_organization={"team_id": "lab", "models": ["gpt-4o"]},
        over_allowance={"team_id": "lab", **_GUARANTEED},
        cannot_move={"team_id": "staff", **_RESEARCH},
        model_outside_organization={**_CORE, **_RESEARCH},
    ),
    **_posts("/team/delete", no_team={"team_ids": ["missing"]}, several_things=_BOTH_TEAMS),
    **_posts("/team/block", no_team=_MISSING),
    **_posts("/team/unblock", no_team=_MISSING),
    **_posts("/team/model/add", no_team={**_MISSING, "models": ["m"]}),
    **_posts(
        "/team/model/delete",
        no_team={**_MISSING, "models": ["m"]},
        last_model={**_CORE, "models": ["gpt-4o"]},
    ),
    **_posts("/team/permissions_update", no_team={**_MISSING, "team_member_permissions": []}),
    **_posts(
        "/team/{team_id}/callback",
        no_team=Provocation(path=_MISSING),
        callback_exists={"callback_name": "langfuse", "callback_vars": {}},
        masked_secret={"callback_name": "another", "callback_vars": _MASK},
    ),
    **_posts("/team/{team_id}/disable_logging", no_team=Provocation(path=_MISSING)),
    **_posts(
        "/team/member_add",
        no_team={**_MISSING, "member": _ADMIN},
        negative_limit={**_OVERDRAWN, "member": _ADMIN},
        not_same_person={**_CORE, "member": _OTHER_PERSON},
        already_member={**_CORE, "member": _ADMIN},
        all_members={**_CORE, "member": [_ADMIN]},
    ),
    **_posts(
        "/team/bulk_member_add",
        no_team={**_MISSING, "members": [_ADMIN]},
        negative_limit={**_OVERDRAWN, "members": [_ADMIN]},
        nobody={**_CORE, "members": []},
        too_many={**_CORE, "members": [_ADMIN] * 501},
        no_rehearsal=Provocation({**_CORE, "all_users": True}, query={"dry_run": "true"}),
    ),
    **_posts(
        "/team/member_update",
        no_team={**_MISSING, "user_id": "bob"},
        not_a_member={**_CORE, "user_id": "bob"},
        negative_limit={**_OVERDRAWN, "user_id": "default_user_id"},
    ),
    **_posts(
        "/team/member_delete",
        no_team={**_MISSING, "user_id": "bob"},
        not_a_member={**_CORE, "user_id": "bob"},
    ),
    **_posts(
        "/user/new",
        user_exists={"user_id": "ann"},
        email_exists={"user_email": "ann@example.com"},
        key_alias_exists=_TAKEN,
        no_team={"teams": ["missing"]},
        no_organization={"organizations": ["missing"]},
        negative_limit=_NEGATIVE,
        above_him=Provocation(
            {"organizations": ["research"], "user_role": "proxy_admin"}, key=LEADER
        ),
        not_team_admin=Provocation({"organizations": ["research"], "teams": ["core"]}, key=LEADER),
    ),
    **_posts(
        "/user/update",
        email_exists={"user_id": "bob", "user_email": "ann@example.com"},
        negative_limit={"user_id": "ann", **_NEGATIVE},
        teams_not_by_update={"user_id": "ann", "teams": ["missing"]},
        not_himself=Provocation(key=STRANGER),
        for_admins=Provocation({"user_id": STRANGER, "user_role": "proxy_admin"}, key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **_posts(
        "/user/bulk_update",
        nobody={},
        no_rehearsal=Provocation(
            {"all_users": True, "user_updates": {"max_budget": 1}}, query={"dry_run": "true"}
        ),
        several_things=Provocation(
            {"users": [{"user_id": "ann"}, {"user_id": "bob"}]}, headers={"if-match": "*"}
        ),
    ),
    **_posts(
        "/user/delete",
        no_user={"user_ids": ["missing"]},
        several_things=Provocation({"user_ids": ["ann", "bob"]}, headers={"if-match": "*"}),
    ),
    **_posts(
        "/key/generate",
        no_team=_MISSING,
        no_organization=_ORGANIZATION,
        key_alias_exists=_TAKEN,
        key_exists={"key": KEY},
        not_assigned=Provocation({**_CORE, "user_id": STRANGER}, key=STRANGER),
        negative_limit=_NEGATIVE,
        over_own_budget=Provocation({"user_id": STRANGER, "max_budget": 20}, key=STRANGER),
        bad_key={"key": "secret-key"},
        for_another=Provocation({"user_id": "ann"}, key=STRANGER),
        not_a_gateway={"key_type": "gateway"},
        for_gateway=Provocation({"key_type": "gateway", "key_alias": "eu"}, key=STRANGER),
        other_organization=_OTHER_THAN_ITS_TEAMS,
        over_allowance=_TOO_MUCH,
        no_keys_there=Provocation(_RESEARCH, key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **_posts(
        "/key/service-account/generate",
        no_team=_MISSING,
        no_organization={**_CORE, **_ORGANIZATION},
        key_alias_exists={**_CORE, **_TAKEN},
        key_exists={**_CORE, "key": KEY},
        not_assigned=Provocation(key=STRANGER),
        negative_limit={**_CORE, **_NEGATIVE},
        bad_key={**_CORE, "key": "secret-key"},
        no_team_named={},
        not_a_gateway={**_CORE, "key_type": "gateway", "key_alias": "eu"},
        other_organization=_OTHER_THAN_ITS_TEAMS,
        over_allowance={**_CORE, **_TOO_MUCH},
        no_keys_there=Provocation({"team_id": "crew", **_RESEARCH}, key=MEMBER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **_posts("/key/regenerate", **_rotations({})),
    **_posts("/key/regenerate", no_key={"key": "sk-missing"}, no_key_named={}),
    **_posts("/key/{key}/regenerate", **_rotations({"key": KEY})),
    **_posts(
        "/key/{key}/regenerate",
        no_key=Provocation({}, path={"key": "sk-missing"}),
        bad_path=Provocation({}, path={"key": "sk-example%00"}),
    ),
    **_posts(
        "/key/bulk_update",
        nobody={"keys": []},
        too_many={"keys": [{"key": KEY}] * 501},
        not_proxy_admin=Provocation(key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
        several_things=Provocation(headers={"if-match": "*"}),
    ),
    **_posts(
        "/key/update",
        no_key={"key": "sk-missing"},
        no_team={"key": KEY, **_MISSING},
        no_organization={"key": KEY, **_ORGANIZATION},
        key_alias_exists={"key": KEY, **_TAKEN},
        negative_limit={"key": KEY, **_NEGATIVE},
        over_own_budget=Provocation({"key": "sk-of-eve", "max_budget": 20}, key=STRANGER),
        over_team_limit={"key": "sk-of-staff", **_CORE, "max_budget": 200},
        not_a_gateway={"key": KEY, **_OF_GATEWAYS},
        other_organization={"key": KEY, **_OTHER_THAN_ITS_TEAMS, "user_id": None},
        over_allowance={"key": KEY, **_TOO_MUCH},
        no_keys_there=Provocation({"key": "sk-of-eve", **_RESEARCH}, key=STRANGER),
        stays_there=Provocation({"key": "sk-of-ivo", "organization_id": None}, key=COLLEAGUE),
        not_owner=Provocation(key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **_posts(
        "/key/delete",
        no_key={"keys": ["sk-missing"]},
        not_owner=Provocation({"keys": ["sk-of-staff"]}, key=MEMBER),
        several_things=Provocation({"keys": [KEY, "sk-of-eve"]}, headers={"if-match": "*"}),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **_posts(
        "/key/block",
        no_key={"key": "sk-missing"},
        bad_key={"key": "secret-key"},
        not_owner=Provocation({"key": "sk-of-staff"}, key=MEMBER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **_posts(
        "/key/unblock",
        no_key={"key": "sk-missing"},
        bad_key={"key": "secret-key"},
        not_owner=Provocation({"key": "sk-of-staff"}, key=MEMBER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **_gets(
        "/team/info",
        no_team_id={},
        no_team=_MISSING,
        not_in_team=_by(STRANGER, team_id="core"),
    ),
    **_gets("/team/list", not_his_own=_by(STRANGER), no_user_row=_by(KEYLESS_USER)),
    **_gets(
        "/v2/team/list",
        not_his_own=_by(STRANGER),
        no_user_row=_by(KEYLESS_USER),
        bad_status={"status": "gone"},
        no_user={"user_id": "missing"},
        user_not_in_team={"user_id": "ann", "team_id": "missing"},
    ),
    **_gets("/team/available", no_user=_by("no_user")),
    **_gets("/team/permissions_list", no_team=_MISSING),
    **_gets(
        "/team/daily/activity",
        no_dates={},
        no_user=Provocation(key="no_user"),
        no_user_row=Provocation(key=KEYLESS_USER),
        not_in_team=Provocation(key=STRANGER),
    ),
    **_gets("/team/{team_id}/callback", no_team=Provocation(path=_MISSING)),
    **_gets(
        "/key/info",
        no_key_found={"key": "sk-missing"},
        not_for_him=Provocation(key=STRANGER),
    ),
    **_gets(
        "/key/list",
        bad_status={"status": "gone"},
        bad_order={"sort_order": "up"},
        not_his_own=_by(STRANGER, user_id="ann"),
        not_his_team=_by(STRANGER, team_id="core"),
    ),
    **_gets("/key/aliases", no_user=_by("no_user")),
    **_gets("/user/info", no_user={"user_id": "missing"}, not_his_own=Provocation(key=STRANGER)),
    **_gets(
        "/user/list",
        bad_order={"sort_order": "up"},
        no_admin=Provocation(key=STRANGER),
        not_his_organization=Provocation(query={"organization_ids": "other"}, key=LEADER),
    ),
    **_gets("/user/filter/ui", no_team_admin=Provocation(key=STRANGER)),
    **_posts(
        "/budget/new",
        budget_exists={"budget_id": "research-2026"},
        negative_limit=_NEGATIVE,
        budget_order=_ORDER,
    ),
    **_posts(
        "/budget/update",
        no_budget_named={},
        no_budget=_NO_BUDGET,
        negative_limit={"budget_id": "research-2026", **_NEGATIVE},
        budget_order={"budget_id": "research-2026", **_ORDER},
    ),
    **_posts("/budget/delete", budget_in_use={"id": "research-2026"}),
    **_posts("/budget/info", none_named={"budgets": []}),
    **_gets("/budget/settings", no_budget_named={}, no_budget=_NO_BUDGET),
    **_posts(
        "/organization/new",
        organization_exists={**_RESEARCH, **_NEW_ORGANIZATION},
        no_budget={**_NEW_ORGANIZATION, **_NO_BUDGET},
        negative_limit={**_NEW_ORGANIZATION, **_NEGATIVE},
        budget_order={**_NEW_ORGANIZATION, **_ORDER},
        too_large={**_NEW_ORGANIZATION, **_LARGE_ORGANIZATION},
    ),
    **_sends(
        "PATCH",
        "/organization/update",
        no_organization=_ORGANIZATION,
        no_budget={**_RESEARCH, **_NO_BUDGET},
        negative_limit={**_RESEARCH, **_NEGATIVE},
        budget_order={**_RESEARCH, **_ORDER},
        too_large={**_RESEARCH, **_LARGE_ORGANIZATION},
    ),
    **_sends(
        "DELETE",
        "/organization/delete",
        no_organization={"organization_ids": ["missing"]},
        no_organization_id=Provocation({"organization_ids": []}, key=STRANGER),
        several_things=Provocation(
            {"organization_ids": ["research", "other"]}, headers={"if-match": "*"}
        ),
    ),
    **_posts(
        "/organization/member_add",
        no_organization={**_ORGANIZATION, "member": _JOINING},
        already_member={**_RESEARCH, "member": {"user_id": "ann", "role": "internal_user"}},
        not_same_person={
            **_RESEARCH,
            "member": {**_OTHER_PERSON, "role": "internal_user"},
        },
        negative_limit={**_RESEARCH, "member": _JOINING, "max_budget_in_organization": -1},
    ),
    **_sends(
        "PATCH",
        "/organization/member_update",
        no_organization={**_ORGANIZATION, "user_id": "ann"},
        not_a_member={**_RESEARCH, "user_id": "bob"},
        negative_limit={**_RESEARCH, "user_id": "ann", "max_budget_in_organization": -1},
    ),
    **_sends(
        "DELETE",
        "/organization/member_delete",
        no_organization={**_ORGANIZATION, "user_id": "ann"},
    ),
    **_gets(
        "/organization/info",
        none_named={},
        no_organization_id=Provocation(query={}, key=OUTSIDER),
        no_organization=_ORGANIZATION,
    ),
    **_posts("/organization/info", none_named={"organizations": []}),
    **_gets("/v1/events", no_subject={"subject": "core"}),
    **_gets(
        "/v1/proof/inclusion",
        one_of_both={},
        not_sealed={"position": "1000000000"},
    ),
    **_gets("/v1/proof/consistency", no_such_trees={"from_size": "1000000000"}),
    **_gets(
        "/v1/teams/{team_id}/windows",
        no_team=Provocation(path=_MISSING),
        not_in_team=Provocation(key=STRANGER),
    ),
    **_gets(
        "/v1/teams/{team_id}/members/{user_id}/windows",
        no_team=Provocation(path={**_MISSING, "user_id": "ann"}),
        not_in_team=Provocation(key=STRANGER),
        no_member=Provocation(path={**_CORE, "user_id": "missing"}),
    ),
    **_gets(
        "/v1/keys/{key}/windows",
        no_key_of_this_name=Provocation(path={"key": "sk-missing"}),
        not_his_key=Provocation(key=STRANGER),
    ),
    **_gets(
        "/v1/users/{user_id}/windows",
        no_user=Provocation(path={"user_id": "missing"}),
        not_his_own=Provocation(key=STRANGER),
    ),
    **_gets(
        "/v1/organizations/{organization_id}/windows",
        no_organization=Provocation(path=_ORGANIZATION),
    ),
    **_posts(
        "/key/{key}/reset_spend",
        no_key=Provocation(path={"key": "sk-missing"}),
        not_resettable={"reset_to": 1},
        not_for_him=Provocation(path={"key": "sk-of-eve"}, key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
        bad_path=Provocation(path={"key": "sk-example%00"}),
    ),
    **_member_resets("/team/{team_id}/member/{user_id}/reset_spend"),
    **_member_resets("/v1/teams/{team_id}/members/{user_id}/reset_spend"),
    **_posts("/global/spend/reset", several_things=Provocation(headers={"if-match": "*"})),
    **_gets("/audit/{id}", no_entry=Provocation(path={"id": "missing"})),
    **_posts(
        "/v1/usage",
        no_gateway=Provocation(key="proxy_admin"),
        no_rehearsal=Provocation(query={"dry_run": "true"}),
        no_items=[],
        no_object=7,
        no_gzip=Provocation(content=b"{}", headers={"content-encoding": "gzip"}),
        other_encoding=Provocation(content=b"{}", headers={"content-encoding": "br"}),
        large_body=Provocation(content=b" " * (16 * 1024 * 1024 + 1)),
    ),
    **_posts("/v1/decide", no_gateway=Provocation(key="proxy_admin"), bad_fields={}),
    **_sends(
        "DELETE",
        "/v1/reservations/{reservation_id}",
        no_gateway=Provocation(key="proxy_admin"),
        no_reservation=Provocation(path={"reservation_id": "0" * 32}),
        bad_path=Provocation(path={"reservation_id": "none"}),
    ),
    **_posts(
        "/v1/usage/quarantine/{id}/book",
        already_settled=Provocation({}, path={"id": DISCARDED}),
        no_quarantined_usage=Provocation({}, path={"id": "0" * 32}),
        bad_path=Provocation({}, path={"id": "sk-example%00"}),
    ),
    **_posts(
        "/v1/usage/quarantine/{id}/discard",
        already_settled=Provocation(path={"id": BOOKED}),
        no_quarantined_usage=Provocation(path={"id": "0" * 32}),
        bad_path=Provocation(path={"id": "sk-example%00"}),
    ),
    **HISTORY,
    **WEBHOOKS,
    **_gets("/v1/usage/quarantine", bad_place={"after": "nowhere"}),
    **_gets("/v1/usage/unattributed", bad_place={"after": "nowhere"}),
    **{
        key: provocation
        for route in ("/user/daily/activity", "/user/daily/activity/aggregated")
        for key, provocation in _gets(
            route,
            no_dates={},
            no_user=Provocation(key="no_user"),
            no_user_row=Provocation(key=KEYLESS_USER),
            not_his_own=Provocation(key=STRANGER),
        ).items()
    },
    **_gets(
        "/organization/daily/activity",
        no_dates={},
        leads_none=Provocation(key=STRANGER),
        leads_another=_by(LEADER, **_DATES, organization_ids="missing"),
    ),
    **_gets("/global/spend/report", no_dates={}, no_customers={**_DATES, "customer_id": "x"}),
    **{
        key: provocation
        for route in ("/spend/logs/v2", "/spend/logs/ui")
        for key, provocation in _gets(
            route,
            no_dates={},
            no_end_users={**_DATES, "end_user": "x"},
            not_team_admin=Provocation(key=SESSION),
        ).items()
    },
    **_gets("/v1/spend", no_range={}, no_user=Provocation(key="no_user")),
}

ELSEWHERE: Mapping[str, str] = {
    "not_expected": "test_openapi_examples, where the request is right otherwise",
    "repeated_otherwise": "test_openapi_examples, after the first request",
    "unexpected": "tests/spec/test_edge_errors.py: nothing is known that provokes it",
    "past_too_long": "tests/integration/test_past_rights.py: takes a past that is too much",
    "unavailable": "tests/faults and tests/integration: needs a database that is away",
    "unknown_outcome": "tests/integration/test_commit_outcome.py: needs a commit that gets lost",
    "not_of_members": "tests/register/test_member_budgets.py: the id is drawn at random",
    "limits_members": "tests/register/test_member_budgets.py: the id is drawn at random",
    "too_many_webhooks": "tests/spec/test_webhooks.py: needs as many as there may be",
    "no_delivery": "tests/e2e/test_webhooks.py: ids of webhooks are drawn at random",
    "too_many_keys": "tests/spec/test_key_organizations.py: needs more than a thousand keys",
    "changed_meanwhile": "tests/spec: needs a change between two steps of one request",
    "unhealthy": "tests/integration: needs a database that is away",
    "too_long": "tests/integration/test_reports_in_time.py: needs a database that is slow",
    "not_recorded": "tests/integration/test_read_audit.py: needs reads without commands",
    "too_many_groups": "tests/integration/test_reports_in_time.py: needs very many calls",
}
"""Refusals that are not provoked here, and where they are."""
