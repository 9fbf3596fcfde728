"""A connection that is lost while a batch is being committed: nothing is lost, nothing doubled."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from services.access.principal import Principal
from services.command.application.requests import Command, Decision, Done, Unavailable
from services.command.application.view import View
from services.command.domain.errors import AlreadyExists
from services.database.connections import service_conninfo
from tests.support.loop import CREATOR, Writer, opened_writer, roster, until
from tests.support.proxy import Moment, Proxy, proxied
from tests.support.stored import (
    append_lock,
    append_lock_is_held,
    created,
    stored_facts,
    waiting_appends,
)

SESSIONS_ENDED = 30
END_SESSIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = %s AND datname = current_database()
"""
CUTS: list[Moment] = ["before", "half", "after", "answered"]


@pytest.fixture
async def through(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    async with proxied(service_conninfo(url)) as opened:
        yield opened


def positions(url: str) -> list[int]:
    return [fact.position for fact in stored_facts(url)]


@pytest.mark.parametrize("moment", CUTS)
async def test_an_append_that_is_cut_off_is_carried_out_once(
    url: str, through: tuple[Proxy, str], moment: Moment
) -> None:
    proxy, conninfo = through
    async with opened_writer(url, through=conninfo) as writer:
        for n in range(3):
            await writer.create(f"before {n}")
        cut = proxy.cut("team-t", moment)
        others = [writer.create(f"other {n}") for n in range(5)]
        done, *_ = await asyncio.gather(writer.create("t", "ann"), *others)
        assert cut.happened.is_set()
        assert [f.position for f in done.facts] == positions_of(url, done)
        added = await writer.add("t", "bob")
    assert roster(added) == ["ann", CREATOR, "bob"]
    assert [created(url, t) for t in ("t", *(f"other {n}" for n in range(5)))] == [1] * 6
    assert positions(url) == list(range(1, added.position + 1))


def positions_of(url: str, done: Done) -> list[int]:
    """Where the store has the events that the answer is about."""
    ids = {fact.event_id for fact in done.facts}
    return [fact.position for fact in stored_facts(url) if fact.body["id"] in ids]


@pytest.mark.parametrize("moment", CUTS)
async def test_a_commit_that_is_cut_off_is_carried_out_once(
    url: str, through: tuple[Proxy, str], moment: Moment
) -> None:
    """After another process was faster the batch is decided and appended in one transaction."""
    proxy, conninfo = through
    async with opened_writer(url, through=conninfo) as writer, opened_writer(url) as other:
        await writer.create("t")
        await other.add("t", "ann")
        cut = proxy.cut("COMMIT", moment)
        done = await writer.add("t", "bob")
        assert cut.happened.is_set()
        assert roster(done) == [CREATOR, "ann", "bob"]
        assert roster(await other.add("t", "cid")) == [CREATOR, "ann", "bob", "cid"]
        assert roster(await writer.add("t", "dan"))[-2:] == ["cid", "dan"]
    facts = positions(url)
    assert facts == list(range(1, len(facts) + 1))


@pytest.mark.parametrize("moment", CUTS)
async def test_others_may_write_before_the_outcome_is_settled(
    url: str, through: tuple[Proxy, str], moment: Moment
) -> None:
    proxy, conninfo = through
    async with opened_writer(url, through=conninfo) as writer, opened_writer(url) as other:
        await writer.create("t")
        cut = proxy.cut("user-ann", moment)
        adding = asyncio.create_task(writer.add("t", "ann"))
        await cut.happened.wait()
        await other.add("t", "bob")
        await adding
        assert sorted(roster(await writer.add("t", "cid"))) == ["ann", "bob", "cid", CREATOR]
    added = [f.data["user_id"] for f in stored_facts(url) if f.topic == "team.member_added"]
    assert sorted(added) == ["ann", "bob", "cid", CREATOR]


async def test_a_ghost_that_still_waits_for_the_lock_does_no_harm(
    url: str, through: tuple[Proxy, str]
) -> None:
    """The dead session's append is carried out first, and found by the one that asks again."""
    proxy, conninfo = through
    async with opened_writer(url, through=conninfo) as writer:
        await writer.create("before")
        with append_lock(url) as holder:
            cut = proxy.cut("team-t", "after")
            creating = asyncio.create_task(writer.create("t"))
            await cut.happened.wait()
            await until(lambda: waiting_appends(holder) == 2)
            assert created(url, "t") == 0
        done = await creating
        await writer.add("t", "ann")
    assert created(url, "t") == 1
    assert positions(url) == list(range(1, done.position + 3))


async def test_a_ghost_that_arrives_late_does_no_harm(url: str, through: tuple[Proxy, str]) -> None:
    """Its batch was appended meanwhile: it finds another head and writes nothing."""
    proxy, conninfo = through
    async with opened_writer(url, through=conninfo) as writer:
        await writer.create("before")
        cut = proxy.cut("team-t", "delayed")
        done = await writer.create("t")
        await cut.release()
        assert positions(url) == list(range(1, done.position + 1))
        assert roster(await writer.add("t", "ann")) == [CREATOR, "ann"]
    assert created(url, "t") == 1


async def test_a_connection_that_falls_silent_is_replaced(
    url: str, through: tuple[Proxy, str]
) -> None:
    proxy, conninfo = through
    async with opened_writer(url, through=conninfo, deadline=1.0) as writer:
        await writer.create("before")
        cut = proxy.cut("team-t", "frozen")
        with pytest.raises(Unavailable) as refused:
            await writer.create("t")
        assert refused.value.outcome == "unknown"
        await again(writer, "u")
        await cut.release()
        await again(writer, "t")
    assert [created(url, team_id) for team_id in ("t", "u")] == [1, 1]


async def again(writer: Writer, team_id: str) -> None:
    """Ask until the team is there, however often the service asks for patience."""
    async with asyncio.timeout(60):
        while True:
            try:
                await writer.create(team_id)
            except Unavailable:
                continue
            except AlreadyExists:
                pass
            return


@dataclass
class StallsUnderTheLock:
    """A command that takes its time once, when it is decided while its batch holds the lock."""

    command: Command
    url: str
    name: str = "Stall"
    stalled: bool = False

    def decide(self, view: View, caller: Principal) -> Decision:
        if not self.stalled and append_lock_is_held(self.url):
            self.stalled = True
            time.sleep(0.3)
        return self.command.decide(view, caller)


async def test_a_session_that_idled_too_long_under_the_lock_is_replaced(url: str) -> None:
    role = "-c role=teamledger_service"
    impatient = f"{role} -c idle_in_transaction_session_timeout=100"
    conninfo = make_conninfo(service_conninfo(url), options=impatient)
    async with opened_writer(url, through=conninfo) as writer, opened_writer(url) as other:
        await writer.create("t")
        await other.add("t", "ann")
        slow = StallsUnderTheLock(writer.new_team("slow"), url)
        await writer.send(slow, "/team/new")
        assert slow.stalled
        assert roster(await writer.add("t", "bob")) == [CREATOR, "ann", "bob"]
    assert created(url, "slow") == 1


async def test_sessions_ended_at_random_moments_lose_and_double_nothing(url: str) -> None:
    conninfo = make_conninfo(service_conninfo(url), application_name="victim")
    over = asyncio.Event()
    async with opened_writer(url, through=conninfo) as writer, opened_writer(url) as other:
        clients = [keep_creating(writer, f"a{n}", over) for n in range(6)]
        clients += [keep_creating(other, f"b{n}", over) for n in range(2)]
        ended, acknowledged = await asyncio.gather(end_sessions(url, over), gathered(clients))
        await writer.create("afterwards")
    assert ended == SESSIONS_ENDED
    facts = stored_facts(url)
    teams = Counter(f.stream for f in facts if f.topic == "team.created")
    assert teams == Counter(f"team-{t}" for t in ["afterwards", *acknowledged])
    members = Counter(f.data["user_id"] for f in facts if f.topic == "team.member_added")
    del members[CREATOR]
    assert members == Counter(f"member of {team_id}" for team_id in acknowledged)
    assert positions(url) == list(range(1, len(facts) + 1))


async def gathered(clients: Iterable[Awaitable[list[str]]]) -> list[str]:
    return [team_id for ids in await asyncio.gather(*clients) for team_id in ids]


async def keep_creating(writer: Writer, name: str, over: asyncio.Event) -> list[str]:
    """Teams of one member who is added afterwards; the acknowledged ones."""
    acknowledged: list[str] = []
    while not over.is_set():
        team_id = f"{name}-{len(acknowledged)}"
        await writer.create(team_id)
        await writer.add(team_id, f"member of {team_id}")
        acknowledged.append(team_id)
    return acknowledged


async def end_sessions(url: str, over: asyncio.Event) -> int:
    """End the victim's session again and again; how often there was one to end."""
    moments = random.Random(7)
    ended = 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        while ended < SESSIONS_ENDED:
            cursor = await conn.execute(END_SESSIONS, ("victim",))
            row = await cursor.fetchone()
            ended += row[0] if row else 0
            await asyncio.sleep(moments.uniform(0, 0.15))
    over.set()
    return ended
