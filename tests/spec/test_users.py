"""Users: supporting-api.md 3.1 and 3.6, as far as the domain decides it."""

import pytest

from events.registry import UnknownFact
from events.user import UserCreated, UserEmailChanged
from events.values import Sealed
from services.command.domain.errors import AlreadyExists, NegativeLimit, TooLarge
from services.command.domain.limits import MAX_SETTINGS_BYTES
from services.command.domain.user import CreateUser, create_implicitly
from tests.support.decider import GiveEmail, given, user_after
from tests.support.facts import SEALED, user_created, user_settings


def create(**values: object) -> CreateUser:
    return CreateUser("ann", user_settings(**values))


def test_a_user_is_recorded_whole() -> None:
    command = create(email=SEALED, email_claim="claim", user_role="proxy_admin", max_budget="9.5")
    given().when(command).then(UserCreated(settings=command.settings))


def test_an_id_in_use_is_refused() -> None:
    given(user_created()).when(create()).then_raises(AlreadyExists, "user 'ann' exists already")


def test_a_user_that_a_team_brought_about_keeps_his_id() -> None:
    implicit = create_implicitly("p-ann", None, None)
    given(implicit).when(create()).then_raises(AlreadyExists)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"max_budget": -1}, "max_budget cannot be negative. Received: -1.0"),
        ({"limits": {"tpm_limit": -1}}, "tpm_limit cannot be negative. Received: -1"),
        ({"limits": {"rpm_limit": -1}}, "rpm_limit cannot be negative. Received: -1"),
        (
            {"max_parallel_requests": -1},
            "max_parallel_requests cannot be negative. Received: -1",
        ),
    ],
)
def test_d33_negative_limits_are_refused_before_the_id_is_looked_at(
    wrong: dict[str, object], text: str
) -> None:
    given().when(create(**wrong)).then_raises(NegativeLimit, text)
    given(user_created()).when(create(**wrong)).then_raises(NegativeLimit, text)


def test_an_unknown_member_becomes_an_internal_user_with_the_address_he_was_added_by() -> None:
    assert create_implicitly("p-ann", SEALED, "claim") == UserCreated(
        settings=user_settings(email=SEALED, email_claim="claim", user_role="internal_user"),
        implicit=True,
    )


def test_d28_a_user_without_an_address_gets_one() -> None:
    changed = UserEmailChanged(before=None, after=SEALED, before_claim=None, after_claim="claim")
    given(user_created()).when(GiveEmail(SEALED, "claim")).then(changed)
    user = user_after(user_created(user_role="internal_user"), changed)
    assert user.settings == user_settings(
        user_role="internal_user", email=SEALED, email_claim="claim"
    )


def test_a_changed_address_says_what_it_was() -> None:
    new = Sealed(person="p-ann", box="bmV3")
    given(user_created(email=SEALED, email_claim="old")).when(GiveEmail(new, "new")).then(
        UserEmailChanged(before=SEALED, after=new, before_claim="old", after_claim="new")
    )


def test_a_fact_of_a_newer_release_moves_the_version_and_nothing_else() -> None:
    newer = UnknownFact(name="user.painted", version=1, data={})
    user = user_after(user_created(), newer)
    assert (user.version, user.incarnation, user.settings) == (2, 1, user_settings())


def test_settings_that_would_not_fit_into_one_fact_are_refused() -> None:
    given().when(create(metadata={"a": "x" * MAX_SETTINGS_BYTES})).then_raises(TooLarge)
