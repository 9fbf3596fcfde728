"""Whatever is sent: no 5xx, a refusal stores nothing, and what was accepted reads as answered."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.e2e.routes import GETS, OPTIONAL, OTHERS, OUR_GETS, POSTS, READS
from tests.support.ledger import Ledger, bearer
from tests.support.refused import refusal
from tests.support.service import MASTER_KEY

FUZZED = {
    **POSTS,
    **READS,
    **{path: model for (_, path), model in OTHERS.items()},
    "/key/regenerate": OPTIONAL["/key/regenerate"],
}
METHODS = {path: method for method, path in OTHERS}
BYSTANDER = "bystander"
"""A team that nothing here names."""

TEAMS = ("fuzz-a", "fuzz-b", "fuzz c/\u00e9")
ORGANIZATIONS = ("fuzz-org", "fuzz org/\u00e9")
USERS = ("ann", "bob", "carl", "default_user_id", "default_user_id")
A_KEY = "<a key>"
"""Stands for a key that is made for the request: a deleted one is never made again."""

EMAILS = ("ann@example.com", "ANN@example.com", "bob@example.com")
MEMBERS = [{"user_id": "ann", "user_email": EMAILS[0], "role": "user"}]
PLAIN: tuple[object, ...] = (None, 1, 10, "text", [], {}, True)
NAMING = {
    "/team/new": {"team_id"},
    "/team/bulk_member_add": {"members"},
    "/team/member_update": {"user_id"},
    "/team/member_delete": {"user_email"},
    "/user/update": {"user_id"},
    "/user/bulk_update": {"users"},
    "/key/generate": {"key"},
    "/key/delete": {"keys"},
    "/organization/member_update": {"user_id"},
    "/organization/member_delete": {"user_email"},
    "/budget/update": {"budget_id"},
    "/key/regenerate": {"key"},
    "/key/service-account/generate": {"team_id"},
    "/key/some-id/reset_spend": {"reset_to"},
    "/team/some-id/member/some-user/reset_spend": {"reset_to"},
}
"""What is not required by itself, but without which a request seldom meets anything."""

UNUSED = {"/team/new": "team_id", "/key/generate": "key", "/organization/new": "organization_id"}
"""What is mostly to be an id that nothing has."""

LIKELY: Mapping[str, tuple[object, ...]] = {
    "team_id": TEAMS,
    "team_ids": ([TEAMS[0]], [TEAMS[1], TEAMS[1]], []),
    "user_id": USERS,
    "user_email": EMAILS,
    "max_budget": (10, 0.5, 0),
    "reset_to": (0, 0.5, 1),
    "soft_budget": (1, 0.25),
    "role": ("admin", "user"),
    "user_role": ("proxy_admin_viewer", "internal_user"),
    "member": (
        {"user_id": "ann", "role": "user"},
        [{"user_email": EMAILS[1], "role": "admin"}, {"user_id": "bob", "role": "user"}],
        {"user_id": "carl", "user_email": EMAILS[2], "role": "user"},
    ),
    "members_with_roles": ([{"user_id": "bob", "role": "admin"}], []),
    "teams": ([TEAMS[0]], [{"team_id": TEAMS[1], "max_budget_in_team": 3}]),
    "key": (A_KEY,),
    "keys": ([A_KEY], [A_KEY, "sk-unknown"], [{"key": A_KEY, "max_budget": 1}]),
    "grace_period": ("1h", "2d"),
    "key_alias": ("first", "second"),
    "key_aliases": (["first"], ["second", "first"]),
    "budget_duration": ("30d", "1mo", "90m", "2w"),
    "duration": ("1h", "10y"),
    "models": (["gpt-4o"], ["a", "b", "a"], []),
    "model_aliases": ({"gpt": "gpt-4o"}, {}),
    "metadata": ({"a": {"b": [1, 2.5, None]}}, {"team_member_budget_id": "mine"}, {}),
    "object_permission": ({"mcp_servers": ["s"]}, {}),
    "team_member_permissions": (["/key/generate"], []),
    "members": ([{"user_id": "bob", "role": "admin"}], [{"user_email": EMAILS[0], "role": "user"}]),
    "callback_name": ("langfuse", "langsmith"),
    "callback_vars": ({"langfuse_secret_key": "sk-lf-secret"}, {"langfuse_host": "https://x"}, {}),
    "auto_create_key": (True, False),
    "organization_id": ORGANIZATIONS,
    "organization_ids": ([ORGANIZATIONS[0]], [ORGANIZATIONS[1], ORGANIZATIONS[1]], []),
    "organizations": ([ORGANIZATIONS[0], "unknown"], [ORGANIZATIONS[1]]),
    "organization_alias": ("one", "two"),
    "budget_id": ("fuzz-budget", "fuzz-budget", "unknown"),
    "budgets": (["fuzz-budget"], ["unknown"]),
    "id": ("fuzz-budget", "unknown"),
    "litellm_budget_table": ({"max_budget": 5}, {"budget_duration": "7d", "rpm_limit": None}, {}),
    "budget_reset_at": ("2026-01-01T00:00:00Z", "2036-01-01T00:00:00+14:00"),
    "user_ids": (["ann"], ["ann", "bob"], ["default_user_id"], []),
    "users": ([{"user_id": "ann", "rpm_limit": 5}], [{"user_email": EMAILS[0]}]),
    "user_updates": ({"tpm_limit": 5}, {"metadata": {"a": 1}}),
}
ODD: tuple[object, ...] = (
    *(None, True, False, "", " ", "x", "x" * 256, "null", "\u202e\U0001f600", "a\nb", "'; --"),
    *(0, -1, 1, 0.1, 2**31, 2**63 - 1, 2**63, -(2**63), 1e12, 1e308, 5e-324, -0.0, 0.1 + 0.2),
    *("5", "1e3", "0x10", "-0", "NaN", "\u0661", "1_000", "100.000000000000000001"),
    *([], [[]], [None], ["x"], [1], {}, {"": ""}, {"a": None}, {"user_id": "ann"}, [{}]),
)
EXAMPLES = 40
QUERIES = 25
"""For each route."""


def few(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
any_json: SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(-1e308, 1e308) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
odd_value = st.sampled_from(ODD) | any_json


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, object]:
    """Mostly what a route must be told, with up to two of its other fields, often odd ones."""
    path = draw(st.sampled_from(sorted(FUZZED)))
    if draw(st.integers(0, 19)) == 0:
        return path, draw(any_json)
    fields = FUZZED[path].model_fields
    needed = {name for name in fields if fields[name].is_required()} | NAMING.get(path, set())
    body = {name: draw(st.sampled_from(LIKELY[name])) for name in sorted(needed)}
    if path in UNUSED and draw(st.integers(0, 3)) > 0:
        body[UNUSED[path]] = f"sk-{draw(st.uuids())}"
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True)):
        likely = st.sampled_from(LIKELY.get(name, PLAIN))
        body[name] = draw(likely | odd_value)
    if "/organization/member_" in path:
        body |= _member_of_organization(draw, path)
    return path, body


def _member_of_organization(draw: st.DrawFn, path: str) -> dict[str, object]:
    """Roles there have other names."""
    role = draw(st.sampled_from(["org_admin", "internal_user"]))
    if path != "/organization/member_add":
        return {"role": role}
    return {"member": {"user_id": draw(st.sampled_from(USERS)), "role": role}}


@pytest.fixture(scope="module", autouse=True)
def _world(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": BYSTANDER, "max_budget": 1})
    for team_id in TEAMS:
        ledger.done("/team/new", {"team_id": team_id, "members_with_roles": MEMBERS})
    someone = {"user_id": "some-user", "role": "user"}
    ledger.done("/team/new", {"team_id": "some-id", "members_with_roles": [someone]})
    for organization_id in ORGANIZATIONS:
        _make_organization(ledger, organization_id)
    ledger.done("/budget/new", {"budget_id": "fuzz-budget"})


def _make_organization(ledger: Ledger, organization_id: str) -> None:
    body = {"organization_id": organization_id, "organization_alias": "fuzz"}
    ledger.done("/organization/new", body)
    member = {"user_id": "ann", "role": "org_admin"}
    ledger.done("/organization/member_add", {"organization_id": organization_id, "member": member})


def _make_again(ledger: Ledger, path: str, answer: Any) -> None:  # noqa: ANN401
    """What was there at the start is there for the next request too, by now under any address."""
    if path in ("/team/delete", "/organization/delete"):
        for team_id in TEAMS:
            if ledger.get("/team/info", team_id=team_id).status_code == 404:
                members = [{"user_id": "ann", "role": "user"}]
                ledger.done("/team/new", {"team_id": team_id, "members_with_roles": members})
    if path == "/organization/delete":
        for organization_id in set(ORGANIZATIONS) & {each["organization_id"] for each in answer}:
            _make_organization(ledger, organization_id)
    if path == "/budget/delete" and answer and answer["budget_id"] == "fuzz-budget":
        ledger.done("/budget/new", {"budget_id": "fuzz-budget"})


def _place(ledger: Ledger, path: str) -> str:
    """Nothing else can bear the name of a key that a route has in its path."""
    if not path.startswith("/key/some-id/"):
        return path
    return path.replace("some-id", ledger.key(team_id=TEAMS[0]))


def _keys_made(ledger: Ledger, value: object) -> object:
    if isinstance(value, dict):
        return {name: _keys_made(ledger, part) for name, part in value.items()}
    if isinstance(value, list):
        return [_keys_made(ledger, part) for part in value]
    return ledger.key(team_id=TEAMS[0]) if value == A_KEY else value


@pytest.mark.timeout(300)
def test_any_body(ledger: Ledger) -> None:
    accepted: Counter[str] = Counter()

    @few(EXAMPLES * len(FUZZED))
    @given(requests())
    def check(request: tuple[str, object]) -> None:
        path, body = request[0], _keys_made(ledger, request[1])
        place = _place(ledger, path)
        before = ledger.stored()
        answered = ledger.send(METHODS.get(path, "POST"), place, body)
        if answered.status_code == 200:
            accepted[path] += 1
            _reads_as_answered(ledger, answered.json())
            _make_again(ledger, path, answered.json())
        else:
            assert answered.status_code < 500, answered.text
            refusal(answered)
            assert ledger.caused(before) == 0

    check()
    assert ledger.shown("/team/info", team_id=BYSTANDER)["team_info"]["max_budget"] == 1
    assert ledger.stored() == ledger.position()
    assert accepted.keys() == FUZZED.keys(), accepted


def _reads_as_answered(ledger: Ledger, answer: Any) -> None:  # noqa: ANN401
    """A team or user in an answer is what the read models show, in every field that both have.

    But for when it changed last: what an earlier deletion left to do may have come meanwhile.
    """
    written = answer.get("data", answer) if isinstance(answer, dict) else {}
    if "members_with_roles" in written:
        read = ledger.shown("/team/info", team_id=written["team_id"])["team_info"]
    elif "budget_reset_at" in written and "invitations_user" in written:
        read = ledger.shown("/user/info", user_id=written["user_id"])["user_info"]
    else:
        return
    others = {"object_permission", "litellm_model_table", "updated_at", "updated_by"}
    shared = written.keys() & read.keys() - others
    assert _in_doubles({name: written[name] for name in shared}) == _in_doubles(
        {name: read[name] for name in shared}
    )


def _in_doubles(value: object) -> object:
    """JSON as most clients read it: a database writes 7e+16 in digits, which is the same number."""
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case list():
            return [_in_doubles(part) for part in value]
        case dict():
            return {name: _in_doubles(part) for name, part in value.items()}
    return value


QUERY_NAMES = (
    *("team_id", "user_id", "organization_id", "team_alias", "limit", "page", "page_size", "key"),
    *("sort_by", "sort_order", "status", "object_id", "action", "changed_by"),
    *("start_date", "end_date", "object_team_id", "object_key_hash", "table_name"),
    *("size", "key_hash", "key_alias", "return_full_object", "include_team_keys", "expand"),
    *("include_created_by_keys", "project_id", "access_group_id", "team_ids", "exclude_team_ids"),
    *("model", "api_key", "search", "role", "user_ids", "sso_user_ids", "user_email", "team"),
    *("organization_ids", "after", "timezone", "group_by", "from", "to", "format", "tag"),
    *("min_spend", "max_spend", "request_id", "organization", "member", "provider"),
    *("status_filter", "exclude_organization_ids"),
)
"""All but min_position: a position that is not reached in time is a 503 by promise."""

QUERY_VALUES = (
    *(
        *TEAMS,
        *USERS,
        "sk-1",
        "f" * 64,
        "deleted",
        "asc",
        "team_alias",
        "updated_at",
        "default_organization",
    ),
    *("0", "1", "-1", "1e9", str(2**63), "NaN", "%", "_", "\\", "'", "\0", "x" * 2_000),
    *("Europe/Berlin", "-330", "team,day", "hour,tag,key", "csv", "success", "2026-01-01 00:00:00"),
    *("true", "user", "token", "max_budget", f"{TEAMS[0]},{TEAMS[2]}"),
    *("2026-01-01", "2026-01-01T00:00:00+14:00", "0001-01-01T00:00:00+23:59", "9999-12-31"),
    *("9999-12-31T23:59:59-23:59", "294277-01-01", "-1", "20260101"),
)


DATES = [("start_date", "2026-01-01"), ("end_date", "2026-12-31")]
NEEDED: Mapping[str, list[tuple[str, str]]] = {
    "/team/daily/activity": DATES,
    "/user/daily/activity": DATES,
    "/user/daily/activity/aggregated": DATES,
    "/organization/daily/activity": DATES,
    "/global/spend/report": DATES,
    "/spend/logs/v2": DATES,
    "/v1/spend": [("from", "2026-01-01"), ("to", "2026-12-31")],
}
"""Without these a request meets nothing but the refusal to answer without them."""


@pytest.mark.parametrize("path", [*GETS, *OUR_GETS])
def test_any_query(ledger: Ledger, path: str) -> None:
    values = st.sampled_from(QUERY_VALUES) | texts
    pairs = st.lists(st.tuples(st.sampled_from(QUERY_NAMES), values), max_size=5)

    @few(QUERIES)
    @given(pairs)
    def check(query: list[tuple[str, str]]) -> None:
        params = [*NEEDED.get(path, ()), *query]
        answered = ledger.http.get(path, params=params, headers=bearer(MASTER_KEY))
        if answered.status_code != 200:
            assert answered.status_code < 500, answered.text
            refusal(answered)

    check()
