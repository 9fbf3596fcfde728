"""An unmodified LiteLLM proxy that asks us and reports to us, driven by the OpenAI client."""

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.litellm_gateway import ASKED, Gateway, proxy
from tests.support.auditor import token
from tests.support.ledger import Ledger, bearer

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

SECONDS = 30
EXACT = Decimal("1e-10")
PROMPT, COMPLETION = Decimal("0.15e-6"), Decimal("0.6e-6")
"""USD per token of gpt-4o-mini."""
RECORDED = """
SELECT count(*), max(r.received_at) FROM usage.records r JOIN usage.series s USING (series)
JOIN usage.accounts a ON a.account = s.key WHERE a.id = %s
"""


@pytest.fixture(scope="module")
def gateway(
    litellm_python: Path, ledger: Ledger, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    key = ledger.key(key_type="gateway", key_alias="litellm")
    home = tmp_path_factory.mktemp("gateway")
    with proxy(litellm_python, ledger.service.base_url, key, home) as opened:
        yield opened


def key_in(ledger: Ledger, name: str, member: dict[str, Any] | None = None, **team: Any) -> str:  # noqa: ANN401
    """The key of a user in a team of their own, both of that name."""
    ledger.done("/user/new", {"user_id": name, "auto_create_key": False})
    ledger.done("/team/new", {"team_id": name, **team})
    joins = {"team_id": name, "member": {"user_id": name, "role": "user"}}
    ledger.done("/team/member_add", {**joins, **(member or {})})
    return ledger.key(user_id=name, team_id=name, key_alias=f"{name}-key")


def cost(answer: dict[str, Any]) -> Decimal:
    """By the price list, from the tokens that the client was told."""
    used = answer["usage"]
    return int(used["prompt_tokens"]) * PROMPT + int(used["completion_tokens"]) * COMPLETION


def reported(ledger: Ledger, key: str, calls: int) -> datetime:
    """When the last of so many calls arrived."""
    row, deadline = None, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        row = ledger.database.execute(RECORDED, (token(key),)).fetchone()
        if row is not None and row[0] >= calls:
            assert row[0] == calls
            assert isinstance(row[1], datetime)
            return row[1]
    pytest.fail(f"{calls} calls were not reported within {SECONDS} s: {row}")


def spends(ledger: Ledger, key: str, name: str, organization: str) -> dict[str, Decimal]:
    """What each of the four is shown to have spent."""
    shown = {
        "key": ledger.shown("/key/info", key=key)["info"],
        "user": ledger.shown("/user/info", user_id=name)["user_info"],
        "team": ledger.shown("/team/info", team_id=name)["team_info"],
        "organization": ledger.shown("/organization/info", organization_id=organization),
    }
    return {kind: Decimal(repr(one["spend"])) for kind, one in shown.items()}


def test_spend_is_the_same_everywhere_within_a_second(ledger: Ledger, gateway: Gateway) -> None:
    """Plain, streamed and failed calls; the last cost nothing and are counted all the same."""
    made = ledger.done("/organization/new", {"organization_alias": "gw-acme", "models": []})
    organization = made["organization_id"]
    key = key_in(ledger, "gw-spend", organization_id=organization)
    answers = [gateway.call(key) for _ in range(3)]
    assert [cost(one) for one in answers] == [Decimal(one["cost"]) for one in answers]
    streaming: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    answers += [gateway.call(key, **streaming) for _ in range(2)]
    broken: dict[str, Any] = {
        "extra_body": {"mock_response": "litellm.InternalServerError", "num_retries": 0}
    }
    status, _ = gateway.refused(key, **broken)
    assert status == 500

    arrived = reported(ledger, key, 6)
    seen = spends(ledger, key, "gw-spend", organization)
    assert (datetime.now(arrived.tzinfo) - arrived).total_seconds() < 1
    total = sum(map(cost, answers))
    assert total > 0
    for kind, spend in seen.items():
        assert abs(spend - total) <= EXACT, kind


def test_a_blocked_team_calls_nothing_until_it_is_unblocked(
    ledger: Ledger, gateway: Gateway
) -> None:
    key = key_in(ledger, "gw-blocked")
    assert gateway.call(key)["model"] == "gpt-4o-mini"
    ledger.done("/team/block", {"team_id": "gw-blocked"})
    status, error = gateway.refused(key)
    assert status == 401
    assert "gw-blocked" in error["message"]
    ledger.done("/team/unblock", {"team_id": "gw-blocked"})
    assert gateway.call(key)["model"] == "gpt-4o-mini"


def test_a_team_over_its_budget_is_refused_as_litellm_does(
    ledger: Ledger, gateway: Gateway
) -> None:
    key = key_in(ledger, "gw-budget", max_budget=1e-6)
    assert "usage" in gateway.call(key)
    reported(ledger, key, 1)
    status, error = gateway.refused(key)
    assert (status, error["type"], error["code"]) == (400, "budget_exceeded", "400")
    assert "Budget has been exceeded! Team=gw-budget" in error["message"]


def test_a_member_over_his_budget_is_refused(ledger: Ledger, gateway: Gateway) -> None:
    key = key_in(ledger, "gw-member", {"max_budget_in_team": 1e-6})
    assert "usage" in gateway.call(key)
    reported(ledger, key, 1)
    status, error = gateway.refused(key)
    assert (status, error["type"]) == (400, "budget_exceeded")
    assert "Current cost: 1.35e-05, Max budget: 1e-06" in error["message"]


def test_limits_of_a_member_are_kept_by_the_proxy(ledger: Ledger, gateway: Gateway) -> None:
    key = key_in(ledger, "gw-limit")
    limit = {"team_id": "gw-limit", "user_id": "gw-limit", "rpm_limit": 1}
    ledger.done("/team/member_update", limit)
    answers = [gateway.call(key) for _ in range(3)]
    assert "usage" in answers[0]
    assert any(answer.get("status") == 429 for answer in answers)


def test_a_model_that_the_team_does_not_have_is_refused(ledger: Ledger, gateway: Gateway) -> None:
    key = key_in(ledger, "gw-models", models=["gpt-4o-mini"])
    assert "usage" in gateway.call(key)
    status, error = gateway.refused(key, "gpt-4o")
    assert (status, error["type"], error["param"]) == (401, "team_model_access_denied", "model")


@pytest.mark.parametrize("field", ["fallbacks", "context_window_fallbacks", "user_config"])
def test_no_call_brings_its_own_routing(ledger: Ledger, gateway: Gateway, field: str) -> None:
    key = key_in(ledger, f"gw-{field}", models=["gpt-4o-mini"])
    status, error = gateway.refused(key, extra_body={field: ["gpt-4o"]})
    assert (status, error["param"]) == (400, field)


def test_another_model_in_the_path_is_judged_as_well(ledger: Ledger, gateway: Gateway) -> None:
    key = key_in(ledger, "gw-path", models=["gpt-4o-mini"])
    refused = httpx.post(
        f"{gateway.url}/openai/deployments/gpt-4o/chat/completions",
        headers=bearer(key),
        json={"model": "gpt-4o-mini", "messages": ASKED},
    )
    assert refused.status_code == 401
    assert refused.json()["error"]["type"] == "team_model_access_denied"


def test_an_alias_of_the_team_calls_what_it_stands_for(ledger: Ledger, gateway: Gateway) -> None:
    key = key_in(ledger, "gw-alias", model_aliases={"fast": "gpt-4o-mini"})
    answer = gateway.call(key, "fast")
    assert Decimal(answer["cost"]) == cost(answer) > 0


def test_nobody_knows_an_unknown_key(gateway: Gateway) -> None:
    status, error = gateway.refused("sk-nobody-has-this")
    assert (status, error["type"], error["param"]) == (401, "token_not_found_in_db", "key")


def test_without_an_answer_nothing_is_let_through(
    litellm_python: Path, ledger: Ledger, gateway: Gateway, tmp_path: Path
) -> None:
    """A proxy whose key is no gateway's is not answered, so neither are its callers."""
    key = key_in(ledger, "gw-closed")
    assert "usage" in gateway.call(key)
    with proxy(litellm_python, ledger.service.base_url, key, tmp_path) as mistaken:
        status, error = mistaken.refused(key)
    assert (status, error["type"]) == (503, "service_unavailable")
    assert "status 403" in error["message"]


def test_calls_under_way_are_held_until_their_usage_arrives(
    litellm_python: Path, ledger: Ledger, tmp_path: Path
) -> None:
    gateway_key = ledger.key(key_type="gateway", key_alias="holding")
    rich, poor = key_in(ledger, "gw-rich", max_budget=1), key_in(ledger, "gw-poor", max_budget=5e-5)
    url, hold = ledger.service.base_url, "0.0001"
    with proxy(litellm_python, url, gateway_key, tmp_path, TEAMLEDGER_HOLD_USD=hold) as holding:
        status, error = holding.refused(poor)
        assert (status, error["type"]) == (400, "budget_exceeded")
        assert "usage" in holding.call(rich)
        reported(ledger, rich, 1)
    held = ledger.database.execute("SELECT amount FROM usage.holds ORDER BY change").fetchall()
    assert held == [(Decimal(hold),), (-Decimal(hold),)]
