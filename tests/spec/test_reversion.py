"""Taking a team back to an earlier moment: which moments, with whom, and who may."""

from typing import Any

import pytest

from services.access.principal import MASTER_USER, AccessRefused
from services.command.application.departures import DeleteUsers
from services.command.application.members import AddMembers, RemoveMember
from services.command.application.names import ByName
from services.command.application.reversion import REVERT, Reverted, RevertTeam, To, past_of
from services.command.application.teams import ReviseTeam
from services.command.domain.errors import (
    ChangedMeanwhile,
    NotThen,
)
from tests.support.core_team import (
    CORE,
    PEOPLE,
    accepted,
    by_lea,
    core_team,
    done,
    new_key,
    new_team,
    organized_team,
    restored,
)
from tests.support.process import Process


@pytest.fixture
async def process() -> Process:
    return await core_team()


@pytest.fixture
async def organized(process: Process) -> Process:
    return await organized_team(process)


async def past(process: Process, to: To) -> RevertTeam:
    async def facts() -> Any:  # noqa: ANN401
        for at in await process.log.facts(CORE, 0, 10**6):
            yield at

    return RevertTeam("core", to, await past_of(facts(), to))


async def test_a_team_goes_back_with_its_members_and_keys_of_who_leaves(process: Process) -> None:
    version, position = 4, await process.log.head()
    joining = AddMembers("core", [PEOPLE.candidate("eve")], single=True)
    await done(process, joining, new_key("three", team_id="core", user_id="eve"))
    await done(process, RemoveMember("core", ByName("bob", None)))
    await done(process, ReviseTeam("core", {"team_alias": "New"}))
    for to in (To(version=version), To(position=position)):
        command = await past(process, to)
        found: Reverted = await done(process, command)
        assert found.past.last.originator_version == version
    assert found.team.team.settings.team_alias is None
    assert sorted(m.user_id for m in found.team.members) == ["ann", "bob", MASTER_USER]
    assert await accepted(process, "one", "of ann", "three") == ["one", "of ann"]


async def test_who_was_deleted_since_is_told(process: Process) -> None:
    command = await past(process, To(version=4))
    await done(process, DeleteUsers(["bob"]))
    command = await past(process, To(version=4))
    found: Reverted = await done(process, command)
    assert found.departed == ["bob"]
    assert [m.user_id for m in found.team.members] == ["ann", MASTER_USER]


async def test_what_is_to_come_cannot_be_gone_back_to(process: Process) -> None:
    head = await process.log.head()
    later = To(time=process.cache.recorded_at.replace(year=9000))
    for to in (To(version=5), To(position=head + 1), later):
        command = await past(process, to)
        with pytest.raises(NotThen) as refused:
            await done(process, command)
        assert refused.value.ahead
    with pytest.raises(NotThen) as before:
        await done(process, await past(process, To(position=0)))
    assert not before.value.ahead


async def test_a_past_that_was_read_too_early_is_refused(process: Process) -> None:
    now = process.log.envelopes[-1].recorded_at
    command = await past(process, To(time=now))
    await done(process, ReviseTeam("core", {"team_alias": "New"}))
    with pytest.raises(ChangedMeanwhile):
        await done(process, command)


async def test_strangers_learn_nothing_of_what_a_team_was(organized: Process) -> None:
    await restored(organized)
    await done(organized, new_team("foreign"))
    for team_id in ("foreign", "unknown"):
        command = RevertTeam(team_id, To(version=1), None)
        refused = await by_lea(organized, command, REVERT)
        assert isinstance(refused, AccessRefused), team_id


async def test_who_takes_a_team_out_of_the_organization_is_a_proxy_admin(
    organized: Process,
) -> None:
    await restored(organized)
    command = await past(organized, To(version=4))
    assert isinstance(await by_lea(organized, command, REVERT), AccessRefused)
    found: Reverted = await done(organized, command)
    assert found.team.team.settings.organization_id is None
