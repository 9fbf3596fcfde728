"""The shared budget: given facts, when a command, then facts or a refusal (S15, S16, S19)."""

from datetime import UTC, timedelta
from decimal import Decimal

import pytest

from events.budget import BudgetChanged, BudgetDeleted
from services.command.domain.errors import (
    AlreadyExists,
    BudgetInUse,
    BudgetOrder,
    NegativeLimit,
    NotFound,
)
from services.edge.shapes.budget import BudgetView, budget_row
from tests.support.decider import (
    CreateBudget,
    DeleteBudget,
    UpdateBudget,
    budget_after,
    given,
)
from tests.support.eventlog import START
from tests.support.facts import budget_created, budget_settings

TEN, BY_HAND = Decimal(10), START + timedelta(days=3)


def changed(before: dict[str, object], after: dict[str, object]) -> BudgetChanged:
    return BudgetChanged(before=budget_settings(**before), after=budget_settings(**after))


def test_a_budget_is_made_once() -> None:
    given().when(CreateBudget(budget_settings(max_budget=1))).then(budget_created(max_budget=1))
    given(budget_created()).when(CreateBudget(budget_settings())).then_raises(AlreadyExists)


@pytest.mark.parametrize("field", ["max_budget", "soft_budget", "tpm_limit", "rpm_limit"])
def test_nothing_is_below_zero(field: str) -> None:
    given().when(CreateBudget(budget_settings(**{field: -1}))).then_raises(NegativeLimit)
    given(budget_created()).when(UpdateBudget({field: -1})).then_raises(NegativeLimit)


def test_a_soft_budget_is_below_the_budget() -> None:
    settings = budget_settings(max_budget=1, soft_budget=1)
    given().when(CreateBudget(settings)).then_raises(BudgetOrder)


def test_s15_only_what_was_sent_changes_and_what_is_the_same_is_no_news() -> None:
    there = budget_created(max_budget=5, tpm_limit=1)
    given(there).when(UpdateBudget({"max_budget": TEN})).then(
        changed({"max_budget": 5, "tpm_limit": 1}, {"max_budget": 10, "tpm_limit": 1})
    )
    given(there).when(UpdateBudget({"tpm_limit": None})).then(
        changed({"max_budget": 5, "tpm_limit": 1}, {"max_budget": 5})
    )
    given(there).when(UpdateBudget({"tpm_limit": 1})).then()


def test_s15_an_unknown_budget_is_not_there() -> None:
    given().when(UpdateBudget({"max_budget": TEN})).then_raises(NotFound)


def test_s15_another_duration_forgets_a_reset_set_by_hand() -> None:
    held: dict[str, object] = {"budget_duration": "7d", "budget_reset_at": BY_HAND}
    daily: dict[str, object] = {"budget_duration": "1d"}
    given(budget_created(**held)).when(UpdateBudget(daily)).then(changed(held, daily))
    both = {**daily, "budget_reset_at": BY_HAND}
    given(budget_created(**held)).when(UpdateBudget(both)).then(changed(held, both))
    given(budget_created(**held)).when(UpdateBudget({"budget_duration": "7d"})).then()


def test_s15_windows_begin_with_the_change_of_duration() -> None:
    made = budget_created(budget_duration="7d")
    longer = changed({"budget_duration": "7d"}, {"budget_duration": "10d"})
    limit = changed({"budget_duration": "10d"}, {"budget_duration": "10d", "rpm_limit": 1})
    assert budget_after(made).since == START + timedelta(seconds=1)
    assert budget_after(made, longer, limit).since == START + timedelta(seconds=2)


def test_s16_a_budget_in_use_stays() -> None:
    text = "Budget b is used by 2 organizations or keys: give those another budget first"
    given(budget_created()).when(DeleteBudget(used_by=2)).then_raises(BudgetInUse, text)
    given(budget_created()).when(DeleteBudget()).then(BudgetDeleted(settings=budget_settings()))
    given().when(DeleteBudget()).then_raises(NotFound)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"budget_duration": "1d"}, "2026-03-12T00:00:00Z"),
        ({"budget_duration": "1d", "budget_reset_at": BY_HAND}, "2026-03-14T13:27:45.123456Z"),
        ({"budget_duration": "1d", "budget_reset_at": START}, "2026-03-12T00:00:00Z"),
        ({"budget_reset_at": START}, "2026-03-11T13:27:45.123456Z"),
    ],
)
def test_a_reset_set_by_hand_counts_until_it_is_over(
    settings: dict[str, object], expected: str | None
) -> None:
    held = budget_settings(**settings).model_dump(mode="json")
    view = BudgetView("b", held, START, "root", START, "root", START)
    shown = budget_row(view, START + timedelta(seconds=1), UTC)
    assert shown["budget_reset_at"] == expected
