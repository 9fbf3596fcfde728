"""What is done to all users there are is done to those who are there then."""

from typing import Any

import pytest

from services.command.application.bulk_members import BulkAddMembers
from services.command.application.departures import DeleteUsers
from services.command.application.user_update import BulkUpdateUsers, UpdateUser
from tests.support.core_team import PEOPLE, core_team, done, facts_since, new_team
from tests.support.people import WRAPPED
from tests.support.process import Process

FOUND = ("ann", "bob")


@pytest.fixture
async def process() -> Process:
    """Ann and bob are found, and ann is deleted before anything is done to them."""
    process = await core_team()
    await done(process, new_team("other"), DeleteUsers(["ann"]))
    return process


def limited(user_id: str) -> UpdateUser:
    changes: dict[str, Any] = {"limits": {"rpm_limit": 7}}
    return UpdateUser(user_id, None, None, changes, "new", "p-new", WRAPPED)


def told_since(process: Process, position: int) -> list[tuple[str, str]]:
    return [(name, event.type_name) for name, event in facts_since(process, position)]


async def test_nobody_comes_back_by_an_update_of_everybody(process: Process) -> None:
    before = await process.log.head()
    made = await done(process, BulkUpdateUsers([limited(name) for name in FOUND], everybody=True))
    assert [one.asked.user_id for one in made] == ["bob"]
    assert told_since(process, before) == [("user-bob", "user.limits_changed")]


async def test_nobody_comes_back_by_an_addition_of_everybody(process: Process) -> None:
    before = await process.log.head()
    candidates = [PEOPLE.candidate(name) for name in FOUND]
    made = await done(process, BulkAddMembers("other", candidates, everybody=True))
    assert [item.user_id for item in made.items] == ["bob"]
    assert told_since(process, before) == [("team-other", "team.member_added")]
