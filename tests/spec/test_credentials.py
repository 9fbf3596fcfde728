"""From headers to a principal: auth.md chapters 1 to 3, in the words of the recorded refusals."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.datastructures import Headers

from services.access.credentials import (
    check_allowed_routes,
    hash_key,
    identify,
    judge,
    master_principal,
    presented_key,
)
from services.access.principal import AccessRefused, Credential, KeyFacts, Principal
from tests.contract.cases import MASTER_KEY, Case, load

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = KeyFacts(
    user_id="ann",
    team_id="core",
    blocked=False,
    expires=None,
    allowed_routes=(),
    models=(),
    void=False,
)
CREDENTIAL = identify("sk-secret-abcd", MASTER_KEY)

IN_ORDER = [
    ("x-litellm-api-key", "sk-1"),
    ("Authorization", "Bearer sk-2"),
    ("API-Key", "sk-3"),
    ("x-api-key", "sk-4"),
    ("x-goog-api-key", "sk-5"),
    ("Ocp-Apim-Subscription-Key", "sk-6"),
]


def presented(headers: Mapping[str, str], configured: str | None = None) -> str:
    return presented_key(Headers(headers), configured)


def refusal(headers: Mapping[str, str], configured: str | None = None) -> AccessRefused:
    with pytest.raises(AccessRefused) as refused:
        presented(headers, configured)
    return refused.value


@pytest.mark.parametrize("first", range(len(IN_ORDER)))
def test_the_first_header_in_the_contracts_order_decides(first: int) -> None:
    from_here_on = dict(reversed(IN_ORDER[first:]))
    assert presented(from_here_on) == f"sk-{first + 1}"


@pytest.mark.parametrize(
    ("header", "value", "key"),
    [
        ("x-litellm-api-key", "sk-1", "sk-1"),
        ("x-litellm-api-key", "Bearer sk-1", "sk-1"),
        ("authorization", "Bearer sk-1", "sk-1"),
        ("authorization", "bearer sk-1", "sk-1"),
        ("authorization", "Basic sk-1", "sk-1"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=sk-1/20260101/x, Signature=y", "sk-1"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=Bearer sk-1/20260101/x", "sk-1"),
        ("api-key", "Bearer sk-1", "Bearer sk-1"),
        ("x-api-key", "sk-1", "sk-1"),
    ],
)
def test_each_header_has_its_own_form(header: str, value: str, key: str) -> None:
    assert presented({header: value}) == key


def test_a_wrong_authorization_beside_the_first_header_is_harmless() -> None:
    assert presented({"x-litellm-api-key": "sk-1", "authorization": "nonsense"}) == "sk-1"


def test_a_configured_header_replaces_all_others() -> None:
    assert presented({"X-Team-Key": "Bearer sk-1"}, "X-Team-Key") == "sk-1"
    others = {**dict(IN_ORDER), "x-team-key": "Bearer sk-9"}
    assert presented(others, "X-Team-Key") == "sk-9"
    assert refusal(dict(IN_ORDER), "X-Team-Key").text == NO_KEY


NO_KEY = "Authentication Error, No api key passed in."
MALFORMED = "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix."


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, NO_KEY),
        ({"cookie": "sk-1"}, NO_KEY),
        ({"authorization": "Bearer "}, MALFORMED),
        ({"authorization": "Bearer"}, MALFORMED),
        ({"authorization": "BEARER sk-1"}, MALFORMED),
        ({"authorization": "sk-1"}, MALFORMED),
        ({"authorization": "AWS4-HMAC-SHA256 Signature=x"}, MALFORMED),
        ({"authorization": "sk-1", "x-api-key": "sk-2"}, MALFORMED),
        ({"x-litellm-api-key": ""}, MALFORMED),
        ({"x-api-key": ""}, MALFORMED),
    ],
)
def test_what_leaves_no_key_is_told_apart(headers: dict[str, str], text: str) -> None:
    refused = refusal(headers)
    assert (refused.status, refused.text, refused.kind, refused.body) == (
        401,
        text,
        "auth_error",
        "B",
    )


def authenticate(case: Case) -> Principal:
    credential = identify(presented_key(Headers(dict(case.request.headers))), MASTER_KEY)
    if credential.master:
        return master_principal(credential)
    return judge(credential, None, None, NOW, team_blocked=False)


KEYLESS = ("auth no key", "auth wrong key", "auth key not sk")
RECORDED = [case for case in load() if case.title.startswith(KEYLESS) and case.response]


def test_recorded_refusals_of_each_kind_are_there() -> None:
    assert {prefix for prefix in KEYLESS if any(c.title.startswith(prefix) for c in RECORDED)} == (
        set(KEYLESS)
    )


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case.name)
def test_strangers_are_refused_as_recorded(case: Case) -> None:
    with pytest.raises(AccessRefused) as refused:
        authenticate(case)
    response: Any = case.response
    error = response["body"]["error"]
    found = refused.value
    assert (found.status, found.text, found.kind) == (
        response["status"],
        error["message"],
        error["type"],
    )
    assert (found.param or "None", str(found.status)) == (error["param"], error["code"])


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("hello", "****"),
        ("12345678", "****"),
        ("123456789", "1234****6789"),
        ("SK-123456789", "SK-1****6789"),
        (hash_key("sk-1"), f"{hash_key('sk-1')[:4]}****{hash_key('sk-1')[-4:]}"),
    ],
)
def test_what_is_no_key_is_masked_and_a_hash_is_none(secret: str, shown: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        identify(secret, MASTER_KEY)
    assert refused.value.text == (
        f"Authentication Error, LiteLLM Virtual Key expected. Received={shown}, "
        "expected to start with 'sk-'."
    )


def test_the_master_key_is_a_proxy_admin_and_a_user_of_its_own() -> None:
    credential = identify(MASTER_KEY, MASTER_KEY)
    assert credential.master
    assert master_principal(credential) == Principal(
        hash_key(MASTER_KEY), "default_user_id", "proxy_admin", None, master=True
    )


def test_a_previous_master_key_is_one_as_well_and_keeps_its_own_name() -> None:
    found = identify("sk-previous", MASTER_KEY, "sk-previous")
    assert found == Credential(hash_key("sk-previous"), "ious", master=True)
    assert not identify("sk-another", MASTER_KEY, "sk-previous").master


def test_a_master_key_needs_no_prefix_and_any_script_may_be_presented() -> None:
    assert identify("geheim", "geheim").master
    assert not identify("sk-ключ", "geheim").master


def test_a_key_is_known_by_its_sha256_and_its_tail() -> None:
    token = "2ab06cfadcdcc1bb1a1ff9edefb028084a837b3ed7b95f97e602b960ee127471"
    assert identify("sk-wrong", MASTER_KEY) == Credential(token, "rong", master=False)


def judged(key: KeyFacts | None, role: str | None = None, *, blocked: bool = False) -> Principal:
    return judge(CREDENTIAL, key, role, NOW, team_blocked=blocked)


@pytest.mark.parametrize("role", [None, "internal_user", "proxy_admin"])
def test_a_key_acts_as_its_user_in_its_team(role: str | None) -> None:
    assert judged(KEY, role) == Principal(CREDENTIAL.token, "ann", role, "core")


TEXTS = {
    "unknown": (
        "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...abcd, "
        f"Key Hash (Token) ={CREDENTIAL.token}. "
        "Unable to find token in cache or `LiteLLM_VerificationTokenTable`"
    ),
    "blocked": ("Authentication Error, Key is blocked. Update via `/key/unblock` if you're admin."),
    "expired": (
        "Authentication Error - Expired Key. Key Expiry time 2026-11-23 12:00:00+00:00 "
        "and current time 2026-11-23 12:00:00+00:00"
    ),
    "team blocked": (
        "Authentication Error, Team=core is blocked. Update via `/team/unblock` if your admin."
    ),
}


@pytest.mark.parametrize(
    ("key", "status", "reason", "kind", "param"),
    [
        (None, 401, "unknown", "token_not_found_in_db", "key"),
        (replace(KEY, void=True), 401, "unknown", "token_not_found_in_db", "key"),
        (replace(KEY, blocked=True, expires=NOW), 401, "blocked", "auth_error", None),
        (replace(KEY, expires=NOW), 400, "expired", "expired_key", "sk-...abcd"),
        (KEY, 401, "team blocked", "auth_error", None),
    ],
)
def test_keys_are_refused_in_the_contracts_order(
    key: KeyFacts | None, status: int, reason: str, kind: str, param: str | None
) -> None:
    with pytest.raises(AccessRefused) as refused:
        judged(key, blocked=True)
    found = refused.value
    assert (found.status, found.text, found.kind, found.param) == (
        status,
        TEXTS[reason],
        kind,
        param,
    )


def test_a_key_is_good_until_the_moment_it_expires() -> None:
    assert judged(replace(KEY, expires=NOW + timedelta(microseconds=1))).user_id == "ann"


@pytest.mark.parametrize(
    ("allowed", "route"),
    [
        ((), "/team/new"),
        (("/team/new",), "/team/new"),
        (("/team",), "/team/info"),
        (("/team/",), "/team/info"),
        (("/team/*",), "/team/info"),
        (("/v1/*", "/key/*"), "/key/generate"),
        (("*",), "/team/new"),
        (("management_routes",), "/team/new"),
        (("management_routes",), "/v2/team/list"),
        (("management_routes",), "/user/new"),
        (("management_routes",), "/audit"),
        (("info_routes",), "/team/info"),
        (("info_routes",), "/key/info"),
        (("info_routes",), "/v1/models"),
        (("llm_api_routes",), "/models"),
    ],
)
def test_a_listed_route_may_be_called(allowed: tuple[str, ...], route: str) -> None:
    check_allowed_routes(route, allowed)


@pytest.mark.parametrize(
    ("allowed", "route"),
    [
        (("/team/info",), "/team/new"),
        (("/team/new",), "/team/newer"),
        (("/team/in*",), "/team/new"),
        (("llm_api_routes",), "/team/info"),
        (("info_routes",), "/team/new"),
        (("management_routes",), "/v1/usage"),
        (("TEAM",), "/team/info"),
        (("/team/info?",), "/team/info"),
    ],
)
def test_d02_a_list_narrows_whatever_the_role(allowed: tuple[str, ...], route: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        check_allowed_routes(route, allowed)
    assert (refused.value.status, refused.value.body) == (403, "detail")
    assert refused.value.text == (
        "Virtual key is not allowed to call this route. Only allowed to call routes: "
        f"{list(allowed)}. Tried to call route: {route}"
    )


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (None, "internal_user"),
        ("nonsense", "internal_user"),
        ("internal_user_viewer", "internal_user_viewer"),
        ("proxy_admin_viewer", "proxy_admin_viewer"),
    ],
)
def test_handlers_see_a_role_that_exists(role: str | None, shown: str) -> None:
    assert Principal("t", "ann", role, None).shown_role == shown
