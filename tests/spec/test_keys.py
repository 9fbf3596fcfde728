"""Virtual keys: supporting-api.md 2.2, 2.5 and 2.7, as far as the domain decides it."""

from datetime import timedelta

import pytest

from events.key import KeyBlocked, KeyDeleted, KeyRestored, KeyUnblocked
from services.command.domain.errors import AlreadyExists, NegativeLimit, NotFound, TooLarge
from services.command.domain.limits import MAX_SETTINGS_BYTES
from tests.support.decider import BlockKey, DeleteKey, GenerateKey, given, key_after
from tests.support.eventlog import START
from tests.support.facts import generated, key_settings

SETTINGS = key_settings(user_id="ann", team_id="core", team_incarnation=1, models=["gpt"])
KEY = generated(user_id="ann", team_id="core", team_incarnation=1, models=["gpt"])


def test_a_key_is_recorded_with_the_life_of_its_team() -> None:
    given().when(GenerateKey(SETTINGS)).then(KEY)


def test_s06_a_secret_in_use_is_refused() -> None:
    given(KEY).when(GenerateKey(key_settings())).then_raises(AlreadyExists)


def test_s06_a_secret_is_never_used_again() -> None:
    ended = KeyDeleted(settings=SETTINGS)
    given(KEY, ended).when(GenerateKey(key_settings())).then_raises(AlreadyExists)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"max_budget": "-0.01"}, "max_budget cannot be negative. Received: -0.01"),
        ({"soft_budget": -1}, "soft_budget cannot be negative. Received: -1.0"),
        ({"limits": {"tpm_limit": -1}}, "tpm_limit cannot be negative. Received: -1"),
        ({"limits": {"rpm_limit": -1}}, "rpm_limit cannot be negative. Received: -1"),
        (
            {"max_parallel_requests": -1},
            "max_parallel_requests cannot be negative. Received: -1",
        ),
    ],
)
def test_d33_negative_limits_are_refused(wrong: dict[str, object], text: str) -> None:
    given().when(GenerateKey(key_settings(**wrong))).then_raises(NegativeLimit, text)


@pytest.mark.parametrize("cause", ["key", "member", "team", "user"])
def test_what_a_key_was_is_recorded_when_it_ends_and_why(cause: str) -> None:
    ended = KeyDeleted.model_validate({"settings": SETTINGS, "cause": cause})
    given(KEY).when(DeleteKey(cause=ended.cause)).then(ended)
    assert not key_after(KEY, ended).open


def test_a_key_ends_once() -> None:
    given().when(DeleteKey("h")).then_raises(NotFound, "key 'h' does not exist")
    given(KEY, KeyDeleted(settings=SETTINGS)).when(DeleteKey()).then_raises(NotFound)


def test_a_restored_key_is_the_one_it_was_from_now_on() -> None:
    ended, back = KeyDeleted(settings=SETTINGS, cause="team"), KeyRestored(settings=SETTINGS)
    before, after = key_after(KEY), key_after(KEY, ended, back)
    assert (after.open, after.incarnation, after.settings) == (True, 1, before.settings)
    assert (after.created_at, after.budget_since) == (before.created_at, before.budget_since)
    assert (key_after(KEY, ended).cause, after.cause) == ("team", None)
    assert (before.owned_at, after.owned_at) == (1, 3)


def test_blocking_and_unblocking_are_idempotent() -> None:
    given(KEY).when(BlockKey()).then(KeyBlocked())
    given(KEY, KeyBlocked()).when(BlockKey()).then()
    given(KEY, KeyBlocked()).when(BlockKey(blocked=False)).then(KeyUnblocked())


@pytest.mark.parametrize("blocked", [None, False])
def test_a_key_that_was_never_blocked_is_not_unblocked(*, blocked: bool | None) -> None:
    given(generated(blocked=blocked)).when(BlockKey(blocked=False)).then()


def test_a_blocked_key_is_deleted_as_blocked() -> None:
    archived = SETTINGS.model_copy(update={"blocked": True})
    given(KEY, KeyBlocked()).when(DeleteKey()).then(KeyDeleted(settings=archived))


def test_who_made_a_key_and_who_changed_it_last_is_known() -> None:
    key = key_after(KEY, KeyBlocked())
    assert (key.created_by, key.updated_by) == ("admin", "admin")
    assert key.created_at == START + timedelta(seconds=1)
    assert key.updated_at == START + timedelta(seconds=2)


def test_settings_that_would_not_fit_into_one_fact_are_refused() -> None:
    large = key_settings(metadata={"a": "x" * MAX_SETTINGS_BYTES})
    given().when(GenerateKey(large)).then_raises(TooLarge)
