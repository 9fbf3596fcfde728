"""Whatever happened to a team: it comes back as it was, and goes back to any moment it had."""

from functools import reduce
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.command.domain.team import Team, evolve
from tests.property.test_team import CORE, commands, run
from tests.support.decider import DeleteTeam, RestoreTeam, RevertTeam, decide
from tests.support.eventlog import History

unhurried = settings(deadline=None)


def follow(team: Team, history: History, *given_commands: object) -> Team:
    """The team after these commands, none of which is refused."""
    for command in given_commands:
        news = history.command(*((CORE, fact) for fact in decide(team, command)))
        team = reduce(evolve, news, team)
    return team


def document(team: Team) -> tuple[Any, ...]:
    """What a team is, but for when it was changed last."""
    members = [(u, m.joined, m.role, m.limits) for u, m in team.roster.ordered()]
    times = team.created_at, team.budget_since
    own = team.incarnation, team.model_table_id, team.model_aliases_by
    return team.open, team.settings.model_dump(mode="json"), members, times, own


@unhurried
@given(given_commands=commands, keys=st.booleans())
def test_a_team_that_was_deleted_and_restored_is_what_it_was(
    *, given_commands: list[object], keys: bool
) -> None:
    team, log, _ = run(given_commands)
    assume(team.open)
    history = History(len(log), incarnations={CORE: team.incarnation})
    history.versions[CORE] = team.version
    back = follow(team, history, DeleteTeam(), RestoreTeam(keys=keys))
    assert document(back) == document(team)
    again = follow(back, history, DeleteTeam(), RestoreTeam())
    assert document(again) == document(team)


@unhurried
@given(commands, st.integers(0, 100))
def test_a_team_goes_back_to_any_version_of_this_life(
    given_commands: list[object], which: int
) -> None:
    team, log, _ = run(given_commands)
    assume(team.open)
    version = team.incarnation + which % (team.version - team.incarnation + 1)
    then = reduce(evolve, log[:version], Team())
    history = History(len(log), incarnations={CORE: team.incarnation})
    history.versions[CORE] = team.version
    back = follow(team, history, RevertTeam(then))
    assert back.settings == then.settings
    assert {u: (m.role, m.limits) for u, m in back.roster.items()} == {
        u: (m.role, m.limits) for u, m in then.roster.items()
    }
    assert decide(back, RevertTeam(then)) == []
