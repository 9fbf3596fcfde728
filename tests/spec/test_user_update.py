"""Updating and deleting a user: supporting-api.md 3.4 and 3.5, as far as the domain decides it."""

from decimal import Decimal

import pytest

from events import user as facts
from events.registry import DomainEvent
from events.user import UserBudget, UserLimits
from events.values import Sealed
from services.command.domain.errors import NegativeLimit, NotFound, TooLarge
from services.command.domain.user_update import beyond_himself, revised, with_limits_kept
from tests.support.decider import DeleteUser, UpdateUser, given, user_after
from tests.support.facts import SEALED, user_created, user_settings

OTHER = Sealed(person="p-new", box="bmV3")
ANN = user_created(
    email=SEALED,
    email_claim="old",
    user_role="internal_user",
    max_budget="10",
    budget_duration="30d",
    limits={"tpm_limit": 100, "rpm_limit": 5},
    models=["gpt-4o"],
    metadata={"a": 1, "guardrails": ["pii"]},
    extra={"sso_user_id": "s"},
)


def change(**changes: object) -> UpdateUser:
    return UpdateUser(changes)


def test_nothing_sent_is_no_news() -> None:
    given(ANN).when(change()).then()


@pytest.mark.parametrize(
    "same",
    [
        {"user_role": "internal_user"},
        {"max_budget": Decimal("10.0")},
        {"limits": {"tpm_limit": 100}},
        {"models": ["gpt-4o"]},
        {"metadata": (None, {"a": 1})},
        {"metadata": ({"guardrails": ["pii"], "a": 1}, {})},
        {"extra": {"sso_user_id": "s"}},
        {"email": OTHER, "email_claim": "old"},
    ],
)
def test_what_is_so_already_is_no_news(same: dict[str, object]) -> None:
    given(ANN).when(change(**same)).then()


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        (
            {"email": OTHER, "email_claim": "new"},
            facts.UserEmailChanged(
                before=SEALED, after=OTHER, before_claim="old", after_claim="new"
            ),
        ),
        ({"user_alias": OTHER}, facts.UserRenamed(before=None, after=OTHER)),
        (
            {"user_role": "proxy_admin"},
            facts.UserRoleChanged(before="internal_user", after="proxy_admin"),
        ),
        (
            {"max_budget": None},
            facts.UserBudgetChanged(
                before=UserBudget(max_budget=Decimal(10), budget_duration="30d"),
                after=UserBudget(budget_duration="30d"),
            ),
        ),
        (
            {"limits": {"rpm_limit": None}, "max_parallel_requests": 3},
            facts.UserLimitsChanged(
                before=UserLimits(tpm_limit=100, rpm_limit=5),
                after=UserLimits(tpm_limit=100, max_parallel_requests=3),
            ),
        ),
        ({"models": ["o3"]}, facts.UserModelsChanged(before=["gpt-4o"], after=["o3"])),
        (
            {"metadata": ({"b": 2}, {"policies": ["p"]})},
            facts.UserMetadataChanged(
                before={"a": 1, "guardrails": ["pii"]}, after={"b": 2, "policies": ["p"]}
            ),
        ),
        (
            {"extra": {"aliases": {"x": "y"}}},
            facts.UserDetailsChanged(
                before={"sso_user_id": "s"}, after={"sso_user_id": "s", "aliases": {"x": "y"}}
            ),
        ),
    ],
)
def test_each_part_that_differs_is_one_fact(changes: dict[str, object], fact: DomainEvent) -> None:
    given(ANN).when(change(**changes)).then(fact)
    assert user_after(ANN, fact).settings == revised(ANN.settings, changes)


def test_d38_only_another_duration_starts_the_window_anew() -> None:
    before = facts.budget_of(ANN.settings)
    dearer = before.model_copy(update={"max_budget": Decimal(20)})
    daily = before.model_copy(update={"budget_duration": "1d"})
    created = user_after(ANN)
    for after, moved in ((dearer, False), (daily, True)):
        user = user_after(ANN, facts.UserBudgetChanged(before=before, after=after))
        assert (user.budget_since != created.budget_since) is moved


def test_d33_negative_limits_are_refused() -> None:
    text = "max_budget cannot be negative. Received: -1.0"
    given(ANN).when(change(max_budget=Decimal(-1))).then_raises(NegativeLimit, text)
    given(ANN).when(change(limits={"tpm_limit": -1})).then_raises(NegativeLimit)


def test_what_would_not_fit_into_a_fact_is_refused() -> None:
    given(ANN).when(change(metadata=({"a": "x" * 100_000}, {}))).then_raises(TooLarge)


def test_keys_of_all_persons_are_remembered() -> None:
    renamed = facts.UserRenamed(before=None, after=OTHER)
    assert user_after(ANN, renamed).persons == {"p-ann", "p-new"}


def test_a01_of_himself_a_user_changes_his_alias_and_his_metadata() -> None:
    own: list[DomainEvent] = [
        facts.UserRenamed(before=None, after=OTHER),
        facts.UserMetadataChanged(
            before=ANN.settings.metadata, after={"b": 1, "guardrails": ["pii"]}
        ),
    ]
    assert beyond_himself(ANN.settings, own) == []


def test_a01_what_limits_a_user_is_not_his_to_change() -> None:
    changed: list[DomainEvent] = [
        facts.UserRoleChanged(before=None, after="proxy_admin"),
        facts.UserBudgetChanged(before=UserBudget(), after=UserBudget(max_budget=Decimal(1))),
        facts.UserMetadataChanged(before=ANN.settings.metadata, after={}),
    ]
    assert beyond_himself(ANN.settings, changed) == [
        *("user_role", "max_budget", "budget_duration"),
        "limits in metadata",
    ]
    kept = with_limits_kept(ANN.settings.metadata, {"b": 1})
    assert kept == {"b": 1, "guardrails": ["pii"]}


def test_a_user_ends_as_he_was() -> None:
    ended = facts.UserDeleted(settings=ANN.settings)
    given(ANN).when(DeleteUser()).then(ended)
    user = user_after(ANN, ended)
    assert (user.open, user.gone_at) == (False, 2)


def test_a_user_ends_once_and_may_begin_again() -> None:
    ended = facts.UserDeleted(settings=ANN.settings)
    given().when(DeleteUser()).then_raises(NotFound)
    given(ANN, ended).when(DeleteUser()).then_raises(NotFound)
    again = user_after(ANN, ended, user_created())
    assert (again.open, again.incarnation, again.gone_at) == (True, 3, 2)
    assert again.settings == user_settings()
