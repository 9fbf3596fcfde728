"""GET /team/list: the teams a caller may see, whole and in order (team-api.md 3.5)."""

from collections.abc import AsyncIterator

import pytest

from events.team import MemberBudgetChanged, MemberRemoved, TeamDeleted
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.projection.queries.records import SHOWN
from tests.support.facts import created, joined, limits, settings
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, reading, team

REFUSED = (401, "Only admin users can query all teams/other teams. Your user role=internal_user")


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Teams with and without alias and organization; `ann` is in two, `bob` administers one."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("root", role="proxy_admin")
            await world.user("pat", role="proxy_admin_viewer")
            await world.user("vic", role="internal_user_viewer")
            await world.user("ann", "ann@example.com")
            await world.user("bob")
            world.team("b", {"ann": "user", "bob": "admin"}, team_alias="Beta")
            world.team("z", {"cy": "user"}, team_alias="Alpha", organization_id="o1")
            world.team("y", {"ann": "user"}, organization_id="o1")
            world.team("x", {"cy": "user"})
            world.team("a", {"cy": "user"}, team_alias="Alpha")
            for name in ("root", "pat", "vic", "ann", "bob"):
                world.key(f"sk-{name}", user_id=name)
            world.key("sk-ann-b", user_id="ann", team_id="b")
            world.key("sk-bob-b", user_id="bob", team_id="b")
            world.key("sk-service-b", team_id="b")
            yield world


@pytest.fixture(scope="module")
async def growing(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A world that tests add to; the other one is only read."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            yield world


def ids(teams: Json) -> list[str]:
    return [team["team_id"] for team in teams]


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-root", "sk-pat"])
async def test_all_teams_stand_by_alias_null_first_then_by_id(world: World, by: str) -> None:
    assert ids(await world.ok("/team/list", by)) == ["x", "y", "a", "z", "b"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
async def test_a_limit_takes_the_first(world: World, limit: int) -> None:
    teams = await world.ok("/team/list", limit=limit)
    assert ids(teams) == ["x", "y", "a", "z", "b"][:limit]


@pytest.mark.parametrize("limit", [0, -1, "x", 10**9 + 1, 10**40])
async def test_a_bad_limit_is_422(world: World, limit: int | str) -> None:
    assert (await world.get("/team/list", limit=limit)).status_code == 422


async def test_teams_are_found_by_organization_or_by_having_none(world: World) -> None:
    assert ids(await world.ok("/team/list", organization_id="o1")) == ["y", "z"]
    without = await world.ok("/team/list", organization_id="default_organization")
    assert ids(without) == ["x", "a", "b"]
    assert await world.ok("/team/list", organization_id="unknown") == []
    mine = await world.ok("/team/list", "sk-ann", user_id="ann", organization_id="o1")
    assert ids(mine) == ["y"]


async def test_of_a_user_only_his_teams_and_only_his_membership_is_shown(world: World) -> None:
    teams = await world.ok("/team/list", user_id="ann")
    assert ids(teams) == ["y", "b"]
    assert [[m["user_id"] for m in team["team_memberships"]] for team in teams] == [["ann"]] * 2
    assert [m["user_id"] for m in teams[1]["members_with_roles"]] == ["ann", "bob"]
    assert await world.ok("/team/list", user_id="nobody") == []


async def test_without_a_user_every_member_has_a_membership(world: World) -> None:
    beta = (await world.ok("/team/list"))[-1]
    assert [m["user_id"] for m in beta["team_memberships"]] == ["ann", "bob"]
    assert beta["members_with_roles"][0]["user_email"] == "ann@example.com"


@pytest.mark.parametrize("by", ["sk-ann", "sk-bob", "sk-service-b", "sk-vic"])
async def test_others_may_ask_for_nothing_but_their_own_teams(world: World, by: str) -> None:
    role = "internal_user_viewer" if by == "sk-vic" else "internal_user"
    refused = (401, REFUSED[1].replace("internal_user", role))
    for query in ({}, {"user_id": "cy"}, {"user_id": ""}, {"organization_id": "o1"}):
        assert await world.refused("/team/list", by, **query) == refused
        assert await world.refused("/v2/team/list", by, **query) == refused


async def test_keys_are_shown_as_to_the_caller_of_each_team(world: World) -> None:
    [_, beta] = await world.ok("/team/list", "sk-ann", user_id="ann")
    assert [key["user_id"] for key in beta["keys"]] == ["ann", None]
    assert not any("token" in key for key in beta["keys"])
    [beta] = await world.ok("/team/list", "sk-bob", user_id="bob")
    every = [hash_key(secret) for secret in ("sk-ann-b", "sk-bob-b", "sk-service-b")]
    assert [key["token"] for key in beta["keys"]] == every
    [_, beta] = await world.ok("/team/list", "sk-pat", user_id="ann")
    assert [key["token"] for key in beta["keys"]] == every


async def test_the_limits_of_the_user_asked_for_are_his_own(growing: World) -> None:
    growing.tell(
        (team("own"), created(organization_id="o-own", member_defaults=limits("shared"))),
        (team("own"), joined("dan")),
        (team("own"), joined("eve")),
    )
    own = MemberBudgetChanged(user_id="dan", before=None, after=limits("dans", max_budget="3"))
    growing.tell((team("own"), own))
    for user_id, budget_id in (("dan", "dans"), ("eve", "shared")):
        [item] = await growing.ok("/team/list", user_id=user_id, organization_id="o-own")
        assert [m["budget_id"] for m in item["team_memberships"]] == [budget_id]


async def test_former_members_and_deleted_teams_are_not_listed(growing: World) -> None:
    growing.team("left", {"fay": "user"}, organization_id="o-left")
    growing.team("gone", {"fay": "user"}, organization_id="o-left")
    growing.tell((team("left"), MemberRemoved(user_id="fay", role="user")))
    growing.tell((team("gone"), TeamDeleted(settings=settings(), members_total=1)))
    assert await growing.ok("/team/list", user_id="fay") == []
    assert ids(await growing.ok("/team/list", organization_id="o-left")) == ["left"]


async def test_model_aliases_are_shown_here(growing: World) -> None:
    growing.team("aliased", organization_id="o-aliased", model_aliases={"fast": "gpt-4o-mini"})
    [item] = await growing.ok("/team/list", organization_id="o-aliased")
    assert item["litellm_model_table"]["model_aliases"] == {"fast": "gpt-4o-mini"}
    assert item["litellm_model_table"]["id"] == item["model_id"]


async def test_a_long_list_is_whole_and_in_order(growing: World) -> None:
    aliases = [f"alias-{number % 7}" if number % 3 else None for number in range(150)]
    for number, alias in enumerate(aliases):
        growing.team(
            f"many-{number:03}", {"gil": "user"}, team_alias=alias, organization_id="o-many"
        )
    await growing.settled()
    teams = await growing.ok("/team/list", organization_id="o-many")
    expected = sorted((alias is not None, alias or "", n) for n, alias in enumerate(aliases))
    assert ids(teams) == [f"many-{number:03}" for _, _, number in expected]
    assert ids(await growing.ok("/team/list", user_id="gil")) == ids(teams)
    some = await growing.ok("/team/list", organization_id="o-many", limit=77)
    assert ids(some) == ids(teams)[:77]


async def test_of_a_crowd_a_list_shows_the_first_and_says_how_many_there_are(
    growing: World,
) -> None:
    roster = [f"crowd-{number:05}" for number in range(SHOWN + 5)]
    facts = [(team("crowd"), joined(name)) for name in roster]
    growing.tell((team("crowd"), created(organization_id="o-crowd")), *facts)
    growing.keys([f"sk-crowd-{number}" for number in range(SHOWN + 3)], team_id="crowd")
    await growing.settled()
    [item] = await growing.ok("/team/list", organization_id="o-crowd")
    assert [m["user_id"] for m in item["members_with_roles"]] == roster[:SHOWN]
    assert len(item["team_memberships"]) == SHOWN
    assert (len(item["keys"]), item["keys_total"]) == (SHOWN, SHOWN + 3)
    assert item["members_total"] == SHOWN + 5
    [last] = await growing.ok("/team/list", user_id=roster[-1])
    assert [m["user_id"] for m in last["team_memberships"]] == [roster[-1]]
    [paged] = (await growing.ok("/v2/team/list", organization_id="o-crowd"))["teams"]
    assert [m["user_id"] for m in paged["members_with_roles"]] == roster[:SHOWN]
    assert paged["members_total"] == SHOWN + 5


async def test_nobody_in_particular_is_asked_for_by_an_impossible_name(world: World) -> None:
    for name in ("user_id", "organization_id"):
        answered = await world.get(f"/team/list?{name}=a%00b")
        assert answered.status_code == 422
        assert answered.json()["detail"][0]["loc"] == ["query", name]
