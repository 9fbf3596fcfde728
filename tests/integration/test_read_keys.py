"""GET /key/info: one key, for those who may read it (supporting-api.md 2.3, auth.md 4)."""

from collections.abc import AsyncIterator

import pytest

from events.key import KeyDeleted
from events.team import MemberPermissionsChanged, MemberRemoved, TeamDeleted
from services.access.credentials import hash_key, master_principal
from services.access.principal import Credential
from services.database.connections import keyed_conninfo, open_pool
from services.database.embedded import EmbeddedServer
from services.projection.queries.keys import Keys
from services.projection.queries.teams import Question, Teams
from tests.support.facts import key_settings, settings
from tests.support.postgres import fresh_database
from tests.support.reading import World, key, reading, team

MASTER = Credential(token="", tail="", master=True)
FORBIDDEN = (403, "You are not allowed to access this key's info. Your role=internal_user")
UNKNOWN = (404, "Key not found in database")


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Bob's key in a team that ann administers and cy is in, and keys of all of them."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("pat", role="proxy_admin_viewer")
            world.team("t", {"ann": "admin", "bob": "user", "cy": "user"})
            for name in ("pat", "ann", "bob", "cy", "eve"):
                world.key(f"sk-{name}", user_id=name)
            world.key("sk-bob-here", user_id="bob", team_id="t", key_alias="Bob's")
            world.key("sk-service", team_id="t")
            world.key("sk-nobody")
            yield world


async def test_a_key_is_named_by_itself_or_by_its_hash_in_any_case(world: World) -> None:
    token = hash_key("sk-bob-here")
    for name in ("sk-bob-here", token, token.upper()):
        answer = await world.ok("/key/info", key=name)
        assert answer["key"] == name
        assert answer["info"]["key_alias"] == "Bob's"
        assert answer["info"]["team_id"] == "t"
        assert "token" not in answer["info"]


async def test_without_a_name_it_is_the_callers_own(world: World) -> None:
    for by in ("sk-bob-here", "sk-nobody", "sk-service"):
        answer = await world.ok("/key/info", by)
        assert answer["key"] == hash_key(by)
        assert answer["info"]["key_name"] == f"sk-...{by[-4:]}"


async def test_the_master_key_is_no_virtual_key(world: World) -> None:
    answered = await world.get("/key/info")
    assert answered.status_code == 404
    assert answered.json()["error"] == {
        "message": "Key not found in database",
        "type": "not_found_error",
        "param": None,
        "code": "404",
    }


@pytest.mark.parametrize("by", ["sk-pat", "sk-ann", "sk-bob", "sk-cy", "sk-bob-here"])
async def test_viewers_owners_team_admins_and_members_read_a_key_of_a_team(
    world: World, by: str
) -> None:
    assert (await world.ok("/key/info", by, key="sk-bob-here"))["info"]["user_id"] == "bob"


@pytest.mark.parametrize("by", ["sk-eve", "sk-service", "sk-nobody"])
async def test_others_do_not_and_cannot_tell_whether_there_is_such_a_key(
    world: World, by: str
) -> None:
    for name in ("sk-bob-here", "sk-unknown", "0" * 64, "", "nonsense"):
        assert await world.refused("/key/info", by, key=name) == FORBIDDEN


async def test_no_owner_is_not_the_same_as_no_owner(world: World) -> None:
    assert await world.refused("/key/info", "sk-nobody", key="sk-service") == FORBIDDEN
    assert await world.refused("/key/info", "sk-service", key="sk-nobody") == FORBIDDEN


async def test_members_need_the_permission_of_their_team(world: World) -> None:
    world.team("strict", {"ann": "admin", "bob": "user", "cy": "user"})
    world.key("sk-bob-strict", user_id="bob", team_id="strict")
    assert (await world.get("/key/info", "sk-cy", key="sk-bob-strict")).status_code == 200
    for after, allowed in ((["/key/generate"], False), (["/key/info"], True)):
        change = MemberPermissionsChanged(before=[], after=after)
        world.tell((team("strict"), change))
        answered = await world.get("/key/info", "sk-cy", key="sk-bob-strict")
        assert answered.status_code == (200 if allowed else 403)
        assert (await world.get("/key/info", "sk-ann", key="sk-bob-strict")).status_code == 200


async def test_deleted_and_void_keys_are_unknown(world: World) -> None:
    mine = {"user_id": "eve", "team_id": "t2"}
    world.team("t2", {"eve": "user"})
    world.key("sk-gone", **mine)
    world.key("sk-void", **mine)
    world.tell((key("sk-gone"), KeyDeleted(settings=key_settings(**mine))))
    assert await world.refused("/key/info", key="sk-gone") == UNKNOWN
    assert (await world.get("/key/info", key="sk-void")).status_code == 200
    world.tell((team("t2"), MemberRemoved(user_id="eve", role="user")))
    assert await world.refused("/key/info", key="sk-void") == UNKNOWN
    world.key("sk-left-over", team_id="t2")
    world.tell((team("t2"), TeamDeleted(settings=settings(), members_total=0)))
    assert await world.refused("/key/info", key="sk-left-over") == UNKNOWN
    world.team("t2")
    assert await world.refused("/key/info", key="sk-left-over") == UNKNOWN


async def test_a_key_that_is_made_again_is_known_again(world: World) -> None:
    world.key("sk-twice", user_id="eve", key_alias="one")
    world.tell((key("sk-twice"), KeyDeleted(settings=key_settings(user_id="eve"))))
    assert await world.refused("/key/info", key="sk-twice") == UNKNOWN
    world.key("sk-twice", user_id="bob", key_alias="two")
    assert (await world.ok("/key/info", key="sk-twice"))["info"]["key_alias"] == "two"
    assert (await world.ok("/key/info", "sk-twice"))["info"]["user_id"] == "bob"


async def test_a_name_that_no_key_can_have_is_422(world: World) -> None:
    answered = await world.get("/key/info?key=sk-%00")
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["loc"] == ["query", "key"]


async def test_what_finds_rows_by_keys_is_planned_once(world: World) -> None:
    """With an array as parameter PostgreSQL would plan each execution anew."""
    pool = await open_pool(keyed_conninfo(world.url), 1, 1, "plans")
    async with pool:
        keys, teams = Keys(pool), Teams(pool)
        everybody = Question("t", None, everybody=True, every_key=True, administers=())
        for _ in range(8):
            position, found = await keys.one(master_principal(MASTER), hash_key("sk-bob-here"))
            assert found is not None
            assert (await teams.whole(everybody))[0] == position
        async with pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT count(*), min(generic_plans), max(custom_plans) FROM pg_prepared_statements"
            )
            assert await cursor.fetchone() == (2, 8, 0)
