"""/organization/info and /organization/list, and teams of an organization that is gone."""

from collections.abc import AsyncIterator

import pytest

from events.organization import (
    OrganizationDeleted,
    OrganizationMemberBudgetChanged,
    OrganizationMemberRoleChanged,
)
from events.streams import BUDGET, ORGANIZATION, Stream, stream
from events.team import TeamDeleted, TeamMovedToOrganization
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.projection.queries.organization_parts import TEAMS_SHOWN
from tests.support.facts import (
    budget_created,
    created,
    entered,
    limits,
    organization_created,
    organization_settings,
    settings,
)
from tests.support.postgres import fresh_database
from tests.support.reading import World, reading, team

INFO, LIST = "/organization/info", "/organization/list"
ENDED = OrganizationDeleted(settings=organization_settings())


def org(organization_id: str) -> Stream:
    return stream(ORGANIZATION, organization_id)


@pytest.fixture
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann leads `o`, bob is in it; team `t` of `o` has bob and a key, `free` is in none."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            for name in ("ann", "bob", "eve"):
                await world.user(name, f"{name}@example.com")
                world.key(f"sk-{name}", user_id=name)
            world.tell((stream(BUDGET, "b"), budget_created(max_budget=9)))
            world.tell((org("o"), organization_created()), (org("o"), entered("ann", "org_admin")))
            world.tell((org("o"), entered("bob", own=limits(max_budget=1))))
            world.team("t", {"bob": "user"}, organization_id="o")
            world.team("other", {"eve": "user"}, organization_id="o")
            world.team("free", {"bob": "user"})
            world.key("sk-t", team_id="t", user_id="bob")
            world.key("sk-free", team_id="free")
            await world.settled()
            yield world


async def test_info_tells_all_there_is(world: World) -> None:
    told = await world.ok(INFO, "sk-ann", organization_id="o")
    assert told["litellm_budget_table"]["max_budget"] == 9.0
    assert [(m["user_id"], m["user_email"], m["user_role"]) for m in told["members"]] == [
        ("ann", "ann@example.com", "org_admin"),
        ("bob", "bob@example.com", "internal_user"),
    ]
    assert told["members"][1]["litellm_budget_table"]["max_budget"] == 1.0
    assert told["members"][1]["user"]["user_email"] == "bob@example.com"
    assert "password" not in told["members"][1]["user"]
    assert [t["team_id"] for t in told["teams"]] == ["other", "t"]
    assert told["teams"][1]["members_with_roles"][0]["user_email"] == "bob@example.com"


async def test_changes_of_members_are_told(world: World) -> None:
    before, after = limits(max_budget=1), limits(max_budget=2)
    world.tell(
        (org("o"), OrganizationMemberBudgetChanged(user_id="bob", before=before, after=after)),
        (
            org("o"),
            OrganizationMemberRoleChanged(user_id="bob", before="internal_user", after="org_admin"),
        ),
    )
    told = await world.ok(INFO, "sk-bob", organization_id="o")
    bob = told["members"][1]
    assert (bob["user_role"], bob["litellm_budget_table"]["max_budget"]) == ("org_admin", 2.0)
    assert bob["updated_at"] > bob["created_at"]


async def test_a_member_is_listed_himself_and_his_own_teams(world: World) -> None:
    [told] = await world.ok(LIST, "sk-bob")
    assert [m["user_id"] for m in told["members"]] == ["bob"]
    assert [t["team_id"] for t in told["teams"]] == ["t"]
    assert await world.ok(LIST, "sk-eve") == []
    [whole] = await world.ok(LIST)
    assert [t["team_id"] for t in whole["teams"]] == ["other", "t"]


async def test_a_list_cuts_many_teams_and_info_shows_all(world: World) -> None:
    many = [f"many {n}" for n in range(TEAMS_SHOWN)]
    world.tell(*((team(name), created(organization_id="o")) for name in many))
    [told] = await world.ok(LIST)
    assert (len(told["teams"]), told["teams_total"]) == (TEAMS_SHOWN, TEAMS_SHOWN + 2)
    assert len((await world.ok(INFO, organization_id="o"))["teams"]) == TEAMS_SHOWN + 2


async def test_teams_are_gone_with_their_organization_before_their_own_facts(world: World) -> None:
    assert (await world.get("/key/info", "sk-t")).status_code == 200
    world.tell((org("o"), ENDED))
    assert (await world.get("/key/info", "sk-t")).status_code == 401
    assert (await world.get("/key/info", "sk-free")).status_code == 200
    assert (await world.get("/key/info", key=hash_key("sk-t"))).status_code == 404
    assert (await world.get("/team/info", team_id="t")).status_code == 404
    assert [t["team_id"] for t in await world.ok("/team/list")] == ["free"]
    assert [t["team_id"] for t in (await world.ok("/v2/team/list"))["teams"]] == ["free"]
    archived = (await world.ok("/v2/team/list", status="deleted"))["teams"]
    assert {t["team_id"] for t in archived} == {"t", "other"}
    assert (await world.ok("/user/info", user_id="bob"))["user_info"]["teams"] == ["free"]
    assert hash_key("sk-t") not in (await world.ok("/key/list", size=100))["keys"]
    assert await world.refused(INFO, organization_id="o") == (404, "Organization not found")
    assert (await world.refused(INFO, "sk-ann", organization_id="o"))[0] == 401


async def test_their_own_facts_and_a_next_life_change_nothing_of_it(world: World) -> None:
    world.tell((org("o"), ENDED))
    world.tell((team("t"), TeamDeleted(settings=settings(organization_id="o"), members_total=1)))
    world.tell((org("o"), organization_created()))
    world.team("t", {"ann": "user"}, organization_id="o")
    told = await world.ok(INFO, organization_id="o")
    assert (told["members"], [t["team_id"] for t in told["teams"]]) == ([], ["t"])
    archived = (await world.ok("/v2/team/list", status="deleted"))["teams"]
    assert {t["team_id"] for t in archived} == {"t", "other"}


async def test_a_team_that_left_in_the_same_command_stays(world: World) -> None:
    moved = TeamMovedToOrganization(before="o", after=None)
    world.tell((team("t"), moved), (org("o"), ENDED))
    assert [t["team_id"] for t in await world.ok("/team/list")] == ["free", "t"]
