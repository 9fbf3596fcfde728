"""Effects too large for one append: void at once, recorded in chunks, resumed after a stop."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from events.envelope import Envelope
from events.key import KeyDeleted
from services.access.principal import AccessRefused
from services.command.application.chores import CHUNK, Chores
from services.command.application.departures import AT_ONCE, TEAMS_AT_ONCE, DeleteUsers
from services.command.application.key_rotation import NewSecret, RegenerateKey
from services.command.application.key_update import UpdateKey
from services.command.application.members import UpdateMember
from services.command.application.names import ByName
from services.command.application.requests import Origin
from services.command.application.teams import DEPENDENTS_AT_ONCE
from services.command.domain.errors import AlreadyExists, NotAMember, NotAssigned
from tests.support.eventlog import owner
from tests.support.loop import (
    CREATOR,
    Writer,
    credential_of,
    opened_writer,
    roster,
    token_of,
    until,
)
from tests.support.stored import count, stored_facts

KEYS = 1_200
CHORES = "SELECT count(*) FROM ops.chores"
LINKS = "SELECT count(*) FROM ops.dependents WHERE parent = 'team-t' AND kind !~ '^revoked/'"


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


ENDS: dict[str, Callable[[Writer], Awaitable[object]]] = {
    "team": lambda writer: writer.delete("t"),
    "member": lambda writer: writer.remove("t", "ann"),
    "user": lambda writer: delete_user(writer, "ann"),
}


@pytest.mark.parametrize("cause", ENDS)
async def test_aliases_of_many_keys_are_free_again(url: str, cause: str) -> None:
    """Even of those whose end is still to be recorded, by a process that has none of them cached.

    For keys that are made, that are renamed, or that get a new secret and another name with it.
    """
    names = [f"key {n}" for n in range(2 * AT_ONCE)]
    async with opened_writer(url) as writer:
        await writer.create("t", "ann")
        for name in names:
            await writer.make_key(name, team_id="t", user_id="ann", key_alias=f"alias of {name}")
        for n in range(2):
            await writer.make_key(f"kept {n}")
    async with opened_writer(url) as cold:
        await ENDS[cause](cold)
        assert 0 < deleted_keys(url).total() < len(names)
        renamed, rotated, *others = reversed(names)
        for name in others:
            await cold.make_key(f"new {name}", key_alias=f"alias of {name}")
        await cold.send(renaming("kept 0", f"alias of {renamed}"), "/key/update")
        await cold.send(rotation("kept 1", f"alias of {rotated}"), "/key/regenerate")
        with pytest.raises(AlreadyExists):
            await cold.make_key("again", key_alias=f"alias of {renamed}")
        await Chores(cold.loop, cold.pool).work_off()
    assert deleted_keys(url) == all_once(len(names))
    causes = {f.data["cause"] for f in stored_facts(url) if f.topic == "key.deleted"}
    assert causes == {cause}


def renaming(name: str, alias: str) -> UpdateKey:
    return UpdateKey(token_of(name), name, {"key_alias": alias})


def rotation(name: str, alias: str) -> RegenerateKey:
    secret = NewSecret(token_of(f"next {name}"), f"sk-...{name}", None, fresh=True)
    return RegenerateKey(token_of(name), name, {"key_alias": alias}, secret, "/key/regenerate")


async def test_many_keys_with_aliases_are_deleted_by_one_request(url: str) -> None:
    names = [f"key {n}" for n in range(40)]
    async with opened_writer(url) as writer:
        for name in names:
            await writer.make_key(name, key_alias=f"alias of {name}")
    async with opened_writer(url) as cold:
        await cold.delete_keys(*names)
    assert deleted_keys(url) == all_once(40)


async def test_a_chore_that_cannot_be_carried_out_keeps_no_other_waiting(url: str) -> None:
    async def failing(identity: str, _: Origin) -> None:
        raise ValueError(identity)

    names = [f"key {n}" for n in range(2 * AT_ONCE)]
    async with opened_writer(url) as writer:
        await writer.create("t", "ann")
        for name in names:
            await writer.make_key(name, team_id="t", user_id="ann")
        with owner(url) as conn:
            conn.execute("INSERT INTO ops.chores VALUES ('thing-odd', 'odd', 1)")
        await writer.delete("t")
        chores = Chores(writer.loop, writer.pool, {"odd": failing})
        chores.start()
        await until(lambda: count(url, CHORES) == 1)
        await chores.stop()
    assert deleted_keys(url) == all_once(len(names))
    assert count(url, f"{CHORES} WHERE kind = 'odd'") == 1


# A user with all that he was in and owned


TEAMS = 130
OF_ANN = "SELECT count(*) FROM ops.dependents WHERE parent = 'user-ann'"


async def teams_and_keys(writer: Writer) -> list[str]:
    """Ann in 130 teams, the last of which is bob's too, with a key for each and one of her own."""
    names = [f"t{number}" for number in range(TEAMS)]
    for start in range(0, TEAMS, 65):
        await asyncio.gather(*(writer.create(name, "ann") for name in names[start : start + 65]))
    await writer.add(names[-1], "bob")
    for name in names:
        await writer.make_key(f"key {name}", team_id=name, user_id="ann")
    await writer.make_key("key of her own", user_id="ann")
    return names


async def delete_user(writer: Writer, user_id: str) -> int:
    done = await writer.send(DeleteUsers([user_id]), "/user/delete")
    deleted: int = done.answer["answer"]
    return deleted


def removals(url: str) -> Counter[str]:
    return Counter(f.stream for f in stored_facts(url) if f.topic == "team.member_removed")


async def test_s14_a_deleted_user_is_out_of_everything_at_once_and_it_is_recorded_once(
    url: str,
) -> None:
    async with opened_writer(url) as writer, opened_writer(url) as other:
        names = await teams_and_keys(writer)
        assert await delete_user(writer, "ann") == 1
        assert removals(url).total() == TEAMS_AT_ONCE
        assert deleted_keys(url).total() == AT_ONCE - TEAMS_AT_ONCE
        for secret in ("key of her own", "key t0", f"key {names[-1]}"):
            for one in (writer, other):
                with pytest.raises(AccessRefused):
                    await one.identify(credential_of(secret))
        shown = await other.add(names[-1], "cy")
        assert roster(shown) == [CREATOR, "bob", "cy"]
        assert "members_total" not in shown.answer
        chores = (Chores(one.loop, one.pool) for one in (writer, other))
        await asyncio.gather(*(each.work_off() for each in chores))
    assert removals(url) == Counter(f"team-{name}" for name in names)
    assert set(deleted_keys(url).values()) == {1}
    assert deleted_keys(url).total() == TEAMS + 1
    causes = {f.data["cause"] for f in stored_facts(url) if f.topic == "key.deleted"}
    assert causes == {"user"}
    assert [count(url, query) for query in (CHORES, OF_ANN)] == [0, 0]


async def test_s14_the_next_life_of_a_user_keeps_what_he_joins_meanwhile(url: str) -> None:
    async with opened_writer(url) as writer:
        names = await teams_and_keys(writer)
        await delete_user(writer, "ann")
        [one, another] = names[-2:]
        added = await writer.add(one, "ann", role="admin")
        assert [user["teams"] for user in added.answer["updated_users"]] == [[one]]
        await writer.make_key("new", user_id="ann", team_id=one)
        with pytest.raises(NotAMember):
            await writer.remove(another, "ann")
        await delete_user(writer, "bob")
        await Chores(writer.loop, writer.pool).work_off()
        assert (await writer.identify(credential_of("new"))).user_id == "ann"
        assert roster(await writer.add(one, "cy")) == [CREATOR, "ann", "cy"]
    assert removals(url) == Counter([*(f"team-{name}" for name in names), f"team-{names[-1]}"])


async def test_s14_a_membership_that_is_over_gives_no_rights(url: str) -> None:
    """Not even to who is called the same, before the facts are recorded."""
    async with opened_writer(url) as writer:
        names = await teams_and_keys(writer)
        for name in names:
            await writer.send(promoted(name), "/team/member_update")
        await delete_user(writer, "ann")
        await writer.create("elsewhere", "ann")
        await writer.make_key("new", user_id="ann")
        by = credential_of("new")
        with pytest.raises(AccessRefused):
            await writer.add(names[-1], "cy", by=by)
        with pytest.raises(NotAssigned):
            await writer.make_key("for the team", by=by, user_id="ann", team_id=names[-1])


def promoted(team_id: str) -> UpdateMember:
    return UpdateMember(team_id, ByName("ann", None), "admin", {}, "budget")
