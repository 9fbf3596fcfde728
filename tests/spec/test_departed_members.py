"""Who was deleted is in no organization, though his leaving is not recorded yet (S14)."""

from collections.abc import Sequence

import pytest

from events.budget import BudgetSettings
from events.streams import ORGANIZATION, stream
from services.command.application.departures import AT_ONCE, DeleteUsers, Leave
from services.command.application.names import ByName
from services.command.application.organization_members import (
    AddOrganizationMembers,
    Joining,
    RemoveOrganizationMember,
    UpdateOrganizationMember,
)
from services.command.application.organizations import NewOrganization
from services.command.application.requests import Command
from services.command.application.users import NewUser
from services.command.domain.dependents import ORGANIZATIONS
from services.command.domain.errors import NotAMember
from tests.support.facts import organization_settings, user_settings
from tests.support.memory_log import MemoryLog
from tests.support.people import WRAPPED, People
from tests.support.process import Process

NAMES = [f"o{number}" for number in range(AT_ONCE + 5)]
MEMBER = "organization.member_"


def founded(name: str) -> NewOrganization:
    settings = organization_settings(budget_id=f"of {name}")
    return NewOrganization(name, fresh=False, settings=settings, budget=BudgetSettings())


def joining(name: str) -> AddOrganizationMembers:
    ann = Joining(People().candidate("ann"), "internal_user", None)
    return AddOrganizationMembers(name, [ann])


@pytest.fixture
async def process() -> Process:
    """Ann was in more organizations than one append takes her out of, and is deleted."""
    process = Process(MemoryLog())
    await process.carry_out(*map(founded, NAMES))
    await process.carry_out(*map(joining, NAMES))
    assert await process.carry_out(DeleteUsers(["ann"])) == [1]
    return process


def told_of_members(process: Process, name: str) -> list[str]:
    at = (
        each for each in process.log.envelopes if each.originator_id == stream(ORGANIZATION, name)
    )
    topics = (each.event.type_name for each in at)
    return [topic.removeprefix(MEMBER) for topic in topics if topic.startswith(MEMBER)]


def new_user(organizations: Sequence[str]) -> NewUser:
    settings = user_settings()
    return NewUser("ann", False, settings, None, WRAPPED, None, organizations=organizations)  # noqa: FBT003


@pytest.mark.parametrize("command", [new_user(NAMES), joining(NAMES[-1])])
async def test_the_next_life_of_a_user_joins_what_the_last_one_has_yet_to_leave(
    process: Process, command: Command
) -> None:
    last = NAMES[-1]
    assert told_of_members(process, last) == ["added"]
    await process.carry_out(command)
    assert told_of_members(process, last) == ["added", "removed", "added"]
    assert await process.carry_out(Leave("ann", ORGANIZATIONS, (last,))) == [{}]
    assert told_of_members(process, last) == ["added", "removed", "added"]


async def test_who_has_yet_to_leave_is_no_member(process: Process) -> None:
    ann, last = ByName("ann", None), NAMES[-1]
    [refused] = await process.carry_out(UpdateOrganizationMember(last, ann, "org_admin", {}, "b"))
    assert isinstance(refused, NotAMember)
    assert await process.carry_out(RemoveOrganizationMember(last, ann)) == [None]
    assert told_of_members(process, last) == ["added"]


async def test_what_nobody_joined_again_is_left(process: Process) -> None:
    await process.carry_out(Leave("ann", ORGANIZATIONS, tuple(NAMES)))
    assert {tuple(told_of_members(process, name)) for name in NAMES} == {("added", "removed")}
