"""Updating a key: supporting-api.md 2.4. Absent is unchanged, null clears."""

from typing import Any

import pytest

from events.key import (
    KeyBlocked,
    KeyBudget,
    KeyBudgetChanged,
    KeyDetailsChanged,
    KeyExpiryChanged,
    KeyLimits,
    KeyLimitsChanged,
    KeyMetadataChanged,
    KeyModelsChanged,
    KeyMoved,
    KeyOwner,
    KeyRenamed,
    KeyRoutesChanged,
)
from events.registry import DomainEvent
from events.streams import KEY as KIND
from events.streams import stream
from services.command.domain.dependents import Link, links
from services.command.domain.errors import NegativeLimit
from tests.support.decider import UpdateKey, given, key_after
from tests.support.eventlog import START, History
from tests.support.facts import generated, usd

KEY = generated(
    key_alias="first",
    user_id="ann",
    models=["a"],
    max_budget=usd(5),
    budget_duration="7d",
    limits={"tpm_limit": 10, "rpm_limit": 1},
    metadata={"tags": ["x"], "own": 1},
    extra={"aliases": {"a": "b"}},
)
BUDGET = KeyBudget(max_budget=usd(5), soft_budget=None, budget_duration="7d")
LIMITS = KeyLimits(tpm_limit=10, rpm_limit=1, max_parallel_requests=None)
EXTRA = {"aliases": {"a": "b"}}

CHANGES: list[tuple[dict[str, Any], DomainEvent]] = [
    ({"key_alias": None}, KeyRenamed(before="first", after=None)),
    ({"models": []}, KeyModelsChanged(before=["a"], after=[])),
    ({"allowed_routes": ["/x"]}, KeyRoutesChanged(before=[], after=["/x"])),
    ({"expires": START}, KeyExpiryChanged(before=None, after=START)),
    ({"blocked": True}, KeyBlocked()),
    (
        {"user_id": None},
        KeyMoved(
            before=KeyOwner(
                user_id="ann",
                team_id=None,
                team_incarnation=None,
                member_since=None,
                organization_id=None,
            ),
            after=KeyOwner(
                user_id=None,
                team_id=None,
                team_incarnation=None,
                member_since=None,
                organization_id=None,
            ),
        ),
    ),
    (
        {"max_budget": None},
        KeyBudgetChanged(before=BUDGET, after=BUDGET.model_copy(update={"max_budget": None})),
    ),
    (
        {"limits": {"rpm_limit": 0}},
        KeyLimitsChanged(before=LIMITS, after=LIMITS.model_copy(update={"rpm_limit": 0})),
    ),
    (
        {"metadata": (None, {"tags": None, "guardrails": ["g"]})},
        KeyMetadataChanged(before={"tags": ["x"], "own": 1}, after={"own": 1, "guardrails": ["g"]}),
    ),
    (
        {"metadata": ({"own": None}, {})},
        KeyMetadataChanged(before={"tags": ["x"], "own": 1}, after={"own": None}),
    ),
    (
        {"extra": {"config": {"c": 1}}},
        KeyDetailsChanged(before=EXTRA, after={**EXTRA, "config": {"c": 1}}),
    ),
]


@pytest.mark.parametrize(("changes", "fact"), CHANGES, ids=lambda v: type(v).__name__)
def test_what_is_sent_changes_and_nothing_else(changes: dict[str, Any], fact: DomainEvent) -> None:
    given(KEY).when(UpdateKey(changes)).then(fact)


@pytest.mark.parametrize(("changes", "fact"), CHANGES, ids=lambda v: type(v).__name__)
def test_repeating_a_change_is_no_news(changes: dict[str, Any], fact: DomainEvent) -> None:
    given(KEY, fact).when(UpdateKey(changes)).then()


def test_d33_a_limit_below_zero_is_refused() -> None:
    for changes in ({"max_budget": usd(-1)}, {"limits": {"tpm_limit": -1}}):
        given(KEY).when(UpdateKey(changes)).then_raises(NegativeLimit)


def test_only_another_duration_starts_the_window_anew() -> None:
    raised = KeyBudgetChanged(before=BUDGET, after=BUDGET.model_copy(update={"max_budget": None}))
    shorter = KeyBudgetChanged(
        before=BUDGET, after=BUDGET.model_copy(update={"budget_duration": "1d"})
    )
    kept, restarted = key_after(KEY, raised), key_after(KEY, raised, shorter)
    assert kept.budget_since == kept.created_at
    assert restarted.budget_since == restarted.updated_at


def test_a_key_that_moves_hangs_on_where_it_went() -> None:
    moved = KeyMoved(before=KeyOwner(user_id="ann"), after=KeyOwner(user_id="ann", team_id="core"))
    [at] = History().command((stream(KIND, "hash"), moved))
    assert links(at) == [
        Link("add", "team-core", "keys", "key-hash", 1),
        Link("add", "team-core", "keys/ann", "key-hash", 1),
    ]
    back = KeyMoved(before=moved.after, after=KeyOwner())
    [at] = History().command((stream(KIND, "hash"), back))
    assert {(link.action, link.parent, link.kind) for link in links(at)} == {
        ("remove", "team-core", "keys"),
        ("remove", "team-core", "keys/ann"),
        ("remove", "user-ann", "keys"),
    }
