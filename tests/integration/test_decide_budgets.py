"""Budgets of a call: what is spent in their windows and held, and reservations (decision 010)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from events.budget import BudgetChanged
from events.key import KeyBudget, KeyBudgetChanged, KeyMetadataChanged
from events.spend import (
    EVERYWHERE,
    SpendOpened,
    SpendReset,
    SpendResetEverywhere,
    spend_stream,
)
from events.streams import BUDGET, ORGANIZATION, USER, stream
from events.team import MemberBudgetChanged, TeamBudgetChanged
from events.user import UserBudget, UserBudgetChanged
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.deciding import GATEWAY, Deciding, deciding
from tests.support.facts import (
    budget,
    budget_created,
    budget_settings,
    limits,
    organization_created,
)
from tests.support.postgres import fresh_database
from tests.support.reading import key, team


@pytest.fixture(scope="module")
async def gate(postgres_server: EmbeddedServer) -> AsyncIterator[Deciding]:
    with fresh_database(postgres_server) as url:
        async with deciding(url) as opened:
            yield opened


async def release(gate: Deciding, reservation: str, by: str = GATEWAY) -> httpx.Response:
    headers = {"Authorization": f"Bearer {by}"}
    return await gate.world.http.delete(f"/v1/reservations/{reservation}", headers=headers)


async def test_each_level_denies_by_its_own_budget(gate: Deciding) -> None:
    """The way up: every budget that is raised gives way to the next one."""
    world, name = gate.world, "sk-levels"
    none, most = budget_settings(), budget_settings(max_budget=1)
    world.tell((stream(BUDGET, "levels"), budget_created(max_budget=1)))
    world.tell((stream(ORGANIZATION, "levels"), organization_created(budget_id="levels")))
    await world.user("dan")
    world.team(
        "levels",
        {"dan": "user"},
        organization_id="levels",
        budget=budget(1),
        member_defaults=limits(max_budget=1),
    )
    world.key(name, team_id="levels", user_id="dan", max_budget=1)
    await gate.allowed(name)
    await gate.spend("2", name, team="levels", user="dan", organization="levels")
    free = limits()
    raised = [
        (
            "member_budget",
            (team("levels"), MemberBudgetChanged(user_id="dan", before=None, after=free)),
        ),
        (
            "key_budget",
            (
                key(name),
                KeyBudgetChanged(before=KeyBudget(max_budget=Decimal(1)), after=KeyBudget()),
            ),
        ),
        ("team_budget", (team("levels"), TeamBudgetChanged(before=budget(1), after=budget()))),
        ("organization_budget", (stream(BUDGET, "levels"), BudgetChanged(before=most, after=none))),
    ]
    for check, change in raised:
        denial = await gate.denied(name)
        assert (denial["check"], denial["spend"], denial["limit"]) == (check, 2.0, 1.0)
        world.tell(change)
    await gate.allowed(name)


async def test_the_budget_of_a_user_is_for_keys_without_a_team(gate: Deciding) -> None:
    world = gate.world
    await world.user("flo")
    after = UserBudget(max_budget=Decimal(1))
    [at] = world.tell((stream(USER, "flo"), UserBudgetChanged(before=UserBudget(), after=after)))
    world.team("of-flo", {"flo": "user"})
    world.key("sk-own", user_id="flo")
    world.key("sk-in-team", user_id="flo", team_id="of-flo")
    await gate.spend("1.5", "sk-in-team", user="flo", team="of-flo")
    denial = await gate.denied("sk-own")
    assert (denial["check"], denial["spend"]) == ("user_budget", 1.5)
    assert denial["event_id"] == at.event_id
    await gate.allowed("sk-in-team")


async def test_a_denial_says_who_set_the_limit(gate: Deciding) -> None:
    """The fact that set the amount, not a later one about the duration."""
    world, name = gate.world, "sk-set"
    world.team("set", budget=budget(1))
    changes = [(budget(1), budget(2)), (budget(2), budget(2, duration="30d"))]
    told = [
        world.tell((team("set"), TeamBudgetChanged(before=before, after=after)))
        for before, after in changes
    ]
    world.key(name, team_id="set")
    await gate.spend("3", name, team="set")
    denial = await gate.denied(name)
    assert (denial["limit"], denial["event_id"]) == (2.0, told[0][0].event_id)


async def test_only_the_present_window_counts(gate: Deciding) -> None:
    name, now = "sk-windows", datetime.now(UTC)
    gate.world.team("windows", budget=budget(10, duration="1d"))
    gate.world.key(name, team_id="windows")
    await gate.spend("50", name, team="windows", at=now - timedelta(days=2))
    await gate.spend("4", name, team="windows")
    [told] = (await gate.allowed(name))["budgets"]
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert told["spend"] in {4.0, 0.0}, "0 just after midnight"
    assert told["window"]["start"] >= start.isoformat()[:10]


async def test_a_reset_has_spend_go_on_from_an_amount(gate: Deciding) -> None:
    name, token = "sk-reset", hash_key("sk-reset")
    gate.world.key(name, max_budget=10)
    await gate.spend("12", name)
    assert (await gate.denied(name))["spend"] == 12.0
    amounts = {"before": Decimal(12), "amount": Decimal(3)}
    reset = SpendReset(kind="key", id=token, incarnation=1, **amounts)
    gate.tell_now((spend_stream("key", token), reset))
    [told] = (await gate.allowed(name))["budgets"]
    assert told["spend"] == 3.0
    await gate.spend("1.25", name)
    [told] = (await gate.allowed(name))["budgets"]
    assert told["spend"] == 4.25


async def test_everything_may_be_reset_at_once(gate: Deciding) -> None:
    names = ["sk-every-0", "sk-every-1"]
    for name in names:
        gate.world.key(name, max_budget=10)
        await gate.spend("12", name)
        await gate.denied(name)
    gate.tell_now((EVERYWHERE, SpendResetEverywhere(kinds=["key"])))
    for name in names:
        [told] = (await gate.allowed(name))["budgets"]
        assert told["spend"] == 0.0


async def test_an_opening_balance_counts(gate: Deciding) -> None:
    name, token = "sk-opened", hash_key("sk-opened")
    gate.world.key(name, max_budget=10)
    await gate.spend("2", name)
    await gate.allowed(name)
    opened = SpendOpened(
        kind="key", id=token, incarnation=1, amount=Decimal(8), as_of=datetime.now(UTC)
    )
    gate.world.tell((spend_stream("key", token), opened))
    assert (await gate.denied(name))["spend"] == 10.0


async def test_a_key_that_was_rotated_goes_on_with_what_it_has_spent(gate: Deciding) -> None:
    old, new = "sk-spender", "sk-spender-again"
    gate.world.key(old, max_budget=10)
    await gate.spend("6", old)
    await gate.allowed(old, estimated_cost=3, reserve=True)
    gate.world.rotate(old, new, max_budget=10)
    denial = await gate.denied(new, estimated_cost=2)
    assert (denial["spend"], denial["held"]) == (6.0, 3.0)
    await gate.spend("1", new)
    [told] = (await gate.allowed(new, estimated_cost=0))["budgets"]
    assert (told["spend"], told["held"]) == (7.0, 3.0)


async def test_soft_budgets_are_told(gate: Deciding) -> None:
    name = "sk-soft"
    gate.world.team("soft", budget=budget(100, 5))
    gate.world.key(name, team_id="soft")
    await gate.spend("5", name, team="soft")
    told = {"kind": "team", "id": "soft", "soft_budget": 5.0, "spend": 5.0}
    assert (await gate.allowed(name))["soft_exceeded"] == [told]


async def test_a_key_may_have_a_budget_for_a_model(gate: Deciding) -> None:
    name = "sk-of-model"
    most = {"gpt-4o": {"budget_limit": "2", "time_period": "30d"}, "odd": 3, "none": {}}
    gate.world.key(name, key_alias="m", extra={"model_max_budget": most})
    await gate.spend("1", name)
    await gate.spend("50", name, model="sonnet")
    await gate.allowed(name, estimated_cost=1)
    denial = await gate.denied(name, estimated_cost=1.5)
    assert (denial["check"], denial["model"], denial["spend"]) == (
        "key_model_budget",
        "gpt-4o",
        1.0,
    )
    await gate.allowed(name, "sonnet", estimated_cost=100)
    await gate.spend("1.5", name)
    verdict = await gate.decide(name, "openai/gpt-4o")
    text = f"LiteLLM Virtual Key: {hash_key(name)}, key_alias: m, exceeded budget for model=gpt-4o"
    assert verdict["error"]["message"] == text


async def test_what_is_held_for_calls_of_a_model_counts_there(gate: Deciding) -> None:
    name = "sk-held-of-model"
    gate.world.key(name, extra={"model_max_budget": {"gpt-4o": {"max_budget": 2}}})
    await gate.allowed(name, estimated_cost=1.5, reserve=True)
    assert (await gate.denied(name, estimated_cost=1))["held"] == 1.5
    await gate.allowed(name, "sonnet", estimated_cost=1)


async def test_a_budget_may_be_raised_for_a_while(gate: Deciding) -> None:
    name, later = "sk-raised", (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    gate.world.key(name, max_budget=1)
    await gate.spend("1.5", name)
    await gate.denied(name)
    for until, more in (("yesterday", None), ("2026-01-01T00:00:00Z", None), (later, 3.0)):
        after = {"temp_budget_increase": 2, "temp_budget_expiry": until}
        gate.world.tell((key(name), KeyMetadataChanged(before={}, after=after)))
        if more is None:
            await gate.denied(name)
        else:
            [told] = (await gate.allowed(name))["budgets"]
            assert told["max_budget"] == more


async def test_a_free_call_is_not_compared_with_budgets(gate: Deciding) -> None:
    name = "sk-free"
    gate.world.key(name, max_budget=1)
    await gate.spend("2", name)
    await gate.denied(name)
    verdict = await gate.allowed(name, estimated_cost=0, reserve=True)
    assert verdict["reservation"] is None


async def test_a_reservation_holds_until_usage_names_it(gate: Deciding) -> None:
    name = "sk-holding"
    gate.world.team("holding", budget=budget(10))
    gate.world.key(name, team_id="holding")
    held = (await gate.allowed(name, estimated_cost=7, reserve=True))["reservation"]
    assert held["amount"] == 7.0
    denial = await gate.denied(name, estimated_cost=4)
    assert (denial["check"], denial["by_estimate"], denial["held"]) == ("team_budget", True, 7.0)
    assert (await gate.denied(name, estimated_cost=4, reserve=True))["held"] == 7.0
    await gate.allowed(name)
    await gate.spend("2", name, team="holding", reservation=held["id"])
    [told] = (await gate.allowed(name, estimated_cost=8, reserve=True))["budgets"]
    assert (told["spend"], told["held"]) == (2.0, 0.0)


async def test_a_reservation_may_be_ended_by_who_made_it(gate: Deciding) -> None:
    name = "sk-ending"
    gate.world.key(name, max_budget=10)
    gate.world.key("sk-us", key_alias="us", allowed_routes=["gateway_routes"])
    held = (await gate.allowed(name, estimated_cost=7, reserve=True))["reservation"]["id"]
    assert (await release(gate, held, by="sk-us")).status_code == 404
    assert (await release(gate, held)).json() == {"released": held}
    assert (await release(gate, held)).status_code == 404
    await gate.allowed(name, estimated_cost=10)


@pytest.mark.parametrize("by", [None, "sk-ending", "sk-1234-test-master"])
async def test_reservations_are_for_gateways(gate: Deciding, by: str | None) -> None:
    answered = await release(gate, str(uuid4()), by or "sk-unknown")
    assert answered.status_code in {401, 403}


async def test_an_id_that_is_none_is_refused(gate: Deciding) -> None:
    assert (await release(gate, "not-a-uuid")).status_code == 422


async def test_a_reservation_expires(gate: Deciding) -> None:
    name = "sk-expiring"
    gate.world.key(name, max_budget=10)
    verdict = await gate.allowed(name, estimated_cost=7, reserve=True, reservation_seconds=1)
    assert (await gate.denied(name, estimated_cost=4))["held"] == 7.0
    over = datetime.fromisoformat(verdict["reservation"]["expires_at"])
    async with asyncio.timeout(10):
        while not (await gate.decide(name, estimated_cost=10))["allowed"]:
            assert datetime.now(UTC) < over + timedelta(seconds=1)
    assert datetime.now(UTC) >= over


async def test_parallel_calls_cannot_overspend_together(gate: Deciding) -> None:
    world = gate.world
    world.team("many", budget=budget(50))
    world.keys([f"sk-many-{n}" for n in range(20)], team_id="many")
    asked = [gate.decide(f"sk-many-{n % 20}", estimated_cost=1, reserve=True) for n in range(120)]
    verdicts = await asyncio.gather(*asked)
    assert sum(verdict["allowed"] for verdict in verdicts) == 50
    assert {v["denial"]["check"] for v in verdicts if not v["allowed"]} == {"team_budget"}


async def test_a_budget_of_nothing_is_none_for_an_organization(gate: Deciding) -> None:
    world, name = gate.world, "sk-zero"
    world.tell((stream(BUDGET, "zero"), budget_created(max_budget=0)))
    world.tell((stream(ORGANIZATION, "zero"), organization_created(budget_id="zero")))
    world.key(name, organization_id="zero")
    await gate.spend("1", name, organization="zero")
    await gate.allowed(name, estimated_cost=5, reserve=True)
