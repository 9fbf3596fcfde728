"""Models one by one: team-api.md 3.15 and 3.16, register D16 and D24."""

from events.team import TeamDeleted, TeamModelsChanged
from services.command.domain.errors import LastModel, NotFound
from tests.support.decider import AddModels, DeleteModels, given
from tests.support.facts import created, settings

ALL = "all-proxy-models"


def test_d24_models_stand_in_the_order_in_which_they_came_each_once() -> None:
    given(created(models=["b", "a"])).when(AddModels(["c", "a", "c", "0"])).then(
        TeamModelsChanged(before=["b", "a"], after=["b", "a", "c", "0"])
    )


def test_a_team_with_all_models_keeps_all() -> None:
    given(created()).when(AddModels(["m"])).then(TeamModelsChanged(before=[], after=[ALL, "m"]))


def test_adding_nothing_leaves_an_empty_list_empty() -> None:
    given(created()).when(AddModels([])).then()


def test_adding_what_is_there_is_no_news() -> None:
    given(created(models=["a"])).when(AddModels(["a"])).then()


def test_names_that_are_not_there_are_ignored() -> None:
    given(created(models=["a", "b"])).when(DeleteModels(["b", "x"])).then(
        TeamModelsChanged(before=["a", "b"], after=["a"])
    )
    given(created(models=["a"])).when(DeleteModels(["x"])).then()


def test_d16_the_last_model_stays() -> None:
    given(created(models=["a", "b"])).when(DeleteModels(["a", "b"])).then_raises(LastModel)


def test_a_team_without_a_list_has_nothing_to_take_away() -> None:
    given(created()).when(DeleteModels(["a"])).then()


def test_a_deleted_team_has_no_models() -> None:
    gone = TeamDeleted(settings=settings(), members_total=0)
    given(created(), gone).when(AddModels(["a"])).then_raises(NotFound)
    given(created(), gone).when(DeleteModels(["a"])).then_raises(NotFound)
