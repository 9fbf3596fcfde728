"""GET /v2/team/list: pages of teams, and of deleted ones (team-api.md 3.6)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from events.envelope import Meta
from events.team import MemberRemoved, TeamDeleted, TeamRenamed
from services.database.embedded import EmbeddedServer
from services.projection.queries import team_pages
from tests.contract.cases import load
from tests.support.facts import settings
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, reading, team

RECORDED = {case.name: case for case in load()}


@dataclass(frozen=True)
class Made:
    """A team of the world, as it was told."""

    team_id: str
    alias: str | None
    organization: str | None
    users: tuple[str, ...]


TEAMS = [
    Made(
        team_id=f"t{number * 7 % 23:02}",
        alias=None if number % 4 == 0 else f"{'ABcd'[number % 4]}lias {number % 3}",
        organization=None if number % 5 == 0 else f"o{number % 2}",
        users=("ann",) if number % 3 == 0 else ("bob", "cy"),
    )
    for number in range(23)
]


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            for name, role in (("root", "proxy_admin"), ("pat", "proxy_admin_viewer")):
                await world.user(name, role=role)
            for name in ("ann", "bob", "cy", "idle"):
                await world.user(name)
                world.key(f"sk-{name}", user_id=name)
            world.key("sk-pat", user_id="pat")
            for made in TEAMS:
                roster: Json = dict.fromkeys(made.users, "user")
                world.team(
                    made.team_id, roster, team_alias=made.alias, organization_id=made.organization
                )
            await world.settled()
            yield world


@pytest.fixture(scope="module")
async def growing(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A world that tests add to; the other one is only read."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            yield world


def ids(page: Json) -> list[str]:
    return [team["team_id"] for team in page["teams"]]


NEWEST = [made.team_id for made in reversed(TEAMS)]


def by_alias(*, descending: bool) -> list[str]:
    """Null is above every alias; among equals the ids go the same way."""
    keys = [(made.alias is None, made.alias or "", made.team_id) for made in TEAMS]
    return [team_id for *_, team_id in sorted(keys, reverse=descending)]


async def test_the_first_page_holds_the_ten_newest_teams(world: World) -> None:
    page = await world.ok("/v2/team/list")
    assert ids(page) == NEWEST[:10]
    assert {name: page[name] for name in page if name != "teams"} == {
        "total": 23,
        "page": 1,
        "page_size": 10,
        "total_pages": 3,
    }
    assert not {"keys", "team_memberships"} & page["teams"][0].keys()


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ({}, NEWEST),
        ({"sort_order": "asc"}, NEWEST),
        ({"sort_by": "spend"}, NEWEST),
        ({"sort_by": "created_at"}, NEWEST[::-1]),
        ({"sort_by": "created_at", "sort_order": "desc"}, NEWEST),
        ({"sort_by": "team_id"}, sorted(NEWEST)),
        ({"sort_by": "team_id", "sort_order": "up"}, sorted(NEWEST)),
        ({"sort_by": "team_id", "sort_order": "DESC"}, sorted(NEWEST, reverse=True)),
        ({"sort_by": "team_alias"}, by_alias(descending=False)),
        ({"sort_by": "team_alias", "sort_order": "desc"}, by_alias(descending=True)),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 100])
async def test_pages_follow_one_another_in_every_order(
    world: World, sort: dict[str, str], expected: list[str], size: int
) -> None:
    found: list[str] = []
    for number in range(1, -(-len(expected) // size) + 1):
        found += ids(await world.ok("/v2/team/list", page=number, page_size=size, **sort))
    assert found == expected


@pytest.mark.parametrize("sort_by", ["team_id", "team_alias", "created_at"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
async def test_a_deep_page_holds_what_a_shallow_one_would(
    world: World, monkeypatch: pytest.MonkeyPatch, sort_by: str, sort_order: str
) -> None:
    query: Json = {"sort_by": sort_by, "sort_order": sort_order, "page_size": 5}
    shallow = [await world.ok("/v2/team/list", page=n, **query) for n in range(1, 6)]
    monkeypatch.setattr(team_pages, "DEEP", 5)
    assert [await world.ok("/v2/team/list", page=n, **query) for n in range(1, 6)] == shallow


async def test_beyond_the_last_page_there_is_nothing_but_the_totals(world: World) -> None:
    for number in (4, 10**9):
        page = await world.ok("/v2/team/list", page=number)
        assert (page["teams"], page["total"], page["page"]) == ([], 23, number)


@pytest.mark.parametrize(
    "query",
    [
        {"organization_id": "o1"},
        {"team_id": "t07"},
        {"team_alias": "ALI"},
        {"team_alias": "lias 2"},
        {"team_alias": "%"},
        {"team_alias": "_"},
        {"user_id": "ann"},
        {"user_id": "bob", "organization_id": "o0", "team_alias": "a"},
        {"user_id": "idle"},
    ],
)
async def test_filters_hold_together(world: World, query: dict[str, str]) -> None:
    wanted = [made.team_id for made in reversed(TEAMS) if matches(made, query)]
    page = await world.ok("/v2/team/list", page_size=100, **query)
    assert ids(page) == wanted
    assert (page["total"], page["total_pages"]) == (len(wanted), 1 if wanted else 0)


def matches(made: Made, query: dict[str, str]) -> bool:
    return (
        query.get("organization_id") in {None, made.organization}
        and query.get("team_id") in {None, made.team_id}
        and query.get("team_alias", "").lower() in (made.alias or "").lower()
        and ("team_alias" not in query or made.alias is not None)
        and ("user_id" not in query or query["user_id"] in made.users)
    )


async def test_a_user_who_is_unknown_or_not_in_the_team_is_404(world: World) -> None:
    assert await world.refused("/v2/team/list", user_id="nope") == (
        404,
        "User not found, passed user_id=nope",
    )
    assert await world.refused("/v2/team/list", user_id="idle", team_id="t00") == (
        404,
        "User is not a member of team_id=t00",
    )
    theirs = await world.ok("/v2/team/list", "sk-ann", user_id="ann", team_id="t00")
    assert ids(theirs) == ["t00"]


async def test_viewers_see_all_teams_and_others_their_own(world: World) -> None:
    assert (await world.ok("/v2/team/list", "sk-pat"))["total"] == 23
    own = await world.ok("/v2/team/list", "sk-ann", user_id="ann", page_size=100)
    assert ids(own) == [made.team_id for made in reversed(TEAMS) if "ann" in made.users]


async def test_an_impossible_page_is_422_as_recorded(world: World) -> None:
    case = RECORDED["101-v2-team-list-page-0"]
    assert case.response is not None
    answered = await world.get(case.request.path)
    assert (answered.status_code, answered.json()) == (
        case.response["status"],
        case.response["body"],
    )
    for query in ("page_size=0", "page_size=101", "page=x", "page=", "page=1.5", f"page={10**30}"):
        answered = await world.get(f"/v2/team/list?{query}")
        assert answered.status_code == 422
        assert answered.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


async def test_another_status_than_deleted_is_refused(world: World) -> None:
    assert await world.refused("/v2/team/list", status="active") == (
        400,
        "Invalid status value. Currently only 'deleted' is supported.",
    )


async def test_the_total_follows_every_change(growing: World) -> None:
    query: Json = {"organization_id": "o-moving"}
    assert (await growing.ok("/v2/team/list", **query))["total"] == 0
    for count in range(1, 4):
        growing.team(f"moving-{count}", team_alias="same", **query)
        assert (await growing.ok("/v2/team/list", **query))["total"] == count
    growing.tell((team("moving-1"), TeamRenamed(before="same", after="other")))
    assert (await growing.ok("/v2/team/list", team_alias="SAME", **query))["total"] == 2
    growing.tell((team("moving-2"), TeamDeleted(settings=settings(), members_total=0)))
    assert ids(await growing.ok("/v2/team/list", **query)) == ["moving-3", "moving-1"]
    assert (await growing.ok("/v2/team/list", **query))["total"] == 2


async def test_pages_asked_for_at_the_same_time_do_not_mix(world: World) -> None:
    query: Json = {"sort_by": "team_id", "page_size": 2, "organization_id": "o1"}
    wanted = sorted(made.team_id for made in TEAMS if made.organization == "o1")
    numbers = [*range(1, 7), *range(6, 0, -1)]
    pages = await asyncio.gather(
        *(world.ok("/v2/team/list", page=number, **query) for number in numbers)
    )
    assert [ids(page) for page in pages] == [wanted[2 * n - 2 : 2 * n] for n in numbers]


async def test_an_answer_that_is_kept_shows_the_next_change(growing: World) -> None:
    query = {"team_id": "kept"}
    await growing.user("kim", "kim@example.com")
    growing.team("kept", {"kim": "user"}, budget={"budget_duration": "1s"})
    first, again = [(await growing.ok("/v2/team/list", **query))["teams"] for _ in range(2)]
    assert [item["members_with_roles"] for item in first] == [
        item["members_with_roles"] for item in again
    ]
    growing.tell((team("kept"), MemberRemoved(user_id="kim", role="user")))
    [item] = (await growing.ok("/v2/team/list", **query))["teams"]
    assert item["members_with_roles"] == []


async def test_deleted_teams_show_how_they_ended(postgres_server: EmbeddedServer) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            empty = await world.ok("/v2/team/list", status="deleted")
            assert empty == {
                "teams": [],
                "total": 0,
                "page": 1,
                "page_size": 10,
                "total_pages": 0,
            }
            for alias in ("First", "Second"):
                world.team("twice", {"ann": "user"}, team_alias=alias)
                await end(world, "twice", f"claimed {alias}", role="proxy_admin")
            world.team("once", {"bob": "user"}, team_alias="Other")
            await end(world, "once", "a mere claim", role="internal_user")
            world.team("twice", {"ann": "user"}, team_alias="Third")
            page = await world.ok("/v2/team/list", status="deleted")
            assert [item["team_alias"] for item in page["teams"]] == ["Other", "Second", "First"]
            assert page["total"] == 3
            other, second, _ = page["teams"]
            assert (second["deleted_by"], second["deleted_by_api_key"]) == ("eve", "hash of eve")
            assert second["litellm_changed_by"] == "claimed Second"
            assert other["litellm_changed_by"] is None
            assert other["deleted_at"] > other["created_at"]
            assert len({item["id"] for item in page["teams"]}) == 3
            mine = await world.ok("/v2/team/list", status="deleted", user_id="ann")
            assert [item["team_alias"] for item in mine["teams"]] == ["Second", "First"]
            assert (await world.ok("/v2/team/list"))["total"] == 1


async def end(world: World, team_id: str, claim: str, role: str) -> None:
    """Delete a team as `eve`, on behalf of somebody."""
    meta = Meta(
        f"delete-{claim}",
        "/team/delete",
        actor="eve",
        actor_key="hash of eve",
        actor_role=role,
        on_behalf_of=await world.sealed(claim, claim),
    )
    world.tell((team(team_id), TeamDeleted(settings=settings(), members_total=1)), meta=meta)
