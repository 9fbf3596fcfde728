"""Restoring a team with all that hangs on it: what comes back, what is left out, who may."""

from typing import Any

import pytest

from events.key import KeyRestored
from events.streams import KEY, KEY_ALIAS, ORGANIZATION, USER, stream
from events.team import TeamRestored
from services.access.principal import MASTER_USER, AccessRefused
from services.command.application.departures import DeleteUsers
from services.command.application.keys import DeleteKeys, alias_digest
from services.command.application.members import AddMembers, RemoveMember
from services.command.application.names import ByName
from services.command.application.organization_deletion import DeleteOrganizations
from services.command.application.organizations import ReviseOrganization
from services.command.application.restoration import RESTORE, Restored, RestoreTeam
from services.command.application.teams import DeleteTeams
from services.command.application.users import NewUser
from services.command.domain.dependents import KEYS, TEAMS, revoked_keys
from services.command.domain.errors import (
    AlreadyExists,
    NotFound,
    OrganizationGone,
    OutsideOrganization,
    OverAllowance,
    OverOrganization,
)
from tests.support.core_team import (
    CORE,
    PEOPLE,
    SECRETS,
    accepted,
    by_lea,
    core_team,
    done,
    facts_since,
    links_to,
    new_key,
    new_organization,
    new_team,
    organized_team,
    restored,
)
from tests.support.facts import user_settings
from tests.support.people import WRAPPED
from tests.support.process import Process


@pytest.fixture
async def process() -> Process:
    return await core_team()


async def test_a_restored_team_is_in_the_same_life_with_its_members(process: Process) -> None:
    before = links_to(process, CORE)
    found = await restored_after_deletion(process)
    assert (found.team.team.incarnation, found.team.team.settings.metadata) == (1, {"a": 1})
    assert [m.user_id for m in found.team.members] == ["ann", "bob", MASTER_USER]
    assert (found.departed, found.keys, found.lost) == ([], [], [])
    assert links_to(process, CORE) == before


async def restored_after_deletion(process: Process, *, keys: bool = False) -> Restored:
    await done(process, DeleteTeams(["core"]))
    return await restored(process, keys=keys)


async def test_keys_stay_revoked_unless_they_are_asked_for(process: Process) -> None:
    await restored_after_deletion(process)
    assert await accepted(process, "one", "two", "of ann") == []
    await done(process, new_key("three", team_id="core", key_alias="first"))
    assert await accepted(process, "three") == ["three"]


async def test_keys_that_went_with_the_team_come_back_with_it(process: Process) -> None:
    await done(process, DeleteKeys([("two", SECRETS["two"].token)], []))
    before = links_to(process, stream(KEY, SECRETS["one"].token))
    found = await restored_after_deletion(process, keys=True)
    assert await accepted(process, "one", "two", "of ann") == ["one", "of ann"]
    assert {one.token for one in found.keys} == {SECRETS[n].token for n in ("one", "of ann")}
    assert process.cache.state(stream(KEY_ALIAS, alias_digest("first"))) is not None
    with pytest.raises(AlreadyExists):
        await done(process, new_key("three", team_id="core", key_alias="first"))
    assert links_to(process, stream(KEY, SECRETS["one"].token)) == before


async def test_an_alias_that_somebody_took_is_left_out(process: Process) -> None:
    await done(process, DeleteTeams(["core"]), new_key("three", key_alias="first"))
    found = await restored(process, keys=True)
    assert [(one.token, one.alias) for one in found.keys if one.taken] == [
        (SECRETS["one"].token, "first")
    ]
    assert await accepted(process, "one", "three") == ["one", "three"]
    [back] = [
        event.settings.key_alias
        for name, event in facts_since(process, 0)
        if isinstance(event, KeyRestored) and name == stream(KEY, SECRETS["one"].token)
    ]
    assert back is None


async def test_who_was_deleted_meanwhile_is_left_out_with_his_keys(process: Process) -> None:
    await done(process, DeleteTeams(["core"]), DeleteUsers(["ann"]))
    found = await restored(process, keys=True)
    assert (found.departed, found.lost) == (["ann"], [SECRETS["of ann"].token])
    assert [m.user_id for m in found.team.members] == ["bob", MASTER_USER]
    assert await accepted(process, "one", "of ann") == ["one"]
    assert (stream(USER, "ann"), TEAMS) not in links_to(process, CORE)


async def test_a_user_of_the_same_id_is_somebody_else(process: Process) -> None:
    again = NewUser("ann", False, user_settings(), None, WRAPPED, None, [])  # noqa: FBT003
    await done(process, DeleteTeams(["core"]), DeleteUsers(["ann"]), again)
    found = await restored(process, keys=True)
    assert found.departed == ["ann"]
    assert await accepted(process, "of ann") == []


async def test_the_key_of_a_membership_that_ended_before_stays_revoked(process: Process) -> None:
    await done(process, RemoveMember("core", ByName("ann", None)))
    again = AddMembers("core", [PEOPLE.candidate("ann")], single=True)
    found_before = await done(process, again)
    found = await restored_after_deletion(process, keys=True)
    assert [m.user_id for m in found.team.members] == [
        member.user_id for member in found_before.members
    ]
    assert await accepted(process, "of ann", "one") == ["one"]


async def test_keys_that_were_left_behind_once_do_not_come_back_later(process: Process) -> None:
    await restored_after_deletion(process)
    await done(process, new_key("three", team_id="core"))
    await restored_after_deletion(process, keys=True)
    assert await accepted(process, "one", "two", "of ann", "three") == ["three"]


async def test_keys_come_back_every_time_they_are_asked_for(process: Process) -> None:
    for _ in range(2):
        await restored_after_deletion(process, keys=True)
        assert await accepted(process, "one", "two", "of ann") == ["one", "two", "of ann"]


async def test_what_hangs_on_a_later_life_is_another_life_s(process: Process) -> None:
    await done(process, DeleteTeams(["core"]), new_team("core"), DeleteTeams(["core"]))
    found = await restored(process, keys=True)
    assert ([m.user_id for m in found.team.members], found.keys) == ([MASTER_USER], [])
    assert found.team.team.incarnation > 1


async def test_a_team_is_restored_once(process: Process) -> None:
    with pytest.raises(AlreadyExists):
        await restored(process)
    await restored_after_deletion(process)
    with pytest.raises(AlreadyExists):
        await restored(process)
    with pytest.raises(NotFound):
        await done(process, RestoreTeam("nobody's", keys=False))


async def test_the_keys_of_a_life_are_linked_until_they_are_back(process: Process) -> None:
    token = stream(KEY, SECRETS["one"].token)
    await done(process, DeleteTeams(["core"]))
    assert links_to(process, token) == {(CORE, revoked_keys(1))}
    await restored(process, keys=True)
    assert links_to(process, token) == {(CORE, KEYS)}


async def test_the_whole_team_is_told_by_few_facts(process: Process) -> None:
    await done(process, DeleteTeams(["core"]))
    position = await process.log.head()
    await restored(process)
    told = [event.type_name for _, event in facts_since(process, position)]
    assert told == [TeamRestored.type_name, "team.members_restored"]


# Organizations


@pytest.fixture
async def organized(process: Process) -> Process:
    return await organized_team(process)


async def test_a_team_takes_up_its_share_again(organized: Process) -> None:
    name = stream(ORGANIZATION, "acme")
    state: Any = organized.cache.state(name)
    assert "core" not in state.allowances
    await restored(organized)
    state = organized.cache.state(name)
    assert state.allowances["core"].tpm_limit == 600
    assert (name, TEAMS) in links_to(organized, CORE)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"max_budget": 5}, OverOrganization),
        ({"tpm_limit": 500}, OverOrganization),
        ({"models": ["llama"]}, OutsideOrganization),
    ],
)
async def test_it_has_to_fit_into_its_organization_as_that_is_now(
    organized: Process, change: dict[str, Any], refusal: type[Exception]
) -> None:
    own = {name: change[name] for name in change if name == "models"}
    budget = {name: change[name] for name in change if name != "models"}
    await done(organized, ReviseOrganization("acme", own, budget))
    with pytest.raises(refusal):
        await restored(organized)


async def test_what_it_was_guaranteed_may_be_given_away_by_now(organized: Process) -> None:
    taken = {"limits": {"tpm_limit": 500}, "metadata": {"tpm_limit_type": "guaranteed_throughput"}}
    await done(organized, new_team("other", organization_id="acme", models=["gpt"], **taken))
    with pytest.raises(OverAllowance):
        await restored(organized)


async def test_a_team_does_not_outlive_its_organization(organized: Process) -> None:
    await done(organized, DeleteOrganizations(["acme"]))
    with pytest.raises(OrganizationGone):
        await restored(organized)
    await done(organized, new_organization("acme", "second"))
    with pytest.raises(OrganizationGone):
        await restored(organized)


async def test_admins_of_the_organization_bring_its_teams_back_and_no_others(
    organized: Process,
) -> None:
    await done(organized, new_team("foreign"), DeleteTeams(["foreign"]))
    for team_id in ("foreign", "unknown"):
        refused = await by_lea(organized, RestoreTeam(team_id, keys=False), RESTORE)
        assert isinstance(refused, AccessRefused), team_id
        assert refused.status == 403
    back = await by_lea(organized, RestoreTeam("core", keys=False), RESTORE)
    assert isinstance(back, Restored)
    assert isinstance(organized.log.envelopes[-1].meta.actor, str)
