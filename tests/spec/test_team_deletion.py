"""Deleting, blocking and unblocking a team: team-api.md 3.3, 3.13, 3.14."""

from datetime import timedelta

from events.registry import UnknownFact
from events.team import MemberRemoved, TeamBlocked, TeamDeleted, TeamRenamed, TeamUnblocked
from services.command.domain.errors import NotFound
from tests.support.decider import BlockTeam, DeleteTeam, given, team_after
from tests.support.eventlog import START
from tests.support.facts import budget, created, joined, limits

TEAM = created(team_alias="Core", budget=budget(100), metadata={"a": 1})


def test_what_a_team_was_is_recorded_when_it_ends() -> None:
    given(TEAM, joined("ann"), joined("bob")).when(DeleteTeam()).then(
        TeamDeleted(settings=TEAM.settings, members_total=2)
    )


def test_d29_one_fact_ends_all_memberships_whatever_they_are() -> None:
    members = [joined("ann"), joined("Ann"), joined("ann@example.com", own=limits(max_budget=1))]
    left = MemberRemoved(user_id="Ann", role="user")
    given(TEAM, *members, left).when(DeleteTeam()).then(
        TeamDeleted(settings=TEAM.settings, members_total=2)
    )


def test_the_record_holds_the_newest_settings() -> None:
    renamed = TeamRenamed(before="Core", after="New")
    now = TEAM.settings.model_copy(update={"team_alias": "New"})
    given(TEAM, renamed).when(DeleteTeam()).then(TeamDeleted(settings=now, members_total=0))


def test_an_unknown_team_is_not_found() -> None:
    given().when(DeleteTeam("zz")).then_raises(NotFound, "team 'zz' does not exist")


def test_a_team_ends_once() -> None:
    ended = TeamDeleted(settings=TEAM.settings, members_total=0)
    given(TEAM, ended).when(DeleteTeam("core")).then_raises(NotFound)
    assert not team_after(TEAM, ended).open


def test_blocking_is_idempotent() -> None:
    given(TEAM).when(BlockTeam()).then(TeamBlocked())
    given(TEAM, TeamBlocked()).when(BlockTeam()).then()


def test_unblocking_is_idempotent() -> None:
    given(TEAM).when(BlockTeam(blocked=False)).then()
    given(TEAM, TeamBlocked()).when(BlockTeam(blocked=False)).then(TeamUnblocked())


def test_a_team_is_blocked_from_the_fact_on() -> None:
    assert team_after(TEAM, TeamBlocked()).settings.blocked
    assert not team_after(TEAM, TeamBlocked(), TeamUnblocked()).settings.blocked


def test_a_team_created_blocked_can_be_unblocked() -> None:
    given(created(blocked=True)).when(BlockTeam()).then()
    given(created(blocked=True)).when(BlockTeam(blocked=False)).then(TeamUnblocked())


def test_every_fact_moves_the_time_of_the_last_change() -> None:
    team = team_after(TEAM, joined("ann"), TeamBlocked())
    assert team.created_at == START + timedelta(seconds=1)
    assert team.updated_at == START + timedelta(seconds=3)


def test_a_fact_of_a_newer_release_moves_the_version_and_nothing_else() -> None:
    newer = UnknownFact(name="team.painted", version=1, data={"colour": "red"})
    team, before = team_after(TEAM, joined("ann"), newer), team_after(TEAM, joined("ann"))
    assert (team.version, team.settings, team.roster) == (3, before.settings, before.roster)
