"""Large teams that come back: at once by rule, then by facts in portions (decision 012)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from events.streams import TEAM, USER, stream
from events.team import TeamCreated
from services.access.principal import AccessRefused, Principal
from services.command.application.chores import Chores, DeleteDependentKeys
from services.command.application.departures import DeleteUsers
from services.command.application.requests import MAX_EVENTS, Decision, Done
from services.command.application.restoration import (
    KEYS_AT_ONCE,
    RESTORE,
    Restored,
    RestoreTeam,
)
from services.command.application.reversion import REVERT, RevertTeam, To, past_of
from services.command.application.view import View
from services.command.domain import team
from services.command.domain.dependents import KEYS as KEYS_OF_TEAM
from services.command.domain.errors import TooLarge
from tests.support.eventlog import owner
from tests.support.facts import created, joined, user_created
from tests.support.loop import Writer, credential_of, opened_writer, token_of
from tests.support.organized import store
from tests.support.stored import count, stored_facts

MEMBERS, KEYS = 1_100, 130
CHORES = "SELECT count(*) FROM ops.chores"
IN_TEAM = "SELECT count(*) FROM ops.dependents WHERE kind = 'teams' AND child = 'team-t'"
NAMES = [f"key {n}" for n in range(KEYS)]


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    """A team "t" of ann and bob with so many keys of the team."""
    async with opened_writer(url) as opened:
        await opened.create("t", "ann", "bob")
        await asyncio.gather(*(opened.make_key(name, team_id="t") for name in NAMES))
        yield opened


def found_large_team(url: str) -> None:
    """A team "t" of so many members, all of them users, put into the log at once."""
    made: TeamCreated = created()
    names = [f"user {n}" for n in range(MEMBERS)]
    with owner(url) as conn:
        store(conn, [(stream(USER, name), user_created()) for name in names])
        store(conn, [(stream(TEAM, "t"), made), *((stream(TEAM, "t"), joined(n)) for n in names)])


@dataclass(frozen=True, slots=True)
class EndOfTeamAlone:
    """The team is deleted, and the ends of all its keys are left to do."""

    name: str = "DeleteTeam"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        name = stream(TEAM, "t")
        facts = [(name, fact) for fact in team.delete(view.team("t"), "t")]
        return Decision(facts, lambda _: {}, chores=[(name, KEYS_OF_TEAM)])


async def restore(writer: Writer, *, keys: bool = False) -> Restored:
    done = await writer.send(RestoreTeam("t", keys=keys), RESTORE)
    answer: Restored = done.answer["answer"]
    return answer


async def work_off(*writers: Writer) -> None:
    await asyncio.gather(*(Chores(w.loop, w.pool).work_off() for w in writers))


async def accepted(*writers: Writer) -> int:
    """How many of the keys each of these loops accepts; all agree."""
    asked = [[w.identify(credential_of(name), "/team/info") for name in NAMES] for w in writers]
    counted = set()
    for each in asked:
        answers = await asyncio.gather(*each, return_exceptions=True)
        refused = [isinstance(answer, AccessRefused) for answer in answers]
        counted.add(len(NAMES) - sum(refused))
    [number] = counted
    return number


def recorded(url: str, topic: str) -> Counter[str]:
    """How often that was recorded of each thing."""
    return Counter(fact.stream for fact in stored_facts(url) if fact.topic == topic)


def once() -> Counter[str]:
    return Counter(f"key-{token_of(name)}" for name in NAMES)


async def test_many_keys_come_back_in_portions(url: str, writer: Writer) -> None:
    async with opened_writer(url) as other:
        await writer.delete("t")
        answer = await restore(writer, keys=True)
        assert (answer.keys, answer.keys_to_follow) == ([], KEYS)
        assert KEYS > KEYS_AT_ONCE
        assert await accepted(writer, other) == 0
        await work_off(writer, other)
        assert await accepted(writer, other) == KEYS
    assert recorded(url, "key.restored") == once()
    assert count(url, CHORES) == 0


async def test_keys_that_are_not_asked_for_stay_void_while_their_ends_are_recorded(
    url: str, writer: Writer
) -> None:
    await writer.send(EndOfTeamAlone(), "/team/delete")
    await restore(writer)
    async with opened_writer(url) as other:
        assert await accepted(writer, other) == 0
        await work_off(writer, other)
        assert await accepted(writer, other) == 0
    assert recorded(url, "key.deleted") == once()
    await writer.delete("t")
    await restore(writer, keys=True)
    await work_off(writer)
    assert await accepted(writer) == 0


async def test_keys_come_back_though_their_ends_were_still_to_be_recorded(
    url: str, writer: Writer
) -> None:
    await writer.send(EndOfTeamAlone(), "/team/delete")
    answer = await restore(writer, keys=True)
    assert answer.keys_to_follow == KEYS
    async with opened_writer(url) as other:
        await work_off(writer, other)
        await work_off(writer, other)
        assert await accepted(writer, other) == KEYS
    ends, returns = recorded(url, "key.deleted"), recorded(url, "key.restored")
    assert returns == once()
    assert set(ends.values()) <= {1}
    assert count(url, CHORES) == 0


async def test_a_team_that_is_deleted_again_takes_back_what_was_to_follow(
    url: str, writer: Writer
) -> None:
    await writer.delete("t")
    await restore(writer, keys=True)
    await writer.delete("t")
    await work_off(writer)
    assert await accepted(writer) == 0
    assert recorded(url, "key.restored") == Counter()
    await restore(writer, keys=True)
    await work_off(writer)
    assert await accepted(writer) == KEYS


async def test_a_portion_that_was_chosen_too_early_ends_no_key_that_came_back(
    writer: Writer,
) -> None:
    await writer.delete("t")
    await restore(writer, keys=True)
    await work_off(writer)
    late = DeleteDependentKeys(tuple(token_of(name) for name in NAMES), "team")
    await writer.send(late, "/team/delete")
    assert await accepted(writer) == KEYS


async def test_members_of_a_large_team_are_looked_at_in_portions(url: str) -> None:
    found_large_team(url)
    async with opened_writer(url) as writer, opened_writer(url) as other:
        await writer.delete("t")
        await writer.send(DeleteUsers(["user 7", "user 1000"]), "/user/delete")
        answer = await restore(writer)
        assert (answer.departed, answer.members_to_check) == ([], MEMBERS)
        assert answer.team.members_total == MEMBERS
        await work_off(writer, other)
    assert count(url, IN_TEAM) == MEMBERS - 2
    left = [f.data["user_id"] for f in stored_facts(url) if f.topic == "team.member_removed"]
    assert sorted(left) == ["user 1000", "user 7"]
    back = [
        m["user_id"]
        for f in stored_facts(url)
        if f.topic == "team.members_restored"
        for m in f.data["members"]
    ]
    assert sorted(back) == sorted({f"user {n}" for n in range(MEMBERS)} - set(left))
    assert count(url, CHORES) == 0


async def test_a_revert_of_too_much_is_refused_as_a_whole(url: str) -> None:
    found_large_team(url)
    async with opened_writer(url) as writer:
        for start in range(MEMBERS, MAX_EVENTS + 10, 500):
            await writer.add("t", *(f"user {n}" for n in range(start, start + 500)))
        with pytest.raises(TooLarge, match="one command may record 2000"):
            await revert(writer, To(version=1))
        done = await revert(writer, To(version=MEMBERS + 1))
    assert len(done.answer["answer"].team.team.roster) == MEMBERS


async def revert(writer: Writer, to: To) -> Done:
    past = await past_of(writer.loop.facts(stream(TEAM, "t")), to)
    return await writer.send(RevertTeam("t", to, past), REVERT)
