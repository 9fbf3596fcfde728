"""GET /key/list: pages of keys, as far as the caller may see them (supporting-api.md 2.6)."""

from collections.abc import AsyncIterator

import pytest

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.key_lists import aliases
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, reading

NOT_ANOTHERS = (403, "You are not authorized to check another user's keys")
NOT_THIS_TEAMS = (403, "You are not authorized to check this team's keys")
NOT_THIS_ORGANIZATIONS = (403, "You are not authorized to check this organization's keys")
NO_USER = (
    403,
    "You are not authorized to access this endpoint. No 'user_id' is associated with your key.",
)
CALLERS = ("root", "pat", "ann", "bob", "cy", "eve", "dan")


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann administers `t`, bob and cy are in it; `lists` lets its members list keys.

    Dan has no user row. Keys are called as their aliases, the callers' own keys by their names.
    """
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("root", role="proxy_admin")
            await world.user("pat", role="proxy_admin_viewer")
            for name in ("ann", "bob", "cy", "eve"):
                await world.user(name, f"{name}@example.com")
            for name in CALLERS:
                world.key(f"sk-{name}", user_id=name, key_alias=name)
            world.team("t", {"ann": "admin", "bob": "user", "cy": "user"})
            world.team("lists", {"bob": "user", "eve": "user"}, member_permissions=["/key/list"])
            made: dict[str, tuple[str, str | None]]
            made = {"ann-t": ("t", "ann"), "bob-t": ("t", "bob"), "cy-t": ("t", "cy")}
            made |= {"service-t": ("t", None), "eve-lists": ("lists", "eve")}
            for alias, (team_id, user_id) in made.items():
                world.key(f"sk-{alias}", team_id=team_id, user_id=user_id, key_alias=alias)
            world.key("sk-lone", key_alias="lone")
            world.team("litellm-dashboard")
            world.key("sk-session", team_id="litellm-dashboard", key_alias="session")
            await world.settled()
            yield world


OF_CALLERS = [*reversed(CALLERS)]
EVERY = ["lone", "eve-lists", "service-t", "cy-t", "bob-t", "ann-t", *OF_CALLERS]


# Shape, order, pages


async def test_a_page_holds_the_ten_newest_hashes_and_says_how_many_there_are(world: World) -> None:
    page = await world.ok("/key/list")
    assert page == {
        "keys": [hash_key(f"sk-{alias}") for alias in EVERY[:10]],
        "total_count": 13,
        "current_page": 1,
        "total_pages": 2,
    }


async def test_session_keys_of_the_dashboard_are_hidden(world: World) -> None:
    assert await aliases(world) == EVERY
    assert await aliases(world, team_id="litellm-dashboard") == []


def ordered(column: str, *, descending: bool) -> list[str]:
    """The aliases of EVERY; among equals the hashes go the same way as the column."""
    made = {alias: number for number, alias in enumerate(reversed(EVERY))}

    def sort(alias: str) -> tuple[str, int, str]:
        by_alias = alias if column == "key_alias" else ""
        by_time = made[alias] if column in {"created_at", "spend"} else 0
        return by_alias, by_time, hash_key(f"sk-{alias}")

    return sorted(EVERY, key=sort, reverse=descending)


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize("order", ["asc", "DESC"])
@pytest.mark.parametrize("column", ["token", "key_alias", "created_at", "spend", "max_budget"])
async def test_pages_follow_one_another_in_every_order(
    world: World, column: str, order: str, size: int
) -> None:
    found: list[str] = []
    for number in range(1, -(-len(EVERY) // size) + 1):
        query: Json = {"sort_by": column, "sort_order": order, "page": number, "size": size}
        found += (await world.ok("/key/list", **query))["keys"]
    expected = ordered(column, descending=order == "DESC")
    assert found == [hash_key(f"sk-{alias}") for alias in expected]


async def test_beyond_the_last_page_there_is_nothing_but_the_totals(world: World) -> None:
    for number in (3, 10**9):
        page = await world.ok("/key/list", page=number)
        assert (page["keys"], page["total_count"], page["total_pages"]) == ([], 13, 2)


async def test_a_full_object_is_a_row_with_its_hash_and_the_fields_of_a_principal(
    world: World,
) -> None:
    page = await world.ok("/key/list", key_alias="bob-t", return_full_object="true")
    [item] = page["keys"]
    assert item["token"] == hash_key("sk-bob-t")
    assert (item["user_id"], item["team_id"], item["key_name"]) == ("bob", "t", "sk-...ob-t")
    assert [item[name] for name in ("team_alias", "user_role", "api_key", "user")] == [None] * 4
    assert (item["team_models"], item["team_blocked"]) == ([], False)


NO_COLUMN = "Invalid sort column. Must be one of: "


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            {"sort_by": "user_id"},
            f"{NO_COLUMN}spend, max_budget, created_at, updated_at, token, key_alias",
        ),
        ({"sort_by": "token", "sort_order": "up"}, "Invalid sort order. Must be 'asc' or 'desc'"),
        ({"status": "live"}, "Invalid status value. Currently only 'deleted' is supported."),
    ],
)
async def test_what_is_no_column_direction_or_status_is_400(
    world: World, query: dict[str, str], text: str
) -> None:
    assert await world.refused("/key/list", **query) == (400, text)


async def test_an_impossible_page_is_422(world: World) -> None:
    for query in ("page=0", "size=0", "size=101", "return_full_object=perhaps", "user_id=%00"):
        answered = await world.get(f"/key/list?{query}")
        assert answered.status_code == 422
        assert answered.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


# Who sees what


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-root", "sk-pat"])
async def test_s09_admins_and_viewers_see_all_with_every_filter(world: World, by: str) -> None:
    assert await aliases(world, by) == EVERY
    assert await aliases(world, by, user_id="bob") == ["bob-t", "bob"]
    assert await aliases(world, by, team_id="t") == ["service-t", "cy-t", "bob-t", "ann-t"]
    assert await aliases(world, by, organization_id="o") == []
    assert await aliases(world, by, user_id="nobody") == []
    assert await aliases(world, by, team_id="nothing") == []


OWN = {
    "ann": ["ann-t", "ann"],
    "bob": ["bob-t", "bob"],
    "cy": ["cy-t", "cy"],
    "eve": ["eve-lists", "eve"],
}
WITH_TEAMS = {
    "ann": ["service-t", "cy-t", "bob-t", "ann-t", "ann"],
    "bob": ["eve-lists", "service-t", "bob-t", "bob"],
    "cy": ["service-t", "cy-t", "cy"],
    "eve": ["eve-lists", "eve"],
}


@pytest.mark.parametrize("user", OWN)
async def test_others_see_their_own_keys_and_on_demand_those_of_their_teams(
    world: World, user: str
) -> None:
    by = f"sk-{user}"
    for query in ({}, {"user_id": user}):
        assert await aliases(world, by, **query) == OWN[user]
        found = await aliases(world, by, **query, include_team_keys="true")
        assert found == WITH_TEAMS[user]
    page = await world.ok("/key/list", by, include_team_keys="true")
    assert page["keys"] == [hash_key(f"sk-{alias}") for alias in WITH_TEAMS[user]]


async def test_an_admin_sees_what_a_user_would_see(world: World) -> None:
    for user, expected in WITH_TEAMS.items():
        query = {"user_id": user, "include_team_keys": "true"}
        assert await aliases(world, "sk-pat", **query) == expected


async def test_filters_only_narrow_what_a_caller_may_see(world: World) -> None:
    teams = {"include_team_keys": "true"}
    assert await aliases(world, "sk-cy", **teams, team_id="t") == ["service-t", "cy-t"]
    assert await aliases(world, "sk-cy", team_id="t") == ["cy-t"]
    for alias in ("ann-t", "eve", "lone", "none"):
        token = hash_key(f"sk-{alias}")
        assert await aliases(world, "sk-cy", **teams, key_hash=token) == []
        assert await aliases(world, "sk-cy", **teams, key_alias=alias) == []
        assert await aliases(world, "sk-ann", key_hash=token) == (
            ["ann-t"] if alias == "ann-t" else []
        )
    assert await aliases(world, "sk-cy", **teams, key_alias="service-t") == ["service-t"]
    assert await aliases(world, key_hash=hash_key("sk-lone")) == ["lone"]


@pytest.mark.parametrize("user", OWN)
async def test_others_are_refused_what_is_not_theirs_whether_it_exists_or_not(
    world: World, user: str
) -> None:
    by = f"sk-{user}"
    foreign = "t" if user == "eve" else "litellm-dashboard"
    for user_id in ("root", "nobody", ""):
        assert await world.refused("/key/list", by, user_id=user_id) == NOT_ANOTHERS
    for team_id in (foreign, "nothing", ""):
        assert await world.refused("/key/list", by, team_id=team_id) == NOT_THIS_TEAMS
    refused = await world.refused("/key/list", by, organization_id="o")
    assert refused == NOT_THIS_ORGANIZATIONS


async def test_a_refusal_names_its_parameter(world: World) -> None:
    answered = await world.get("/key/list", "sk-cy", user_id="ann")
    assert answered.json()["error"] == {
        "message": NOT_ANOTHERS[1],
        "type": "bad_request_error",
        "param": "user_id",
        "code": "403",
    }


@pytest.mark.parametrize("by", ["sk-dan", "sk-lone", "sk-service-t"])
async def test_d63_without_a_user_row_nobody_lists_keys(world: World, by: str) -> None:
    for query in ({}, {"include_team_keys": "true"}, {"key_hash": hash_key(by)}):
        assert await world.refused("/key/list", by, **query) == NO_USER


# People


async def test_expand_names_the_owner_and_to_those_who_see_all_the_maker(world: World) -> None:
    query = {"key_alias": "bob-t", "expand": "user"}
    owner = {"user_id": "bob", "user_email": "bob@example.com", "user_alias": None}
    for by, flags in (("sk-pat", {}), ("sk-ann", {"include_team_keys": "true"})):
        [item] = (await world.ok("/key/list", by, **query, **flags))["keys"]
        assert (item["user"], item["created_by_user"]) == (owner, None)
    [lone] = (await world.ok("/key/list", key_alias="lone", expand="user"))["keys"]
    assert lone["user"] is None
    several = await world.get("/key/list?expand=user&expand=team&key_alias=bob-t")
    assert several.json()["keys"][0]["user"] == owner
    assert "password" not in several.text
