"""Members of a team: team-api.md 3.9, 3.11, 3.12, once the users are known by id."""

from typing import Any

import pytest

from events.registry import DomainEvent
from events.team import (
    MemberBudgetChanged,
    MemberRemoved,
    MemberRoleChanged,
    TeamRole,
)
from events.values import MemberLimits
from services.command.domain.errors import AlreadyMember, NegativeLimit, NotAMember
from services.command.domain.team import (
    AddMembers,
    NewMember,
    RemoveMember,
    UpdateMember,
)
from tests.support.decider import BlockTeam, given, team_after
from tests.support.facts import budget, created, joined, limits, usd

SHARED = limits("shared", max_budget=5, tpm_limit=100, rpm_limit=10, budget_duration="30d")
OWN = limits("own", max_budget=7, tpm_limit=70, budget_duration="7d")


def add(*user_ids: str) -> AddMembers:
    return AddMembers([NewMember(user_id, "user") for user_id in user_ids])


def update(
    user_id: str,
    role: TeamRole | None = None,
    **sent: Any,  # noqa: ANN401
) -> UpdateMember:
    return UpdateMember(user_id, role, sent, budget_id="drawn")


def budget_changed(before: MemberLimits | None, after: MemberLimits | None) -> DomainEvent:
    return MemberBudgetChanged(user_id="ann", before=before, after=after)


def test_users_join_in_the_order_named() -> None:
    given(created()).when(add("bob", "ann")).then(joined("bob"), joined("ann"))
    roster = team_after(created(), joined("bob"), joined("ann"), joined("abe", "admin")).roster
    assert [(user_id, member.joined, member.role) for user_id, member in roster.ordered()] == [
        ("bob", 2, "user"),
        ("ann", 3, "user"),
        ("abe", 4, "admin"),
    ]


def test_d27_those_who_are_there_already_are_left_alone() -> None:
    given(created(), joined("ann", "admin")).when(add("ann", "bob")).then(joined("bob"))


def test_d27_a_user_named_twice_joins_once() -> None:
    given(created()).when(add("ann", "bob", "ann")).then(joined("ann"), joined("bob"))


def test_d27_only_when_all_are_there_the_command_is_refused() -> None:
    there = given(created(), joined("ann"), joined("bob"))
    there.when(add("ann", "bob")).then_raises(AlreadyMember, "already in the team: ann, bob")
    there.when(add("bob")).then_raises(AlreadyMember, "already in the team: bob")


def test_an_empty_list_is_nobody_new() -> None:
    given(created()).when(AddMembers([])).then_raises(AlreadyMember)


def test_somebody_removed_may_come_back_at_the_end_of_the_roster() -> None:
    past = [created(), joined("ann"), joined("bob"), MemberRemoved(user_id="ann", role="user")]
    given(*past).when(add("ann")).then(joined("ann"))
    again = team_after(*past, joined("ann")).roster
    assert [user_id for user_id, _ in again.ordered()] == ["bob", "ann"]


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (limits(max_budget=-1), "max_budget_in_team cannot be negative. Received: -1.0"),
        (limits(tpm_limit=-1), "tpm_limit cannot be negative. Received: -1"),
        (limits(rpm_limit=-1), "rpm_limit cannot be negative. Received: -1"),
    ],
)
def test_d33_negative_limits_of_a_member_are_refused(own: MemberLimits, text: str) -> None:
    joining = AddMembers([NewMember("ann", "user", own)])
    given(created()).when(joining).then_raises(NegativeLimit, text)
    sent = own.model_dump(exclude={"budget_id"}, exclude_none=True)
    given(created(), joined("ann")).when(update("ann", **sent)).then_raises(NegativeLimit, text)


def test_d37_a_members_own_budget_follows_the_teams_and_copies_nothing() -> None:
    team, own = created(budget=budget(100, None, "30d")), limits(max_budget=5)
    given(team).when(AddMembers([NewMember("ann", "user", own)])).then(joined("ann", own=own))
    given(team, joined("ann")).when(update("ann", max_budget=usd(5))).then(
        budget_changed(None, limits("drawn", max_budget=5))
    )


def test_d37_a_duration_of_the_members_own_goes_before_the_teams() -> None:
    team = created(budget=budget(100, None, "30d"))
    given(team).when(AddMembers([NewMember("ann", "user", OWN)])).then(joined("ann", own=OWN))


def test_d13_a_change_of_role_leaves_the_budget() -> None:
    past = [created(), joined("ann", own=OWN)]
    changed = MemberRoleChanged(user_id="ann", before="user", after="admin")
    given(*past).when(update("ann", "admin")).then(changed)
    member = team_after(*past, changed).roster["ann"]
    assert (member.role, member.limits, member.joined) == ("admin", OWN, 2)


def test_d14_limits_that_were_not_sent_stay() -> None:
    given(created(), joined("ann", own=OWN)).when(update("ann", max_budget=usd(9))).then(
        budget_changed(OWN, limits("own", max_budget=9, tpm_limit=70, budget_duration="7d"))
    )


def test_d14_the_shared_defaults_are_copied_and_never_changed_through_a_member() -> None:
    past = [created(member_defaults=SHARED), joined("ann"), joined("bob")]
    own = limits("drawn", max_budget=9, tpm_limit=100, rpm_limit=10, budget_duration="30d")
    given(*past).when(update("ann", max_budget=usd(9))).then(budget_changed(None, own))
    team = team_after(*past, budget_changed(None, own))
    assert (team.settings.member_defaults, team.roster["bob"].limits) == (SHARED, None)


def test_null_clears_one_limit() -> None:
    given(created(), joined("ann", own=OWN)).when(update("ann", max_budget=None)).then(
        budget_changed(OWN, limits("own", tpm_limit=70, budget_duration="7d"))
    )


def test_clearing_the_last_limit_puts_the_member_under_the_teams_defaults_again() -> None:
    past = [created(member_defaults=SHARED), joined("ann", own=OWN)]
    given(*past).when(update("ann", max_budget=None, tpm_limit=None)).then(
        budget_changed(OWN, None)
    )


def test_repeating_an_update_is_no_news() -> None:
    past = [created(), joined("ann", "admin", own=OWN)]
    given(*past).when(update("ann", "admin", max_budget=usd("7.00"), tpm_limit=70)).then()
    given(*past).when(update("ann")).then()


def test_budget_and_role_may_change_at_once() -> None:
    after = limits("own", max_budget=8, tpm_limit=70, budget_duration="7d")
    given(created(), joined("ann", own=OWN)).when(update("ann", "admin", max_budget=usd(8))).then(
        budget_changed(OWN, after),
        MemberRoleChanged(user_id="ann", before="user", after="admin"),
    )


@pytest.mark.parametrize(
    "command", [update("eve", "admin"), update("eve", max_budget=usd(1)), RemoveMember("eve")]
)
def test_d15_a_user_outside_the_team_is_refused(command: object) -> None:
    given(created(), joined("ann")).when(command).then_raises(NotAMember)


def test_what_a_member_had_is_recorded_when_he_leaves() -> None:
    removed = MemberRemoved(user_id="ann", role="admin", limits=OWN)
    past = [created(), joined("ann", "admin", OWN), joined("bob")]
    given(*past).when(RemoveMember("ann")).then(removed)
    assert list(team_after(*past, removed).roster) == ["bob"]


def test_d29_a_member_is_removed_by_id_whatever_addresses_others_have() -> None:
    removed = MemberRemoved(user_id="ann", role="user")
    past = [created(), joined("ann"), joined("ann@example.com"), joined("Ann")]
    given(*past).when(RemoveMember("ann")).then(removed)
    assert set(team_after(*past, removed).roster) == {"ann@example.com", "Ann"}


def test_the_last_admin_may_be_removed() -> None:
    given(created(), joined("ann", "admin")).when(RemoveMember("ann")).then(
        MemberRemoved(user_id="ann", role="admin")
    )


def test_a_removed_member_is_a_stranger() -> None:
    past = [created(), joined("ann"), MemberRemoved(user_id="ann", role="user")]
    given(*past).when(RemoveMember("ann")).then_raises(NotAMember)


def test_members_of_a_blocked_team_can_be_managed() -> None:
    blocked = given(created()).when(BlockTeam()).facts
    given(created(), *blocked).when(add("ann")).then(joined("ann"))
