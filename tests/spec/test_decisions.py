"""Each row of auth.md 2 that concerns calls of models, its text, and the order of them all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from services.access.decisions import (
    Call,
    Check,
    Denied,
    KeyPolicy,
    TeamPolicy,
    check_call,
    check_management,
)
from services.access.funds import Funds, Purse
from services.access.model_rule import Model

NOT_ALLOWED = "not allowed to access model. This"
NO_DEFAULTS = "not allowed to access model. No default model access"
NO_ROUTE = "is not allowed to call this route. Only allowed to call routes"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOON = "2026-11-26 12:00:00+00:00"
TOKEN = "ab" * 32
KEY = KeyPolicy(TOKEN, "sk-...wxyz", key_alias="ci", user_id="ann", team=TeamPolicy("core"))
OWN = replace(KEY, team=None, user_models=())
CALL = Call(Model("gpt-4o"), "/chat/completions")
NAMED = {
    Purse.KEY: Funds(Purse.KEY, TOKEN, None),
    Purse.KEY_MODEL: Funds(Purse.KEY_MODEL, TOKEN, None, alias="ci", model="gpt-4o"),
    Purse.TEAM: Funds(Purse.TEAM, "core", None),
    Purse.MEMBER: Funds(Purse.MEMBER, "core", None, member="ann"),
    Purse.ORGANIZATION: Funds(Purse.ORGANIZATION, "acme", None),
    Purse.USER: Funds(Purse.USER, "ann", None),
}


def usd(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def funds(
    purse: Purse, spend: str, most: str | None, held: str = "0", soft: str | None = None
) -> Funds:
    return replace(
        NAMED[purse],
        max_budget=usd(most),
        soft_budget=usd(soft),
        spend=Decimal(spend),
        held=Decimal(held),
    )


def asked(key: KeyPolicy = KEY, call: Call = CALL, *having: Funds) -> Denied | None:
    return check_call(key, call, {one.purse: one for one in having}, NOW)


def told(denied: Denied | None) -> tuple[Check, int, str, str | None, str]:
    assert denied is not None
    refused = denied.refused
    return denied.check, refused.status, refused.kind, refused.param, refused.text


def test_a_call_that_nothing_speaks_against_is_allowed() -> None:
    assert asked() is None
    assert asked(OWN) is None


def test_row_10_a_blocked_key() -> None:
    assert told(asked(replace(KEY, blocked=True))) == (
        Check.KEY_BLOCKED,
        401,
        "auth_error",
        None,
        "Authentication Error, Key is blocked. Update via `/key/unblock` if you're admin.",
    )


def test_row_11_a_model_that_the_key_may_not_use() -> None:
    assert told(asked(replace(KEY, models=["o3", "sonnet"]))) == (
        Check.KEY_MODEL,
        401,
        "key_model_access_denied",
        "model",
        f"key {NOT_ALLOWED} key can only access models=['o3', 'sonnet']. Tried to access gpt-4o",
    )


def test_row_11_is_left_to_the_team_where_the_key_has_all_its_models() -> None:
    key = replace(KEY, models=["all-team-models"])
    assert asked(key) is None
    refusing = replace(key, team=TeamPolicy("core", models=["o3"]))
    assert told(asked(refusing))[0] is Check.TEAM_MODEL


def test_row_12_a_member_over_his_budget() -> None:
    assert told(asked(KEY, CALL, funds(Purse.MEMBER, "10.5", "10"))) == (
        Check.MEMBER_BUDGET,
        400,
        "budget_exceeded",
        None,
        "Budget has been exceeded! Current cost: 10.5, Max budget: 10.0",
    )


def test_row_13_an_expired_key() -> None:
    assert told(asked(replace(KEY, expires=NOW))) == (
        Check.KEY_EXPIRED,
        400,
        "expired_key",
        "sk-...wxyz",
        f"Authentication Error - Expired Key. Key Expiry time {NOON} and current time {NOON}",
    )
    assert asked(replace(KEY, expires=NOW + timedelta(microseconds=1))) is None


def test_row_14_a_key_at_its_budget() -> None:
    assert told(asked(KEY, CALL, funds(Purse.KEY, "10", "10"))) == (
        Check.KEY_BUDGET,
        400,
        "budget_exceeded",
        None,
        "Budget has been exceeded! Current cost: 10.0, Max budget: 10.0",
    )


def test_row_15_a_key_over_its_budget_for_a_model() -> None:
    assert told(asked(KEY, CALL, funds(Purse.KEY_MODEL, "10.01", "10"))) == (
        Check.KEY_MODEL_BUDGET,
        400,
        "budget_exceeded",
        None,
        f"LiteLLM Virtual Key: {TOKEN}, key_alias: ci, exceeded budget for model=gpt-4o",
    )


def test_row_16_a_blocked_team() -> None:
    assert told(asked(replace(KEY, team=TeamPolicy("core", blocked=True)))) == (
        Check.TEAM_BLOCKED,
        401,
        "auth_error",
        None,
        "Authentication Error, Team=core is blocked. Update via `/team/unblock` if your admin.",
    )


def test_row_17_a_model_that_the_team_may_not_use() -> None:
    assert told(asked(replace(KEY, team=TeamPolicy("core", models=["o3"])))) == (
        Check.TEAM_MODEL,
        401,
        "team_model_access_denied",
        "model",
        f"team {NOT_ALLOWED} team can only access models=['o3']. Tried to access gpt-4o",
    )


def test_row_18_a_model_that_the_user_may_not_use() -> None:
    key = replace(OWN, user_models=["o3"])
    assert told(asked(key)) == (
        Check.USER_MODEL,
        401,
        "user_model_access_denied",
        "model",
        f"user {NOT_ALLOWED} user can only access models=['o3']. Tried to access gpt-4o",
    )
    assert asked(replace(key, team=TeamPolicy("core"))) is None


def test_row_18_a_user_without_models_of_his_own() -> None:
    assert told(asked(replace(OWN, user_models=["gpt-4o", "no-default-models"]))) == (
        Check.USER_MODEL,
        401,
        "key_model_access_denied",
        "model",
        f"User {NO_DEFAULTS}, only team models allowed. Tried to access gpt-4o",
    )


def test_row_20_a_team_over_its_budget() -> None:
    assert told(asked(KEY, CALL, funds(Purse.TEAM, "10.25", "10"))) == (
        Check.TEAM_BUDGET,
        400,
        "budget_exceeded",
        None,
        "Budget has been exceeded! Team=core Current cost: 10.25, Max budget: 10.0",
    )


def test_row_22_an_organization_at_its_budget() -> None:
    assert told(asked(KEY, CALL, funds(Purse.ORGANIZATION, "10", "10"))) == (
        Check.ORGANIZATION_BUDGET,
        400,
        "budget_exceeded",
        None,
        "Budget has been exceeded! Organization=acme Current cost: 10.0, Max budget: 10.0",
    )


def test_row_24_a_user_over_his_budget() -> None:
    assert told(asked(OWN, CALL, funds(Purse.USER, "10.5", "10"))) == (
        Check.USER_BUDGET,
        400,
        "budget_exceeded",
        None,
        "ExceededBudget: User=ann over budget. Spend=10.5, Budget=10.0",
    )


def test_row_25_a_member_at_his_budget() -> None:
    assert told(asked(KEY, CALL, funds(Purse.MEMBER, "10", "10"))) == (
        Check.MEMBER_BUDGET,
        400,
        "budget_exceeded",
        None,
        "Budget has been exceeded! User=ann in Team=core Current cost: 10.0, Max budget: 10.0",
    )


def test_row_31_a_route_that_the_key_may_not_use() -> None:
    assert told(asked(replace(KEY, allowed_routes=("management_routes",)))) == (
        Check.KEY_ROUTES,
        403,
        "auth_error",
        None,
        f"Virtual key {NO_ROUTE}: ['management_routes']. Tried to call route: /chat/completions",
    )
    for allowed in ("llm_api_routes", "/chat", "/chat/*", "/chat/completions"):
        assert asked(replace(KEY, allowed_routes=(allowed,))) is None


@pytest.mark.parametrize("purse", [Purse.KEY_MODEL, Purse.TEAM, Purse.USER])
def test_some_budgets_are_over_when_they_are_passed(purse: Purse) -> None:
    key = OWN if purse is Purse.USER else KEY
    assert asked(key, CALL, funds(purse, "10", "10")) is None
    assert asked(key, CALL, funds(purse, "10.000000000000000001", "10")) is not None


@pytest.mark.parametrize("purse", [Purse.KEY, Purse.ORGANIZATION, Purse.MEMBER])
def test_others_when_they_are_reached(purse: Purse) -> None:
    assert asked(KEY, CALL, funds(purse, "9.999999999999999999", "10")) is None
    assert asked(KEY, CALL, funds(purse, "10", "10")) is not None


@pytest.mark.parametrize("purse", list(Purse))
def test_a_budget_of_nothing(purse: Purse) -> None:
    """That of an organization, or for a model, is none (auth.md 2, row 22)."""
    none = purse in {Purse.ORGANIZATION, Purse.KEY_MODEL}
    assert (asked(KEY, CALL, funds(purse, "1", "0")) is None) is none
    assert asked(KEY, CALL, funds(purse, "1", None)) is None


@pytest.mark.parametrize("purse", list(Purse))
def test_an_estimate_has_to_fit_with_what_is_held(purse: Purse) -> None:
    having = funds(purse, "5", "10", held="3")
    fits, beyond = (replace(CALL, estimate=Decimal(amount)) for amount in ("2", "2.5"))
    assert asked(KEY, fits, having) is None
    denied = asked(KEY, beyond, having)
    assert denied is not None
    assert (denied.by_estimate, denied.funds) == (True, having)
    if purse is not Purse.KEY_MODEL:
        text = denied.refused.text
        assert ("Current cost: 10.5" in text) or ("Spend=10.5" in text)


def test_a_call_that_is_not_estimated_has_to_fit_with_what_is_spent_only() -> None:
    assert asked(KEY, CALL, funds(Purse.TEAM, "5", "10", held="100")) is None
    denied = asked(KEY, replace(CALL, estimate=Decimal(1)), funds(Purse.TEAM, "11", "10"))
    assert denied is not None
    assert not denied.by_estimate


def test_a_free_call_needs_everything_but_budgets() -> None:
    free = replace(CALL, estimate=Decimal(0))
    assert asked(KEY, free, *(funds(purse, "11", "10") for purse in Purse)) is None
    assert told(asked(replace(KEY, models=["o3"]), free))[0] is Check.KEY_MODEL
    assert told(asked(replace(KEY, blocked=True), free))[0] is Check.KEY_BLOCKED


CLOSED = TeamPolicy("core", blocked=True, models=["o3"])
EVERYTHING = replace(
    KEY,
    blocked=True,
    models=["o3"],
    expires=NOW,
    team=CLOSED,
    allowed_routes=("management_routes",),
)
OVER = {purse: funds(purse, "11", "10") for purse in Purse}
FIXED: dict[Check, Callable[[KeyPolicy], KeyPolicy]] = {
    Check.KEY_BLOCKED: lambda key: replace(key, blocked=False),
    Check.KEY_MODEL: lambda key: replace(key, models=[]),
    Check.KEY_EXPIRED: lambda key: replace(key, expires=None),
    Check.TEAM_BLOCKED: lambda key: replace(key, team=replace(CLOSED, blocked=False)),
    Check.TEAM_MODEL: lambda key: replace(key, team=TeamPolicy("core")),
    Check.KEY_ROUTES: lambda key: replace(key, allowed_routes=()),
}
BOUGHT = {
    Check.MEMBER_BUDGET: Purse.MEMBER,
    Check.KEY_BUDGET: Purse.KEY,
    Check.KEY_MODEL_BUDGET: Purse.KEY_MODEL,
    Check.TEAM_BUDGET: Purse.TEAM,
    Check.ORGANIZATION_BUDGET: Purse.ORGANIZATION,
    Check.USER_BUDGET: Purse.USER,
}


def refusals(*, management: bool) -> list[Check]:
    """What refuses first, then what does once that is put right, and so on to the end."""
    key, having, order = EVERYTHING, dict(OVER), list[Check]()
    while True:
        denied = (
            check_management(key, having, NOW) if management else check_call(key, CALL, having, NOW)
        )
        if denied is None:
            return order
        order.append(denied.check)
        if denied.check in FIXED:
            key = FIXED[denied.check](key)
        if denied.check in BOUGHT:
            del having[BOUGHT[denied.check]]


def test_calls_of_models_are_checked_in_the_order_of_the_table() -> None:
    assert refusals(management=False) == [
        Check.KEY_BLOCKED,
        Check.KEY_MODEL,
        Check.MEMBER_BUDGET,
        Check.KEY_EXPIRED,
        Check.KEY_BUDGET,
        Check.KEY_MODEL_BUDGET,
        Check.TEAM_BLOCKED,
        Check.TEAM_MODEL,
        Check.TEAM_BUDGET,
        Check.ORGANIZATION_BUDGET,
        Check.USER_BUDGET,
        Check.KEY_ROUTES,
    ]


def test_calls_of_management_need_neither_models_nor_the_budget_of_the_key() -> None:
    assert refusals(management=True) == [
        Check.KEY_BLOCKED,
        Check.MEMBER_BUDGET,
        Check.KEY_EXPIRED,
        Check.TEAM_BLOCKED,
        Check.TEAM_BUDGET,
        Check.ORGANIZATION_BUDGET,
        Check.USER_BUDGET,
    ]


def test_a_member_at_his_budget_is_refused_last() -> None:
    having = [funds(purse, "10", "10") for purse in (Purse.MEMBER, Purse.ORGANIZATION)]
    assert told(asked(KEY, CALL, *having))[0] is Check.ORGANIZATION_BUDGET
    over = [replace(having[0], spend=Decimal(11)), having[1]]
    assert told(asked(KEY, CALL, *over))[0] is Check.MEMBER_BUDGET


def test_soft_budgets_warn_when_they_are_reached() -> None:
    levels = [funds(Purse.TEAM, spend, "10", soft="5") for spend in ("4.9", "5", "6")]
    assert [one.soft_exceeded for one in levels] == [False, True, True]
    assert all(before.spend < after.spend for before, after in pairwise(levels))
