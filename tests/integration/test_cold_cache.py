"""A process that knows nothing yet carries out large commands as well as any other.

What a command needs is loaded in few rounds, however many things it is about.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from events.user import UserSettings
from services.access.principal import AccessRefused
from services.command.application.chores import Chores
from services.command.application.users import Joining, NewUser
from services.command.application.view import Missing
from tests.support.eventlog import create_store
from tests.support.loop import CREATOR, Writer, credential_of, opened_writer, roster
from tests.support.stored import count, stored_facts

MANY = 40
TEAMS = [f"team {n}" for n in range(MANY)]
USERS = [f"user {n}" for n in range(MANY)]
KEYS = [f"key {n}" for n in range(MANY)]


@pytest.fixture
async def url(database_url: str) -> str:
    """Teams of one user each, and of ann as admin; each has a key with an alias."""
    create_store(database_url)
    async with opened_writer(database_url) as warm:
        await asyncio.gather(*map(warm.create, TEAMS, USERS))
        await asyncio.gather(*(warm.add(t, "ann", role="admin") for t in TEAMS))
        await warm.make_key("ann's", user_id="ann")
        aliased = zip(KEYS, TEAMS, USERS, strict=True)
        made = (warm.make_key(k, team_id=t, user_id=u, key_alias=k) for k, t, u in aliased)
        await asyncio.gather(*made)
    return database_url


@pytest.fixture
async def cold(url: str) -> AsyncIterator[Writer]:
    async with opened_writer(url) as writer:
        yield writer


def deleted_keys(url: str) -> int:
    return [f.topic for f in stored_facts(url)].count("key.deleted")


async def test_known_users_join_another_team(cold: Writer) -> None:
    await cold.create("new")
    done = await cold.add("new", *USERS)
    assert roster(done) == [CREATOR, *USERS]
    teams = [user["teams"] for user in done.answer["updated_users"]]
    assert teams == [[team_id, "new"] for team_id in TEAMS]


async def test_many_teams_are_deleted_with_their_keys(url: str, cold: Writer) -> None:
    await cold.delete(*TEAMS)
    await Chores(cold.loop, cold.pool).work_off()
    assert deleted_keys(url) == MANY
    await cold.make_key("another", key_alias=KEYS[0])


async def test_many_keys_are_deleted_and_their_aliases_free(url: str, cold: Writer) -> None:
    await cold.delete_keys(*KEYS)
    assert deleted_keys(url) == MANY
    await cold.make_key("another", key_alias=KEYS[0])


async def test_a_team_admin_deletes_keys_of_many_teams(url: str, cold: Writer) -> None:
    await cold.delete_keys(*KEYS, by=credential_of("ann's"))
    assert deleted_keys(url) == MANY


async def test_the_keys_of_a_removed_member_go_with_him(url: str, cold: Writer) -> None:
    for number in range(MANY):
        name = f"ann's {number}"
        await cold.make_key(name, team_id=TEAMS[0], user_id="ann", key_alias=name)
    async with opened_writer(url) as colder:
        await colder.remove(TEAMS[0], "ann")
        await colder.make_key("another", key_alias=f"ann's {MANY - 1}")
        await Chores(colder.loop, colder.pool).work_off()
    assert deleted_keys(url) == MANY


async def test_a_new_user_joins_many_teams(url: str, cold: Writer) -> None:
    person = cold.vault.new_person()
    command = NewUser(
        user_id="bob",
        fresh=False,
        settings=UserSettings(person=person.person),
        email=None,
        wrapped=person.wrapped,
        key=None,
        joining=[Joining(team_id, "user", None) for team_id in TEAMS],
    )
    await cold.send(command, "/user/new")
    links = "SELECT count(*) FROM ops.dependents WHERE parent = 'user-bob' AND kind = 'teams'"
    assert count(url, links) == MANY


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What refers to itself stays, as it does in a service until a collection stops it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_what_was_loaded_or_refused_leaves_nothing_for_the_garbage_collector(
    cold: Writer,
) -> None:
    before = raised()  # the description of the routes holds refusals, too, where it is loaded
    await cold.delete(*TEAMS)
    assert [await refused(cold, name) for name in ("unknown", *KEYS)] == [True] * (MANY + 1)
    await cold.create("another")  # the loop keeps its last batch until the next one
    assert raised() <= before


def raised() -> set[int]:
    """The ids of all refusals and needs there are."""
    return {id(each) for each in gc.get_objects() if isinstance(each, Missing | AccessRefused)}


async def refused(writer: Writer, name: str) -> bool:
    try:
        await writer.identify(credential_of(name))
    except AccessRefused:
        return True
    return False
