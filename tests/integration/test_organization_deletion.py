"""An organization ends with all its teams: at once by rule, then fact by fact (S12)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from events.budget import BudgetSettings
from events.envelope import Envelope
from events.team import TeamDeleted
from services.access.principal import AccessRefused
from services.command.application.chores import Chores
from services.command.application.organization_deletion import (
    KEYS_AT_ONCE,
    TEAMS_AT_ONCE,
    DeleteOrganizations,
)
from services.command.application.organizations import NewOrganization
from services.command.domain.errors import NotFound
from tests.support.eventlog import create_store
from tests.support.facts import organization_settings
from tests.support.loop import Writer, credential_of, opened_writer, until
from tests.support.organized import found_organization, found_teams
from tests.support.stored import count, stored_facts

TEAMS = [f"t{n}" for n in range(300)]
CHORES = "SELECT count(*) FROM ops.chores"
LINKS = "SELECT count(*) FROM ops.dependents WHERE parent = 'organization-o'"


@pytest.fixture
def url(database_url: str) -> str:
    create_store(database_url)
    found_organization(database_url, "o")
    return database_url


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    async with opened_writer(url) as opened:
        yield opened


async def delete(writer: Writer, *organization_ids: str) -> None:
    await writer.send(DeleteOrganizations(organization_ids), "/organization/delete")


def ends(url: str) -> Counter[str]:
    """How often each team's and key's end was recorded."""
    topics = ("team.deleted", "key.deleted")
    return Counter(fact.stream for fact in stored_facts(url) if fact.topic in topics)


async def refused(writer: Writer, names: Sequence[str]) -> bool:
    asked = [writer.identify(credential_of(name), "/team/info") for name in names]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return all(isinstance(answer, AccessRefused) for answer in answers)


async def test_few_teams_end_in_the_append_of_their_organization(url: str, writer: Writer) -> None:
    names = found_teams(url, "o", TEAMS[:TEAMS_AT_ONCE])
    await delete(writer, "o")
    assert len(ends(url)) == 2 * TEAMS_AT_ONCE
    assert set(ends(url).values()) == {1}
    assert [count(url, query) for query in (CHORES, LINKS)] == [0, 0]
    assert await refused(writer, names)
    commands = {f.body["meta"]["command"] for f in stored_facts(url) if f.topic == "team.deleted"}
    assert commands == {"DeleteOrganization"}


async def test_many_teams_are_void_at_once_and_end_later(url: str, writer: Writer) -> None:
    names = found_teams(url, "o", TEAMS)
    async with opened_writer(url) as other:
        assert (await other.identify(credential_of(names[0]), "/team/info")).team_id == "t0"
        await delete(writer, "o")
        assert ends(url) == Counter()
        for write in (writer.block("t1"), other.add("t2", "ann"), other.delete("t3")):
            with pytest.raises(NotFound):
                await write
        assert await refused(writer, names)
        assert await refused(other, names)
        await Chores(other.loop, other.pool).work_off()
        await Chores(other.loop, other.pool).work_off()
    assert len(ends(url)) == 2 * len(TEAMS)
    assert set(ends(url).values()) == {1}
    assert [count(url, query) for query in (CHORES, LINKS)] == [0, 0]


async def test_the_ends_name_the_fact_that_caused_them(url: str, writer: Writer) -> None:
    found_teams(url, "o", TEAMS)
    await delete(writer, "o")
    await Chores(writer.loop, writer.pool).work_off()
    [cause] = [f for f in stored_facts(url) if f.topic == "organization.deleted"]
    metas = [f.body["meta"] for f in stored_facts(url) if f.topic == "team.deleted"]
    assert {meta["causation_id"] for meta in metas} == {cause.body["id"]}
    assert {meta["correlation_id"] for meta in metas} == {cause.body["meta"]["correlation_id"]}


async def test_the_id_of_a_void_team_may_be_used_before_its_end_is_told(
    url: str, writer: Writer
) -> None:
    names = found_teams(url, "o", TEAMS)
    await delete(writer, "o")
    await writer.create("t7", "ann")
    assert set(ends(url)) >= {"team-t7"}
    await writer.make_key("new", team_id="t7", user_id="ann")
    await Chores(writer.loop, writer.pool).work_off()
    assert len(ends(url)) == 2 * len(TEAMS)
    assert set(ends(url).values()) == {1}
    assert (await writer.identify(credential_of("new"))).team_id == "t7"
    assert await refused(writer, names)


async def test_a_team_that_has_more_keys_than_one_append_takes(url: str, writer: Writer) -> None:
    names = found_teams(url, "o", ["t0", "t1"], keys=700)
    await delete(writer, "o")
    assert await refused(writer, names)
    for _ in range(2):
        await Chores(writer.loop, writer.pool).work_off()
    assert len(ends(url)) == 2 + len(names)
    assert count(url, CHORES) == 0


async def test_keys_of_its_own_end_with_an_organization_in_whatever_number(
    url: str, writer: Writer
) -> None:
    names = [f"own {n}" for n in range(KEYS_AT_ONCE + 30)]
    made = (writer.make_key(name, organization_id="o", key_alias=name) for name in names)
    await asyncio.gather(*made)
    await delete(writer, "o")
    assert len(ends(url)) == KEYS_AT_ONCE
    for name in names:
        await writer.make_key(f"next {name}", key_alias=name)
    assert len(ends(url)) == len(names)
    async with opened_writer(url) as cold:
        assert await refused(cold, names)
        await Chores(cold.loop, cold.pool).work_off()
    assert len(ends(url)) == len(names)
    assert set(ends(url).values()) == {1}
    causes = {f.data["cause"] for f in stored_facts(url) if f.topic == "key.deleted"}
    assert causes == {"organization"}
    assert [count(url, query) for query in (CHORES, LINKS)] == [0, 0]


async def test_what_was_left_half_done_is_resumed_by_another_process(
    url: str, writer: Writer
) -> None:
    found_teams(url, "o", TEAMS)
    await delete(writer, "o")
    first_chunk = asyncio.Event()

    def watch(envelopes: Sequence[Envelope]) -> None:
        if isinstance(envelopes[0].event, TeamDeleted):
            first_chunk.set()

    async with opened_writer(url, on_commit=watch) as stopped:
        chores = Chores(stopped.loop, stopped.pool)
        chores.start()
        await first_chunk.wait()
        await chores.stop()
    assert 0 < len(ends(url)) < 2 * len(TEAMS)
    async with opened_writer(url) as one, opened_writer(url) as two:
        working = [Chores(each.loop, each.pool) for each in (one, two)]
        for chores in working:
            chores.start()
        await until(lambda: count(url, CHORES) == 0)
        for chores in working:
            await chores.stop()
    assert len(ends(url)) == 2 * len(TEAMS)
    assert set(ends(url).values()) == {1}


async def test_several_organizations_are_deleted_or_none(url: str, writer: Writer) -> None:
    found_organization(url, "p")
    found_teams(url, "p", ["q"])
    with pytest.raises(NotFound):
        await delete(writer, "o", "p", "no")
    assert count(url, "SELECT count(*) FROM events.stored_events WHERE topic ~ 'deleted'") == 0
    await delete(writer, "o", "p", "o")
    deleted = [fact.stream for fact in stored_facts(url) if fact.topic.endswith(".deleted")]
    assert deleted[:3] == ["organization-o", "organization-p", "team-q"]


async def test_teams_of_the_next_life_of_an_organization_are_not_touched(
    url: str, writer: Writer
) -> None:
    found_teams(url, "o", TEAMS)
    await delete(writer, "o")
    settings = organization_settings()
    again = NewOrganization("o", fresh=False, settings=settings, budget=BudgetSettings())
    await writer.send(again, "/organization/new")
    names = found_teams(url, "o", ["next"])
    await Chores(writer.loop, writer.pool).work_off()
    assert len(ends(url)) == 2 * len(TEAMS)
    assert (await writer.identify(credential_of(names[0]), "/team/info")).team_id == "next"
    assert count(url, LINKS) == 1


async def test_many_organizations_are_deleted_by_one_request(url: str) -> None:
    names = [f"o{n}" for n in range(40)]
    async with opened_writer(url) as founding:
        for name in names:
            settings = organization_settings(budget_id=f"of {name}")
            made = NewOrganization(name, fresh=False, settings=settings, budget=BudgetSettings())
            await founding.send(made, "/organization/new")
            found_teams(url, name, [f"t {name}"])
    async with opened_writer(url) as cold:
        await delete(cold, *names)
        await Chores(cold.loop, cold.pool).work_off()
    assert len(ends(url)) == 2 * len(names)
