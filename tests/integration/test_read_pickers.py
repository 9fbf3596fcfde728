"""GET /team/available and GET /team/filter/ui: teams to choose from (team-api.md 3.7, 3.8)."""

from collections.abc import AsyncIterator

import pytest

from events.team import MemberRemoved, TeamDeleted, TeamRenamed
from services.database.embedded import EmbeddedServer
from tests.support.described import operations
from tests.support.facts import created, joined, settings
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, reading, team

OFFERED = ("open", "gone", "never", "again", "mine", "left", "a/b")


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann is in one of the teams on offer and was in another; one of them is deleted."""
    with fresh_database(postgres_server) as url:
        async with reading(url, available_teams=OFFERED) as world:
            for name, role in (("root", "proxy_admin"), ("pat", "proxy_admin_viewer")):
                await world.user(name, role=role)
            await world.user("ann", "ann@example.com")
            for name in ("root", "pat", "ann", "bob"):
                world.key(f"sk-{name}", user_id=name)
            world.team("a/b", team_alias="Slashed")
            world.team("again", {"ann": "user"}, team_alias="First life")
            world.tell((team("again"), TeamDeleted(settings=settings(), members_total=1)))
            world.team("again", {"cy": "user"}, team_alias="Second life")
            world.team("open", {"cy": "admin"}, team_alias="Open", models=["m"])
            world.team("gone", team_alias="Gone")
            world.tell((team("gone"), TeamDeleted(settings=settings(), members_total=0)))
            world.team("mine", {"ann": "user", "default_user_id": "admin"})
            world.team("left", {"ann": "user"})
            world.tell((team("left"), MemberRemoved(user_id="ann", role="user")))
            world.team("closed", team_alias="Open too, but not on offer")
            world.key("sk-team", team_id="mine")
            world.key("sk-nobody")
            yield world


def ids(teams: Json) -> list[str]:
    return [team["team_id"] for team in teams]


async def test_what_is_on_offer_is_there_and_not_ones_own_in_the_order_of_the_setting(
    world: World,
) -> None:
    assert ids(await world.ok("/team/available", "sk-ann")) == ["open", "again", "left", "a/b"]
    every = ["open", "again", "mine", "left", "a/b"]
    for by in ("sk-root", "sk-pat"):
        assert ids(await world.ok("/team/available", by)) == every


async def test_teams_on_offer_are_typed_teams_of_their_present_life(world: World) -> None:
    offered = {team["team_id"]: team for team in await world.ok("/team/available", "sk-ann")}
    assert offered["again"]["team_alias"] == "Second life"
    assert offered["open"]["models"] == ["m"]
    assert [m["user_id"] for m in offered["open"]["members_with_roles"]] == ["cy"]
    [paged] = (await world.ok("/v2/team/list", team_id="open"))["teams"]
    assert offered["open"] == paged
    assert not {"keys", "team_memberships", "projects"} & offered["open"].keys()


async def test_the_master_key_is_never_refused_though_it_has_no_user_row(world: World) -> None:
    assert ids(await world.ok("/team/available")) == ["open", "again", "left", "a/b"]


@pytest.mark.parametrize("by", ["sk-bob", "sk-team", "sk-nobody"])
async def test_d63_without_a_user_row_there_is_nobody_to_offer_to(world: World, by: str) -> None:
    assert await world.refused("/team/available", by) == (404, "User not found")


async def test_d64_there_is_no_parameter_response_model(world: World) -> None:
    described = operations()["GET", "/team/available"].operation
    assert [each for each in described["parameters"] if "$ref" not in each] == []
    assert len(await world.ok("/team/available", "sk-ann", response_model="x")) == 4


async def test_without_the_setting_nothing_is_on_offer_to_anybody(
    postgres_server: EmbeddedServer,
) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            world.team("open")
            world.key("sk-bob", user_id="bob")
            world.key("sk-nobody")
            for by in ("sk-1234-test-master", "sk-bob", "sk-nobody"):
                assert await world.ok("/team/available", by) == []


# The search

TEAMS = {
    "Core-1": "Alpha",
    "core-2": "ALPHABET",
    "edge-1": None,
    "edge-100%": "100% alpha_beta",
    "Ünite": "Müller & Söhne",
    "x": "alpha",
}


@pytest.fixture(scope="module")
async def searched(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Teams of TEAMS, the first one the oldest, between others that are deleted."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            for name, role in (("root", "proxy_admin"), ("pat", "proxy_admin_viewer")):
                await world.user(name, role=role)
            for name in ("root", "pat", "ann"):
                world.key(f"sk-{name}", user_id=name)
            for number, (team_id, alias) in enumerate(TEAMS.items()):
                world.team(team_id, {"ann": "admin"}, team_alias=alias)
                world.team(f"core-dead-{number}", team_alias="alpha")
                end = TeamDeleted(settings=settings(), members_total=0)
                world.tell((team(f"core-dead-{number}"), end))
            world.key("sk-team", team_id="x")
            await world.settled()
            yield world


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [*reversed(TEAMS)]),
        ({"team_alias": "alp"}, ["x", "edge-100%", "core-2", "Core-1"]),
        ({"team_alias": "ALPHAB"}, ["core-2"]),
        ({"team_alias": "MÜLL"}, ["Ünite"]),
        ({"team_alias": "%"}, ["edge-100%"]),
        ({"team_alias": "_"}, ["edge-100%"]),
        ({"team_alias": "\\"}, []),
        ({"team_alias": ""}, ["x", "Ünite", "edge-100%", "core-2", "Core-1"]),
        ({"team_id": "CORE"}, ["core-2", "Core-1"]),
        ({"team_id": "-1"}, ["edge-100%", "edge-1", "Core-1"]),
        ({"team_id": "Ün"}, ["Ünite"]),
        ({"team_id": "core", "team_alias": "bet"}, ["core-2"]),
        ({"team_id": "edge", "team_alias": "müller"}, []),
        ({"team_id": "dead"}, []),
    ],
)
async def test_parts_are_found_in_any_case_and_both_must_be_there_newest_first(
    searched: World, query: dict[str, str], expected: list[str]
) -> None:
    assert ids(await searched.ok("/team/filter/ui", "sk-root", **query)) == expected
    for size in (1, 2, 3):
        found: list[str] = []
        for page in range(1, len(expected) // size + 2):
            found += ids(await searched.ok("/team/filter/ui", page=page, page_size=size, **query))
        assert found == expected


async def test_d51_equals_in_time_stand_by_id_on_every_page(
    postgres_server: EmbeddedServer,
) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            facts = [(team(f"t{n * 7 % 20:02}"), created(team_alias="same")) for n in range(20)]
            world.tell(*facts)
            found: list[str] = []
            for page in range(1, 5):
                query: Json = {"team_alias": "sam", "page": page, "page_size": 5}
                found += ids(await world.ok("/team/filter/ui", **query))
            assert found == [f"t{n:02}" for n in range(20)]


async def test_the_answer_is_of_untyped_rows_fifty_to_a_page(
    postgres_server: EmbeddedServer,
) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("ann", "ann@example.com")
            roster = [(team("crowd"), joined(f"u{n:04}")) for n in range(1_002)]
            world.tell((team("crowd"), created(team_alias="Crowd")), *roster)
            for number in range(51):
                world.team(f"n{number:02}", {"ann": "user"}, team_alias="Many")
            await world.settled()
            teams = await world.ok("/team/filter/ui", team_alias="many")
            assert ids(teams) == [f"n{number:02}" for number in range(50, 0, -1)]
            assert teams[0]["members_with_roles"] == [
                {"role": "user", "user_id": "ann", "user_email": "ann@example.com"}
            ]
            assert teams[0]["policies"] == []
            assert {"litellm_organization_table", "projects", "model_spend"} <= teams[0].keys()
            [crowd] = await world.ok("/team/filter/ui", team_id="CROWD")
            assert (len(crowd["members_with_roles"]), crowd["members_total"]) == (1_000, 1_002)


async def test_a_search_sees_what_was_acknowledged_before_it(
    postgres_server: EmbeddedServer,
) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            world.team("t", team_alias="before")
            assert ids(await world.ok("/team/filter/ui", team_alias="AFTER")) == []
            world.tell((team("t"), TeamRenamed(before="before", after="Afterwards")))
            answered = await world.get("/team/filter/ui", team_alias="AFTER")
            assert ids(answered.json()) == ["t"]
            assert answered.headers["x-event-position"] == str(world.history.position)


async def test_only_proxy_admins_search(searched: World) -> None:
    viewers = "user not allowed to access this route, role= proxy_admin_viewer. Trying to access: "
    refused = await searched.refused("/team/filter/ui", "sk-pat")
    assert refused == (403, f"{viewers}/team/filter/ui")
    for by in ("sk-ann", "sk-team"):
        status, text = await searched.refused("/team/filter/ui", by, page="x")
        assert status == 401
        assert "Route=/team/filter/ui" in text


async def test_an_impossible_search_is_422(searched: World) -> None:
    for query in ("page=0", "page_size=0", "page_size=101", "page=x", "team_id=%00"):
        answered = await searched.get(f"/team/filter/ui?{query}")
        assert answered.status_code == 422
        assert answered.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]
