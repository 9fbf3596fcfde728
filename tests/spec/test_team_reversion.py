"""A live team becomes what it was at an earlier moment of this life (decision 012)."""

import pytest

from events.team import (
    MemberAdded,
    MemberBudgetChanged,
    MemberRemoved,
    MemberRoleChanged,
    TeamBlocked,
    TeamBudgetChanged,
    TeamDeleted,
    TeamMetadataChanged,
    TeamModelAliasesChanged,
    TeamRenamed,
    TeamRestored,
    TeamUnblocked,
)
from services.command.domain.errors import NotThen
from tests.support.decider import RevertTeam, given, team_after
from tests.support.facts import budget, created, joined, limits

TEAM = created(team_alias="Core", budget=budget(100), metadata={"a": 1, "b": 2})
ENDED = TeamDeleted(settings=TEAM.settings, members_total=0)
THEN = team_after(TEAM, joined("ann", "admin"), joined("bob", own=limits(max_budget=5)))
HISTORY = TEAM, joined("ann", "admin"), joined("bob", own=limits(max_budget=5))


def test_nothing_differs_from_now() -> None:
    given(*HISTORY).when(RevertTeam(THEN)).then()


def test_settings_are_changed_back_one_by_one() -> None:
    later = [
        TeamRenamed(before="Core", after="New"),
        TeamBudgetChanged(before=budget(100), after=budget(7, duration="1d")),
        TeamMetadataChanged(before={"a": 1}, after={"c": 3}),
        TeamBlocked(),
    ]
    given(*HISTORY, *later).when(RevertTeam(THEN)).then(
        TeamRenamed(before="New", after="Core"),
        TeamBudgetChanged(before=budget(7, duration="1d"), after=budget(100)),
        TeamMetadataChanged(before={"c": 3}, after={"a": 1}),
        TeamUnblocked(),
    )


def test_members_come_go_and_have_their_roles_and_limits_back() -> None:
    own = limits(max_budget=5)
    later = [
        MemberRemoved(user_id="ann", role="admin"),
        joined("eve"),
        MemberBudgetChanged(user_id="bob", before=own, after=None),
        MemberRoleChanged(user_id="bob", before="user", after="admin"),
    ]
    given(*HISTORY, *later).when(RevertTeam(THEN)).then(
        MemberRemoved(user_id="eve", role="user"),
        MemberBudgetChanged(user_id="bob", before=None, after=own),
        MemberRoleChanged(user_id="bob", before="admin", after="user"),
        MemberAdded(user_id="ann", role="admin"),
    )


def test_who_left_and_came_again_as_he_was_stays() -> None:
    later = MemberRemoved(user_id="ann", role="admin"), joined("ann", "admin")
    given(*HISTORY, *later).when(RevertTeam(THEN)).then()


def test_who_is_no_user_any_more_is_left_out() -> None:
    later = MemberRemoved(user_id="ann", role="admin"), MemberRemoved(user_id="bob", role="user")
    given(*HISTORY, *later).when(RevertTeam(THEN, departed=frozenset({"bob"}))).then(
        MemberAdded(user_id="ann", role="admin")
    )


def test_a_team_that_had_no_model_aliases_has_none_again() -> None:
    aliased = TeamModelAliasesChanged(before=None, after={"fast": "gpt"})
    [back] = given(*HISTORY, aliased).when(RevertTeam(THEN)).facts
    assert back == TeamModelAliasesChanged(before={"fast": "gpt"}, after=None)
    assert team_after(*HISTORY, aliased).model_table_id == 4
    assert team_after(*HISTORY, aliased, back).model_table_id is None
    assert team_after(*HISTORY, aliased, back, aliased).model_table_id == 6


def test_what_a_team_was_in_an_earlier_life_is_another_team() -> None:
    given(*HISTORY, ENDED, TEAM).when(RevertTeam(THEN)).then_raises(
        NotThen, "The present life of the team began later, with version 5"
    )


def test_a_team_cannot_go_back_to_when_it_was_deleted() -> None:
    back = TeamRestored(settings=TEAM.settings, members_total=2, keys=False)
    given(*HISTORY, ENDED, back).when(RevertTeam(team_after(*HISTORY, ENDED))).then_raises(
        NotThen, "The team was deleted then: version 4 is its end"
    )


@pytest.mark.parametrize("version", [1, 2, 3])
def test_any_version_can_be_gone_back_to(version: int) -> None:
    then = team_after(*HISTORY[:version])
    facts = given(*HISTORY).when(RevertTeam(then)).facts
    after = team_after(*HISTORY, *facts)
    assert (after.settings, set(after.roster)) == (then.settings, set(then.roster))
