"""GET /user/info: a user with his keys and teams (supporting-api.md 3.2)."""

from collections.abc import AsyncIterator

import pytest

from events.key import KeyDeleted
from events.team import MemberRemoved, TeamDeleted
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.contract.cases import load
from tests.support.facts import key_settings, settings
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, key, reading, team

RECORDED = {case.title: case.response for case in load() if case.response is not None}


def forbidden(user_id: str, own: str | None) -> tuple[int, str]:
    text = "key not allowed to access this user's info. "
    return 403, f"{text}user_id={user_id}, key's user_id={own}"


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann administers Beta and is in a nameless team; bob is in Beta; dan has no user row."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("root", "root@example.com", role="proxy_admin")
            await world.user("pat", role="proxy_admin_viewer")
            await world.user("ann", "ann@example.com", role="internal_user")
            for name in ("bob", "idle"):
                await world.user(name)
            for name in ("root", "pat", "ann", "bob", "idle", "dan"):
                world.key(f"sk-{name}", user_id=name)
            world.team("b", {"ann": "admin", "bob": "user"}, team_alias="Beta")
            world.team("x", {"ann": "user", "dan": "user"})
            world.team("a", {"cy": "user"}, team_alias="Alpha")
            for team_id, user_id in (("b", "ann"), ("x", "ann"), ("b", "bob")):
                world.key(f"sk-{user_id}-{team_id}", user_id=user_id, team_id=team_id)
            world.key("sk-service-b", team_id="b")
            world.key("sk-team", team_id="a")
            world.key("sk-nobody")
            await world.settled()
            yield world


@pytest.fixture
async def own(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A world that one test changes."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("ann")
            world.key("sk-ann", user_id="ann")
            yield world


def tokens(keys: Json) -> list[str]:
    return [key["token"] for key in keys]


def hashes(*secrets: str) -> list[str]:
    return [hash_key(secret) for secret in secrets]


async def test_a_user_is_shown_with_his_keys_and_teams(world: World) -> None:
    answered = await world.get("/user/info", user_id="ann")
    info = answered.json()
    assert answered.headers["x-event-position"] == str(world.history.position)
    assert list(info) == ["user_id", "user_info", "keys", "teams"]
    assert info["user_id"] == "ann"
    shown = info["user_info"]
    assert [shown[name] for name in ("user_id", "user_email", "user_role", "teams")] == [
        *("ann", "ann@example.com", "internal_user"),
        ["b", "x"],
    ]
    assert tokens(info["keys"]) == hashes("sk-ann-x", "sk-ann-b", "sk-ann")
    assert [key["team_alias"] for key in info["keys"]] == [None, "Beta", "None"]
    listed = await world.ok("/team/list", user_id="ann")
    assert [item["team_id"] for item in listed] == ["x", "b"]
    assert info["teams"] == listed


async def test_the_columns_are_those_that_were_recorded(world: World) -> None:
    recorded: Json = RECORDED["user info u1 teams"]["body"]
    info = await world.ok("/user/info", user_id="ann")
    assert list(info["user_info"]) == list(recorded["user_info"])
    assert list(info["keys"][0]) == list(recorded["keys"][0])
    assert list(info["teams"][0]) == list(recorded["teams"][0])


async def test_s01_there_is_never_a_password_to_show(world: World) -> None:
    for query in ({}, {"user_id": "ann"}):
        shown = (await world.ok("/user/info", "sk-root", **query))["user_info"]
        assert shown["password"] is None


@pytest.mark.parametrize("query", [{}, {"user_id": "ann"}])
async def test_users_are_shown_themselves(world: World, query: dict[str, str]) -> None:
    own = await world.ok("/user/info", "sk-ann", **query)
    by_others = await world.ok("/user/info", "sk-pat", user_id="ann")
    for name in ("user_id", "user_info", "keys"):
        assert own[name] == by_others[name]
    assert (await world.ok("/user/info", "sk-ann-b", **query)) == own


async def test_keys_of_ones_teams_are_shown_as_in_every_list(world: World) -> None:
    info = await world.ok("/user/info", "sk-bob")
    assert tokens(info["keys"]) == hashes("sk-bob-b", "sk-bob")
    [beta] = info["teams"]
    assert [key["user_id"] for key in beta["keys"]] == ["bob", None]
    assert not any("token" in key for key in beta["keys"])
    assert [m["user_id"] for m in beta["team_memberships"]] == ["bob"]
    [_, beta] = (await world.ok("/user/info", "sk-ann"))["teams"]
    every = hashes("sk-ann-b", "sk-bob-b", "sk-service-b")
    assert tokens(beta["keys"]) == every


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-root", "sk-pat"])
async def test_admins_and_viewers_are_shown_anybody(world: World, by: str) -> None:
    idle = await world.ok("/user/info", by, user_id="idle")
    assert tokens(idle["keys"]) == hashes("sk-idle")
    assert (idle["teams"], idle["user_info"]["teams"]) == ([], [])
    for user_id in ("nobody", "dan", ""):
        refused = await world.refused("/user/info", by, user_id=user_id)
        assert refused == (404, f"User {user_id} not found")


async def test_a_viewer_who_names_nobody_is_shown_himself(world: World) -> None:
    info = await world.ok("/user/info", "sk-pat")
    assert (info["user_id"], tokens(info["keys"]), info["teams"]) == ("pat", hashes("sk-pat"), [])


async def test_d09_another_user_is_refused_whether_there_is_one_or_not(world: World) -> None:
    for by, own in (("sk-ann", "ann"), ("sk-bob-b", "bob"), ("sk-team", None), ("sk-nobody", None)):
        for user_id in ("root", "nobody", "None", ""):
            refused = await world.refused("/user/info", by, user_id=user_id)
            assert refused == forbidden(user_id, own)


async def test_who_has_no_user_row_is_not_found(world: World) -> None:
    assert await world.refused("/user/info", "sk-dan") == (404, "User dan not found")
    for by in ("sk-team", "sk-nobody"):
        assert await world.refused("/user/info", by) == (404, "User None not found")


async def test_refusals_have_the_shape_of_keys_and_users(world: World) -> None:
    unknown = await world.get("/user/info", user_id="nobody")
    assert unknown.json()["error"] == {
        "message": "User nobody not found",
        "type": "not_found_error",
        "param": None,
        "code": "404",
    }
    foreign = await world.get("/user/info", "sk-ann", user_id="bob")
    assert foreign.json()["error"]["type"] == "auth_error"


# Everything


async def test_a_proxy_admin_who_names_nobody_is_shown_all_keys_and_teams(world: World) -> None:
    info = await world.ok("/user/info", "sk-root")
    assert (info["user_id"], info["user_info"]["user_email"]) == ("root", "root@example.com")
    assert tokens(info["keys"]) == hashes(
        *("sk-nobody", "sk-team", "sk-service-b", "sk-bob-b", "sk-ann-x", "sk-ann-b"),
        *("sk-dan", "sk-idle", "sk-bob", "sk-ann", "sk-pat", "sk-root"),
    )
    aliases = [key["team_alias"] for key in info["keys"]]
    assert aliases == ["None", "Alpha", "Beta", "Beta", None, "Beta", *["None"] * 6]
    assert info["teams"] == await world.ok("/team/list", "sk-root")
    assert [item["team_id"] for item in info["teams"]] == ["x", "a", "b"]


async def test_the_master_key_is_shown_everything_though_it_has_no_user_row(world: World) -> None:
    everything = await world.ok("/user/info")
    assert (everything["user_id"], everything["user_info"]) == ("default_user_id", None)
    of_root = await world.ok("/user/info", "sk-root")
    assert (everything["keys"], everything["teams"]) == (of_root["keys"], of_root["teams"])


# What is over


async def test_former_teams_and_void_keys_are_not_shown(own: World) -> None:
    for team_id in ("left", "gone", "here"):
        own.team(team_id, {"ann": "user"}, team_alias=team_id)
        own.key(f"sk-{team_id}", team_id=team_id, user_id="ann")
    own.key("sk-deleted", user_id="ann")
    own.tell((key("sk-deleted"), KeyDeleted(settings=key_settings(user_id="ann"))))
    own.tell((team("left"), MemberRemoved(user_id="ann", role="user")))
    own.tell((team("gone"), TeamDeleted(settings=settings(), members_total=1)))
    own.team("gone", {"bob": "user"})
    for by in ("sk-ann", "sk-1234-test-master"):
        info = await own.ok("/user/info", by, user_id="ann")
        assert info["user_info"]["teams"] == ["here"]
        assert [item["team_id"] for item in info["teams"]] == ["here"]
        assert tokens(info["keys"]) == hashes("sk-here", "sk-ann")
    everything = await own.ok("/user/info")
    assert tokens(everything["keys"]) == hashes("sk-here", "sk-ann")
    assert [item["team_id"] for item in everything["teams"]] == ["gone", "here", "left"]


async def test_many_teams_and_keys_are_shown_whole_and_in_order(own: World) -> None:
    for number in range(50):
        own.team(f"many-{number:02}", {"ann": "user"}, team_alias=f"alias {number:02}")
    own.keys([f"sk-many-{number}" for number in range(1_200)], user_id="ann")
    await own.settled()
    info = await own.ok("/user/info", "sk-ann")
    names = [f"many-{number:02}" for number in range(50)]
    assert info["user_info"]["teams"] == names
    assert [item["team_id"] for item in info["teams"]] == names
    expected = sorted(hashes(*(f"sk-many-{number}" for number in range(1_200))), reverse=True)
    assert tokens(info["keys"]) == [*expected, hash_key("sk-ann")]


async def test_an_impossible_name_is_422(world: World) -> None:
    answered = await world.get("/user/info?user_id=%00")
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["loc"] == ["query", "user_id"]
