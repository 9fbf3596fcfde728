"""Forgetting a user: once, whole, and not beyond what was looked up (decision 012)."""

from typing import Any

import pytest

from events.streams import USER, stream
from events.team import MemberRemoved
from events.user import UserForgotten
from services.command.application.forgetting import ForgetUser, Known
from services.command.application.members import AddMembers
from services.command.application.users import NewUser
from services.command.domain.errors import (
    ChangedMeanwhile,
    NotFound,
)
from tests.support.core_team import PEOPLE, accepted, core_team, done, facts_since
from tests.support.facts import user_settings
from tests.support.people import WRAPPED
from tests.support.process import Process


@pytest.fixture
async def process() -> Process:
    return await core_team()


def known(process: Process, *persons: str, readable: bool = True) -> Known:
    state: Any = process.cache.state(stream(USER, "ann"))
    return Known(state.version, frozenset(persons), readable)


async def test_a_forgotten_user_is_deleted_and_his_persons_are_named(process: Process) -> None:
    position = await process.log.head()
    found = await done(process, ForgetUser("ann", known(process, "p-1", "c-1")))
    assert (found.deleted, found.persons, found.id_remains) == (True, 2, False)
    events = [event for _, event in facts_since(process, position)]
    assert events[-1] == UserForgotten(persons=["c-1", "p-1"])
    assert MemberRemoved(user_id="ann", role="user") in events
    assert await accepted(process, "of ann") == []


async def test_who_is_forgotten_is_forgotten_once(process: Process) -> None:
    await done(process, ForgetUser("ann", known(process, "p-1")))
    position = await process.log.head()
    again = await done(process, ForgetUser("ann", known(process, "p-1", readable=False)))
    assert (again.deleted, await process.log.head()) == (False, position)
    await done(process, ForgetUser("ann", known(process, "p-1")))
    assert await process.log.head() == position + 1


async def test_what_came_to_be_known_meanwhile_has_to_be_looked_up(process: Process) -> None:
    stale = known(process, "p-1")
    named = PEOPLE.candidate("ann", "ann@example.com")
    await done(process, AddMembers("core", [named, PEOPLE.candidate("eve")], single=False))
    with pytest.raises(ChangedMeanwhile):
        await done(process, ForgetUser("ann", stale))


async def test_nobody_is_forgotten_who_never_was(process: Process) -> None:
    with pytest.raises(NotFound):
        await done(process, ForgetUser("nobody", Known(0, frozenset(), readable=False)))


async def test_an_id_that_is_an_address_remains(process: Process) -> None:
    user_id = "ann@example.com"
    own = NewUser(user_id, False, user_settings(), None, WRAPPED, None, [])  # noqa: FBT003
    await done(process, own)
    state: Any = process.cache.state(stream(USER, user_id))
    everything = Known(state.version, frozenset({"p-ann"}), readable=True)
    assert (await done(process, ForgetUser(user_id, everything))).id_remains
