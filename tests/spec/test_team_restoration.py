"""A deleted team comes back: the life that ended goes on (decision 012)."""

from dataclasses import replace

from events.registry import DomainEvent
from events.team import (
    MemberAdded,
    MemberRemoved,
    MembersRestored,
    RestoredMember,
    TeamDeleted,
    TeamRenamed,
    TeamRestored,
)
from services.command.domain.errors import AlreadyExists, NotFound
from services.command.domain.roster import Membership, Roster
from services.command.domain.team import Team
from services.command.domain.team_restoration import members_back, unchecked
from tests.support.decider import DeleteTeam, RestoreTeam, RevertTeam, given, team_after
from tests.support.facts import budget, created, joined, limits

TEAM = created(team_alias="Core", budget=budget(100), organization_id="acme")
MEMBERS = joined("ann", "admin"), joined("bob", own=limits(max_budget=5))
ENDED = TeamDeleted(settings=TEAM.settings, members_total=2)
BACK = TeamRestored(settings=TEAM.settings, members_total=2, keys=False)
ANN = RestoredMember(user_id="ann", role="admin")
BOB = RestoredMember(user_id="bob", role="user", limits=limits(max_budget=5))


def test_everything_comes_back_by_one_fact_and_members_are_told() -> None:
    given(TEAM, *MEMBERS, ENDED).when(RestoreTeam()).then(BACK, MembersRestored(members=[ANN, BOB]))


def test_who_is_no_user_any_more_is_removed() -> None:
    given(TEAM, *MEMBERS, ENDED).when(RestoreTeam(departed=frozenset({"bob"}))).then(
        BACK,
        MemberRemoved(user_id="bob", role="user", limits=limits(max_budget=5)),
        MembersRestored(members=[ANN]),
    )


def test_a_team_of_nobody_comes_back_alone() -> None:
    given(TEAM, ENDED.model_copy(update={"members_total": 0})).when(RestoreTeam(keys=True)).then(
        TeamRestored(settings=TEAM.settings, members_total=0, keys=True)
    )


def test_only_a_deleted_team_can_come_back() -> None:
    given(TEAM).when(RestoreTeam()).then_raises(AlreadyExists, "team 'core' exists already")
    given(TEAM, ENDED, BACK).when(RestoreTeam()).then_raises(AlreadyExists)
    given(TEAM, ENDED, TEAM).when(RestoreTeam()).then_raises(AlreadyExists)
    given().when(RestoreTeam()).then_raises(NotFound, "team 'core' does not exist")


def test_it_is_the_last_life_that_goes_on() -> None:
    another = created(team_alias="Other")
    over = TeamDeleted(settings=another.settings, members_total=0)
    again = TeamRestored(settings=another.settings, members_total=0, keys=False)
    given(TEAM, *MEMBERS, ENDED, another, over).when(RestoreTeam()).then(again)
    assert team_after(TEAM, *MEMBERS, ENDED, another, over, again).incarnation == 5


def test_a_restored_team_is_what_it_was() -> None:
    before = team_after(TEAM, *MEMBERS)
    after = team_after(TEAM, *MEMBERS, ENDED, BACK, MembersRestored(members=[ANN, BOB]))
    assert (after.open, after.incarnation, after.version) == (True, 1, 6)
    assert (after.settings, after.budget_since) == (before.settings, before.budget_since)
    assert _places(after) == _places(before)


def test_members_reach_as_far_as_they_were_looked_at() -> None:
    """A user who is deleted later is no member any more, one who was deleted before is none yet."""
    back = team_after(TEAM, *MEMBERS, ENDED, BACK)
    assert (back.gone_at, back.restored_at, back.organization_at) == (4, 5, 5)
    assert sorted(unchecked(back)) == ["ann", "bob"]
    looked_at = team_after(TEAM, *MEMBERS, ENDED, BACK, MembersRestored(members=[BOB]))
    assert list(unchecked(looked_at)) == ["ann"]
    assert {user_id: member.at for user_id, member in looked_at.roster.items()} == {
        "ann": 2,
        "bob": 6,
    }


def test_keys_of_an_earlier_deletion_come_back_if_they_were_asked_for_then() -> None:
    with_keys = BACK.model_copy(update={"keys": True})
    assert team_after(TEAM, ENDED, BACK, ENDED).lapsed_at == 2
    assert team_after(TEAM, ENDED, with_keys, ENDED).lapsed_at == 0
    assert team_after(TEAM, ENDED, BACK, ENDED, TEAM).lapsed_at == 0


def test_a_restored_team_can_be_deleted_and_changed_like_any_other() -> None:
    renamed = TeamRenamed(before="Core", after="New")
    now = TEAM.settings.model_copy(update={"team_alias": "New"})
    given(TEAM, *MEMBERS, ENDED, BACK, renamed).when(DeleteTeam()).then(
        TeamDeleted(settings=now, members_total=2)
    )


def test_many_members_are_told_in_facts_that_can_be_stored() -> None:
    many = {f"{number:0>250}": Membership(number + 2, "user") for number in range(1_000)}
    team = replace(team_after(TEAM), roster=Roster(many))
    facts = members_back(team, list(many), frozenset())
    assert len(facts) > 1
    assert all(len(fact.model_dump_json()) < 200_000 for fact in facts)
    told = [m.user_id for fact in facts if isinstance(fact, MembersRestored) for m in fact.members]
    assert told == list(many)


def _places(team: Team) -> list[tuple[str, int, str, object]]:
    return [(u, m.joined, m.role, m.limits) for u, m in team.roster.ordered()]


def test_what_a_team_was_before_it_came_back_can_be_gone_back_to() -> None:
    then = team_after(TEAM, *MEMBERS)
    later: list[DomainEvent] = [ENDED, BACK, MembersRestored(members=[ANN, BOB])]
    left = MemberRemoved(user_id="ann", role="admin")
    given(TEAM, *MEMBERS, *later, left).when(RevertTeam(then)).then(
        MemberAdded(user_id="ann", role="admin")
    )
