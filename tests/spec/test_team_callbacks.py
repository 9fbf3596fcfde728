"""Callbacks of a team: team-api.md 4 and register D23. A mask stands for the secret it hides."""

from typing import Any

from events.team import TeamCallbacksChanged
from events.values import Callback, CallbackVariable
from services.command.domain.errors import AlreadyExists, MaskedSecret, NotFound
from services.command.domain.team import CreateTeam, UpdateTeam
from tests.support.decider import AddCallback, DisableCallbacks, given
from tests.support.facts import SEALED, created, settings

MASK = CallbackVariable(shown="sk-l****cdef")
SECRET = MASK.model_copy(update={"secret": SEALED})
HOST = CallbackVariable(shown="https://langfuse.example.com")


def langfuse(secret: CallbackVariable = SECRET, **given: Any) -> Callback:  # noqa: ANN401
    variables = {"langfuse_secret_key": secret, "langfuse_host": HOST}
    named = {"callback_name": "langfuse", "callback_type": "success", "variables": variables}
    return Callback.model_validate({**named, **given})


WITH_ONE = created(callbacks=[langfuse()])


def replacing(*wanted: Callback) -> UpdateTeam:
    return UpdateTeam("core", {"callbacks": list(wanted)})


def test_callbacks_are_added_one_by_one() -> None:
    other = langfuse(callback_type="failure")
    given(WITH_ONE).when(AddCallback(other)).then(
        TeamCallbacksChanged(before=[langfuse()], after=[langfuse(), other])
    )


def test_a_name_is_there_once_for_a_type_of_calls() -> None:
    given(WITH_ONE).when(AddCallback(langfuse(variables={}))).then_raises(AlreadyExists)


def test_d23_disabling_takes_all_away() -> None:
    given(WITH_ONE).when(DisableCallbacks()).then(
        TeamCallbacksChanged(before=[langfuse()], after=[])
    )
    given(created()).when(DisableCallbacks()).then()


def test_a_team_that_is_not_there_logs_nowhere() -> None:
    given().when(AddCallback(langfuse())).then_raises(NotFound)
    given().when(DisableCallbacks()).then_raises(NotFound)


def test_a_mask_that_comes_back_stands_for_its_secret() -> None:
    given(WITH_ONE).when(replacing(langfuse(MASK))).then()
    elsewhere = CallbackVariable(shown="https://other.example.com")
    moved = {"langfuse_secret_key": MASK, "langfuse_host": elsewhere}
    kept = {"langfuse_secret_key": SECRET, "langfuse_host": elsewhere}
    given(WITH_ONE).when(replacing(langfuse(variables=moved))).then(
        TeamCallbacksChanged(before=[langfuse()], after=[langfuse(variables=kept)])
    )


def test_a_new_secret_with_the_same_mask_takes_the_place_of_the_old_one() -> None:
    fresh = CallbackVariable(shown=SECRET.shown, secret=SEALED.model_copy(update={"box": "bmV3"}))
    given(WITH_ONE).when(replacing(langfuse(fresh))).then(
        TeamCallbacksChanged(before=[langfuse()], after=[langfuse(fresh)])
    )


def test_a_mask_of_no_secret_is_refused() -> None:
    strange = CallbackVariable(shown="pk-l****0000")
    given(WITH_ONE).when(replacing(langfuse(strange))).then_raises(MaskedSecret)
    given(created()).when(AddCallback(langfuse(MASK))).then_raises(MaskedSecret)
    masked = settings(callbacks=[langfuse(MASK)])
    given().when(CreateTeam("core", masked, ())).then_raises(MaskedSecret)


def test_an_entry_that_is_sent_twice_counts_once() -> None:
    bare = langfuse(variables={})
    given(WITH_ONE).when(replacing(bare, langfuse(MASK))).then()
