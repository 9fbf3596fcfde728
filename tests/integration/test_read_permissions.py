"""GET /team/permissions_list: what members of a team may do (team-api.md 3.17)."""

from collections.abc import AsyncIterator

import pytest

from events.team import MemberPermissionsChanged, MemberRoleChanged, TeamDeleted
from services.database.embedded import EmbeddedServer
from tests.contract.cases import load
from tests.support.facts import settings
from tests.support.postgres import fresh_database
from tests.support.reading import World, reading, team

PATH = "/team/permissions_list"


def forbidden(team_id: str) -> tuple[int, str]:
    text = "Call not allowed. User not proxy admin OR team admin. "
    return 403, f"{text}route={PATH}, team_id={team_id}"


def unknown(team_id: str) -> tuple[int, str]:
    return 404, f"Team doesn't exist in db. Team={team_id}. Create team via `/team/new` call."


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann administers `t` and `on-offer`, bob is in both."""
    with fresh_database(postgres_server) as url:
        async with reading(url, available_teams=("on-offer",)) as world:
            await world.user("root", role="proxy_admin")
            await world.user("pat", role="proxy_admin_viewer")
            for name in ("ann", "bob", "eve"):
                await world.user(name)
            for name in ("root", "pat", "ann", "bob", "eve"):
                world.key(f"sk-{name}", user_id=name)
            for team_id in ("t", "on-offer", "gone"):
                world.team(team_id, {"ann": "admin", "bob": "user"})
            world.tell((team("gone"), TeamDeleted(settings=settings(), members_total=2)))
            world.key("sk-team", team_id="t")
            world.key("sk-nobody")
            yield world


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-root", "sk-ann"])
async def test_d18_permissions_list_shows_effective_defaults(world: World, by: str) -> None:
    [recorded] = [case.response for case in load() if case.title == "team permissions list"]
    assert recorded is not None
    body = recorded["body"]
    assert isinstance(body, dict)
    assert await world.ok(PATH, by, team_id="t") == {
        "team_id": "t",
        "team_member_permissions": [],
        "effective_permissions": ["/key/info", "/key/health"],
        "is_default": True,
        "all_available_permissions": [*body["all_available_permissions"], "/key/health"],
    }


async def test_d18_a_list_of_the_teams_own_is_told_from_the_default(world: World) -> None:
    world.team("own", {"ann": "admin"})
    for after, shown, default in (
        (["/key/list"], ["/key/list"], False),
        (["/key/info", "/key/health"], ["/key/info", "/key/health"], False),
        ([], ["/key/info", "/key/health"], True),
    ):
        world.tell((team("own"), MemberPermissionsChanged(before=[], after=after)))
        answered = await world.get(PATH, "sk-ann", team_id="own")
        body = answered.json()
        assert (body["team_member_permissions"], body["is_default"]) == (after, default)
        assert body["effective_permissions"] == shown
        assert answered.headers["x-event-position"] == str(world.history.position)


@pytest.mark.parametrize("by", ["sk-bob", "sk-eve", "sk-team", "sk-nobody"])
async def test_d09_d65_strangers_and_members_get_one_403_for_any_team(
    world: World, by: str
) -> None:
    for team_id in ("t", "gone", "never", "on-offer", ""):
        assert await world.refused(PATH, by, team_id=team_id) == forbidden(team_id)
    assert await world.refused(PATH, by) == forbidden("")


async def test_d04_a_team_on_offer_opens_nothing_to_those_who_may_join(world: World) -> None:
    assert await world.refused(PATH, "sk-eve", team_id="on-offer") == forbidden("on-offer")
    assert (await world.ok(PATH, "sk-ann", team_id="on-offer"))["is_default"]


async def test_viewers_see_that_a_team_exists_but_not_this(world: World) -> None:
    assert await world.refused(PATH, "sk-pat", team_id="t") == forbidden("t")


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-root", "sk-pat"])
async def test_who_sees_every_team_is_told_that_there_is_none(world: World, by: str) -> None:
    for team_id in ("gone", "never", ""):
        assert await world.refused(PATH, by, team_id=team_id) == unknown(team_id)
    assert await world.refused(PATH, by) == unknown("")


async def test_former_admins_are_strangers(world: World) -> None:
    assert await world.refused(PATH, "sk-ann", team_id="gone") == forbidden("gone")
    world.team("left", {"ann": "admin"})
    assert (await world.get(PATH, "sk-ann", team_id="left")).status_code == 200
    world.tell((team("left"), MemberRoleChanged(user_id="ann", before="admin", after="user")))
    assert await world.refused(PATH, "sk-ann", team_id="left") == forbidden("left")


async def test_an_impossible_name_is_422(world: World) -> None:
    answered = await world.get(f"{PATH}?team_id=%00")
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["loc"] == ["query", "team_id"]
