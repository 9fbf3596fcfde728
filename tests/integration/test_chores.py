"""Effects too large for one append: void at once, recorded in chunks, resumed after a stop."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from events.envelope import Envelope
from events.key import KeyDeleted
from services.access.principal import AccessRefused
from services.command.application.chores import CHUNK, Chores
from services.command.application.teams import DEPENDENTS_AT_ONCE
from tests.support.eventlog import create_store
from tests.support.loop import Writer, credential_of, opened_writer, token_of, until
from tests.support.stored import count, stored_facts

KEYS = 1_200
CHORES = "SELECT count(*) FROM ops.chores"
LINKS = "SELECT count(*) FROM ops.dependents WHERE parent = 'team-t'"


@pytest.fixture
def url(database_url: str) -> str:
    create_store(database_url)
    return database_url


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    """A team "t" of ann and bob with 1,200 keys of ann's."""
    async with opened_writer(url) as opened:
        await opened.create("t", "ann", "bob")
        await make_keys(opened, [f"key {n}" for n in range(KEYS)])
        yield opened


async def make_keys(writer: Writer, names: Sequence[str]) -> None:
    await asyncio.gather(*(writer.make_key(n, team_id="t", user_id="ann") for n in names))


async def refused_everywhere(*writers: Writer) -> bool:
    """Whether every key is refused by each of these loops."""
    asked = [w.identify(credential_of(f"key {n}")) for n in range(KEYS) for w in writers]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return all(isinstance(answer, AccessRefused) for answer in answers)


def deleted_keys(url: str) -> Counter[str]:
    """How often each key's end was recorded."""
    return Counter(f.stream for f in stored_facts(url) if f.topic == "key.deleted")


def all_once(count_of_keys: int = KEYS) -> Counter[str]:
    return Counter(f"key-{token_of(f'key {n}')}" for n in range(count_of_keys))


async def test_the_keys_of_a_deleted_team_are_void_at_once_and_recorded_later(
    url: str, writer: Writer
) -> None:
    async with opened_writer(url) as other:
        await writer.delete("t")
        assert deleted_keys(url).total() == DEPENDENTS_AT_ONCE
        assert await refused_everywhere(writer, other)
        assert deleted_keys(url).total() == DEPENDENTS_AT_ONCE
        await Chores(other.loop, other.pool).work_off()
        assert await refused_everywhere(writer, other)
    assert deleted_keys(url) == all_once()
    assert [count(url, query) for query in (CHORES, LINKS)] == [0, 0]
    causes = {f.data["cause"] for f in stored_facts(url) if f.topic == "key.deleted"}
    assert causes == {"team"}


async def test_the_keys_of_a_removed_member_follow_him(url: str, writer: Writer) -> None:
    await writer.make_key("bob's", team_id="t", user_id="bob")
    await writer.remove("t", "ann")
    assert await refused_everywhere(writer)
    await Chores(writer.loop, writer.pool).work_off()
    assert deleted_keys(url) == all_once()
    assert (await writer.identify(credential_of("bob's"))).user_id == "bob"


async def test_what_was_left_half_done_is_resumed_by_another_process(
    url: str, writer: Writer
) -> None:
    first_chunk = asyncio.Event()

    def watch(envelopes: Sequence[Envelope]) -> None:
        if isinstance(envelopes[0].event, KeyDeleted):
            first_chunk.set()

    await writer.delete("t")
    async with opened_writer(url, on_commit=watch) as stopped:
        chores = Chores(stopped.loop, stopped.pool)
        chores.start()
        await first_chunk.wait()
        await chores.stop()
    done = deleted_keys(url).total()
    assert DEPENDENTS_AT_ONCE + CHUNK <= done < KEYS
    assert count(url, CHORES) == 1

    async with opened_writer(url) as resuming:
        chores = Chores(resuming.loop, resuming.pool)
        chores.start()
        await until(lambda: count(url, CHORES) == 0)
        await chores.stop()
    assert deleted_keys(url) == all_once()


async def test_two_process_managers_at_once_record_everything_once(
    url: str, writer: Writer
) -> None:
    await writer.delete("t")
    async with opened_writer(url) as other:
        await asyncio.gather(*(Chores(w.loop, w.pool).work_off() for w in (writer, other)))
    assert deleted_keys(url) == all_once()
    assert count(url, CHORES) == 0


async def test_keys_of_the_next_life_of_a_team_are_not_touched(url: str, writer: Writer) -> None:
    await writer.delete("t")
    await writer.create("t", "ann")
    await writer.make_key("new", team_id="t", user_id="ann")
    await Chores(writer.loop, writer.pool).work_off()
    assert deleted_keys(url) == all_once()
    assert (await writer.identify(credential_of("new"))).team_id == "t"


async def test_aliases_of_many_keys_are_free_again(url: str) -> None:
    """A process that has none of the keys in its cache deletes them as well as any other."""
    names = [f"key {n}" for n in range(40)]
    async with opened_writer(url) as writer:
        await writer.create("t", "ann")
        for name in names:
            await writer.make_key(name, team_id="t", key_alias=f"alias of {name}")
    async with opened_writer(url) as cold:
        await cold.delete("t")
        for name in names:
            await cold.make_key(f"new {name}", key_alias=f"alias of {name}")
    assert deleted_keys(url) == all_once(40)


async def test_many_keys_with_aliases_are_deleted_by_one_request(url: str) -> None:
    names = [f"key {n}" for n in range(40)]
    async with opened_writer(url) as writer:
        for name in names:
            await writer.make_key(name, key_alias=f"alias of {name}")
    async with opened_writer(url) as cold:
        await cold.delete_keys(*names)
    assert deleted_keys(url) == all_once(40)
