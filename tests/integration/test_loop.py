"""The command loop: parallel commands, several loops on one database, bounds and deadlines."""

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import suppress

import pytest

from services.command.application.requests import Done, Unavailable
from services.command.domain.errors import AlreadyExists, AlreadyMember, TooLarge
from tests.support.loop import CREATOR, Writer, opened_writer, roster, until
from tests.support.processes import add_members, create_one_team, two_processes
from tests.support.stored import append_lock, count, created, stored_facts, waiting_appends

EVENTS = "SELECT count(*) FROM events.stored_events"


async def outcomes(commands: Iterable[Awaitable[Done]]) -> tuple[list[Done], list[BaseException]]:
    """What came of commands sent at once: answers, and refusals."""
    found = await asyncio.gather(*commands, return_exceptions=True)
    done = [outcome for outcome in found if isinstance(outcome, Done)]
    return done, [outcome for outcome in found if isinstance(outcome, BaseException)]


def members_stored(url: str, team_id: str) -> list[str]:
    facts = [f for f in stored_facts(url) if f.stream == f"team-{team_id}"]
    assert [f.version for f in facts] == list(range(1, len(facts) + 1))
    return [f.data["user_id"] for f in facts if f.topic == "team.member_added"]


async def test_fifty_parallel_additions_leave_fifty_one_members(url: str) -> None:
    users = [f"user {n}" for n in range(50)]
    async with opened_writer(url) as writer:
        await writer.create("t")
        done, refused = await outcomes(writer.add("t", user) for user in users)
        assert (len(done), refused) == (50, [])
        with pytest.raises(AlreadyMember):
            await writer.add("t", "user 7")
        last = await writer.add("t", "one more")
    assert sorted(roster(last)) == sorted([CREATOR, *users, "one more"])
    assert members_stored(url, "t") == roster(last)


async def test_fifty_parallel_additions_through_two_loops(url: str) -> None:
    users = [f"user {n}" for n in range(50)]
    async with opened_writer(url) as a, opened_writer(url) as b:
        await a.create("t")
        turns = zip(users, [a, b] * 25, strict=True)
        done, refused = await outcomes(writer.add("t", user) for user, writer in turns)
        assert (len(done), refused) == (50, [])
        seen = [roster(await writer.add("t", f"last {n}")) for n, writer in enumerate((a, b))]
    assert sorted(seen[1]) == sorted([CREATOR, *users, "last 0", "last 1"])
    assert members_stored(url, "t") == seen[1]


async def test_parallel_additions_from_two_processes(url: str) -> None:
    async with opened_writer(url) as writer:
        await writer.create("t")
        async with two_processes() as (one, two):
            acknowledged = await asyncio.gather(
                one(add_members, url, "t", "one", 25),
                two(add_members, url, "t", "two", 25),
            )
        assert [len(users) for users in acknowledged] == [25, 25]
        last = await writer.add("t", "last")
    assert sorted(roster(last)) == sorted([CREATOR, *acknowledged[0], *acknowledged[1], "last"])
    assert members_stored(url, "t") == roster(last)


@pytest.mark.parametrize("loops", [1, 2])
async def test_of_twenty_parallel_creations_one_succeeds(url: str, loops: int) -> None:
    async with opened_writer(url) as a, opened_writer(url) as b:
        writers = [a, b][:loops] * (20 // loops)
        done, refused = await outcomes(writer.create("same") for writer in writers)
    assert [type(refusal) for refusal in refused] == [AlreadyExists] * 19
    assert len(done) == 1
    assert created(url, "same") == 1


async def test_of_parallel_creations_in_two_processes_one_succeeds(url: str) -> None:
    async with two_processes() as (one, two):
        acknowledged = await asyncio.gather(
            one(create_one_team, url, "same", 10), two(create_one_team, url, "same", 10)
        )
    assert sorted(map(len, acknowledged)) == [0, 1]
    assert created(url, "same") == 1


async def test_five_thousand_facts_of_others_are_caught_up_with(url: str) -> None:
    async with opened_writer(url) as idle, opened_writer(url) as busy:
        await idle.create("t", "ann")
        for n in range(4):
            await busy.create(f"large {n}", *(f"member {n} {m}" for m in range(900)))
        await busy.add("t", "bob")
        await busy.remove("t", "ann")
        before = count(url, EVENTS)
        assert before > 5_000 + 4
        done = await idle.add("t", "cid")
        assert roster(done) == [CREATOR, "bob", "cid"]
        assert done.position == before + 2
        assert roster(await idle.add("t", "ann")) == [CREATOR, "bob", "cid", "ann"]


async def test_a_command_of_more_than_two_thousand_events_is_refused_whole(url: str) -> None:
    async with opened_writer(url) as writer:
        await writer.create("before")
        events = count(url, EVENTS)
        with pytest.raises(TooLarge, match=r"2002 events, .*2000"):
            await writer.create("large", *(f"user {n}" for n in range(1_000)))
        assert count(url, EVENTS) == events
        done = await writer.create("large", *(f"user {n}" for n in range(999)))
    assert len(done.facts) == 2_000
    assert count(url, EVENTS) == events + 2_000


async def test_a_fact_of_more_than_256_kib_is_refused(url: str) -> None:
    async with opened_writer(url) as writer:
        await writer.create("t", metadata={"text": "a" * 150_000})
        events = count(url, EVENTS)
        with pytest.raises(TooLarge, match="262144"):
            await writer.replace_metadata("t", {"text": "b" * 150_000})
        assert count(url, EVENTS) == events
        done = await writer.replace_metadata("t", {"text": "b" * 100_000})
    assert done.answer["metadata"] == {"text": "b" * 100_000}


async def test_batches_close_at_two_thousand_events(url: str) -> None:
    """Who waits for a state that must be loaded is not lost when his batch is closed early."""
    async with opened_writer(url) as first:
        await first.create("cold", "ann")
    async with opened_writer(url) as writer:
        large = [f"user {n}" for n in range(998)]
        done, refused = await outcomes(
            [
                writer.add("cold", "bob"),
                writer.create("large 1", *(f"{user} of 1" for user in large)),
                writer.create("large 2", *(f"{user} of 2" for user in large)),
                writer.create("small"),
            ]
        )
    assert (len(done), refused) == (4, [])
    assert roster(done[0]) == ["ann", CREATOR, "bob"]
    assert created(url, "small") == 1


async def test_a_team_deleted_in_the_same_batch_is_no_team_of_its_members(url: str) -> None:
    async with opened_writer(url) as writer:
        for team_id in ("gone", "kept"):
            await writer.create(team_id, "ann")
        for team_id in ("new", "newer"):
            await writer.create(team_id)
        await writer.add("new", "ann")
        _, done = await asyncio.gather(writer.delete("gone"), writer.add("newer", "ann"))
    assert teams_of_added(done) == {"ann": ["kept", "new", "newer"]}


def teams_of_added(done: Done) -> dict[str, list[str]]:
    return {user["user_id"]: user["teams"] for user in done.answer["updated_users"]}


async def test_the_smallest_cache_gives_the_same_answers(url: str) -> None:
    async with opened_writer(url, cache_bytes=1) as a, opened_writer(url, cache_bytes=1) as b:
        for n in range(5):
            await a.create(f"t{n}", "ann")
        for n in range(5):
            assert roster(await b.add(f"t{n}", "bob")) == ["ann", CREATOR, "bob"]
            assert roster(await a.remove(f"t{n}", "ann")) == [CREATOR, "bob"]
        with pytest.raises(AlreadyMember):
            await b.add("t0", "bob")


async def test_a_held_lock_ends_in_honest_refusals_at_the_deadline(url: str) -> None:
    async with opened_writer(url, deadline=1.0) as writer:
        await writer.create("before")
        with append_lock(url) as holder:
            teams = {f"t{n}": asyncio.create_task(writer.create(f"t{n}")) for n in range(5)}
            await until(lambda: waiting_appends(holder) == 1)
            teams |= {f"t{n}": asyncio.create_task(writer.create(f"t{n}")) for n in range(5, 10)}
            done, refused = await outcomes(teams.values())
        assert (len(done), [type(refusal) for refusal in refused]) == (0, [Unavailable] * 10)
        assert {outcome_of(teams[f"t{n}"]) for n in range(5)} == {"unknown"}
        for team_id, refusal in teams.items():
            assert created(url, team_id) <= (outcome_of(refusal) == "unknown")
            await created_after_all(writer, team_id)
    assert [created(url, team_id) for team_id in teams] == [1] * 10


def outcome_of(refusal: asyncio.Task[Done]) -> str:
    error = refusal.exception()
    assert isinstance(error, Unavailable)
    return error.outcome


async def created_after_all(writer: Writer, team_id: str) -> None:
    """Whoever does not know whether his team is there can simply ask for it again."""
    with suppress(AlreadyExists):
        await writer.create(team_id)


async def test_a_full_queue_refuses_at_once(url: str) -> None:
    async with opened_writer(url, queue_size=2) as writer:
        await writer.create("before")
        with append_lock(url) as holder:
            accepted = [asyncio.create_task(writer.create("t0"))]
            await until(lambda: waiting_appends(holder) == 1)
            accepted += [asyncio.create_task(writer.create(f"t{n}")) for n in (1, 2)]
            await until(lambda: writer.loop.queued == 2)
            with pytest.raises(Unavailable) as refused:
                await writer.create("t3")
            assert refused.value.outcome == "not executed"
        done, refusals = await outcomes(accepted)
        assert (len(done), refusals) == (3, [])
        await writer.create("t3")
    assert [created(url, f"t{n}") for n in range(4)] == [1] * 4


async def test_a_loop_that_stops_finishes_what_is_queued(url: str) -> None:
    async with opened_writer(url) as writer:
        await writer.create("before")
        with append_lock(url) as holder:
            accepted = [asyncio.create_task(writer.create("t0"))]
            await until(lambda: waiting_appends(holder) == 1)
            accepted += [asyncio.create_task(writer.create(f"t{n}")) for n in range(1, 10)]
            await until(lambda: writer.loop.queued == 9)
            stopping = asyncio.create_task(writer.loop.stop())
        await stopping
        done, refused = await outcomes(accepted)
        assert (len(done), refused) == (10, [])
        with pytest.raises(Unavailable) as late:
            await writer.create("late")
    assert late.value.outcome == "not executed"
    assert created(url, "late") == 0
