"""The organization: given facts, when a command, then facts or a refusal."""

from decimal import Decimal

import pytest

from events import organization as facts
from services.command.domain.errors import (
    AlreadyExists,
    AlreadyMember,
    NegativeLimit,
    NotAMember,
    NotFound,
    TooLarge,
)
from services.command.domain.organization import NewOrganizationMember
from tests.support.decider import (
    AddOrganizationMembers,
    CreateOrganization,
    DeleteOrganization,
    RemoveOrganizationMember,
    UpdateOrganization,
    UpdateOrganizationMember,
    given,
    organization_after,
)
from tests.support.facts import (
    entered,
    limits,
    organization_created,
    organization_settings,
)

ENDED = facts.OrganizationDeleted(settings=organization_settings())


def test_an_organization_is_made_once_and_again_after_its_end() -> None:
    create = CreateOrganization(organization_settings())
    given().when(create).then(organization_created())
    given(organization_created()).when(create).then_raises(AlreadyExists)
    given(organization_created(), ENDED).when(create).then(organization_created())


def test_what_is_too_large_for_one_fact_is_refused() -> None:
    huge = organization_settings(metadata={"a": "x" * 200_000})
    given().when(CreateOrganization(huge)).then_raises(TooLarge)


def test_metadata_is_merged_deeply() -> None:
    there = organization_created(metadata={"a": {"b": 1, "c": 2}, "d": 3})
    given(there).when(UpdateOrganization({"metadata": {"a": {"b": 5}}})).then(
        facts.OrganizationMetadataChanged(
            before={"a": {"b": 1, "c": 2}}, after={"a": {"b": 5, "c": 2}}
        )
    )
    given(there).when(UpdateOrganization({"metadata": {"d": 3}})).then()


def test_each_change_is_a_fact_of_its_own() -> None:
    changes = {"organization_alias": "New", "budget_id": "c", "models": ["m"]}
    given(organization_created()).when(UpdateOrganization(changes)).then(
        facts.OrganizationRenamed(before="Org", after="New"),
        facts.OrganizationBudgetAssigned(before="b", after="c"),
        facts.OrganizationModelsChanged(before=[], after=["m"]),
    )


def test_what_is_not_there_is_neither_changed_nor_deleted() -> None:
    for command in (UpdateOrganization({"models": ["m"]}), DeleteOrganization()):
        given().when(command).then_raises(NotFound)
        given(organization_created(), ENDED).when(command).then_raises(NotFound)
    given(organization_created()).when(DeleteOrganization()).then(ENDED)


def test_s13_those_who_are_not_in_it_yet_are_added_with_their_budget() -> None:
    own = limits(max_budget=3)
    ann, bob = (NewOrganizationMember(name, "org_admin", own) for name in ("ann", "bob"))
    there = (organization_created(), entered("ann"))
    given(*there).when(AddOrganizationMembers([ann, bob, bob])).then(
        entered("bob", "org_admin", own)
    )
    given(*there).when(AddOrganizationMembers([ann])).then_raises(AlreadyMember)


def test_s13_a_budget_below_zero_is_refused() -> None:
    poor = NewOrganizationMember("ann", "org_admin", limits(max_budget=-1))
    given(organization_created()).when(AddOrganizationMembers([poor])).then_raises(NegativeLimit)
    update = UpdateOrganizationMember("ann", limits={"max_budget": Decimal(-1)})
    given(organization_created(), entered("ann")).when(update).then_raises(NegativeLimit)


def test_a_member_gets_a_budget_another_role_and_loses_the_budget() -> None:
    own = limits(max_budget=3)
    there = (organization_created(), entered("ann"))
    both = UpdateOrganizationMember("ann", "org_admin", {"max_budget": Decimal(3)})
    given(*there).when(both).then(
        facts.OrganizationMemberBudgetChanged(user_id="ann", before=None, after=own),
        facts.OrganizationMemberRoleChanged(
            user_id="ann", before="internal_user", after="org_admin"
        ),
    )
    cleared = UpdateOrganizationMember("ann", limits={"max_budget": None})
    given(organization_created(), entered("ann", own=own)).when(cleared).then(
        facts.OrganizationMemberBudgetChanged(user_id="ann", before=own, after=None)
    )
    given(*there).when(cleared).then()


@pytest.mark.parametrize(
    "command", [UpdateOrganizationMember("bob", "org_admin"), RemoveOrganizationMember("bob")]
)
def test_who_is_not_in_it_is_no_member(command: object) -> None:
    given(organization_created(), entered("ann")).when(command).then_raises(NotAMember)


def test_who_leaves_is_recorded_as_he_was() -> None:
    own = limits(max_budget=3)
    left = facts.OrganizationMemberRemoved(user_id="ann", role="org_admin", limits=own)
    there = (organization_created(), entered("ann", "org_admin", own))
    given(*there).when(RemoveOrganizationMember("ann")).then(left)
    assert "ann" not in organization_after(*there, left).members


def test_an_end_leaves_its_position_to_the_next_life() -> None:
    again = organization_after(
        organization_created(), entered("ann"), ENDED, organization_created()
    )
    assert (again.open, again.incarnation, again.gone_at, len(again.members)) == (True, 4, 3, 0)
