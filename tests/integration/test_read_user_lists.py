"""GET /user/list and /user/filter/ui (supporting-api.md 3.3, A12), and users who are gone (S14)."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from events.key import KeyDeleted, KeyMoved, KeyOwner
from events.team import MemberRemoved, TeamDeleted
from events.user import UserBudget, UserBudgetChanged, UserCreated, UserDeleted, UserDetailsChanged
from services.access.credentials import hash_key
from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from tests.support.facts import key_settings, settings, user_settings
from tests.support.oracle import assert_projected
from tests.support.postgres import fresh_database
from tests.support.reading import MASTER, Json, World, key, reading, team, user

ONLY_ADMINS = "Only proxy admins and organization admins can list users."
MIGRATION = Path(__file__).parents[2] / "services/database/migrations/read/0006_users.sql"


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Seven users, of whom one is gone; ann leads a team that bob is in, cy led a deleted one."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("root", "root@example.com", role="proxy_admin")
            await world.user("pat", role="proxy_admin_viewer")
            await world.user("ann", "Ann@Example.com", role="internal_user")
            await world.user("bob", "bob@other.org", role="internal_user")
            await world.user("cy", "cy_100%@example.com")
            await world.user("annex", "annex@example.com")
            await world.user("gone", "gone@example.com", role="internal_user")
            for name in ("root", "pat", "ann", "bob", "cy", "gone", "nobody"):
                world.key(f"sk-{name}", user_id=name)
            world.team("b", {"ann": "admin", "bob": "user", "gone": "user"})
            world.team("old", {"cy": "admin"})
            world.tell((team("old"), TeamDeleted(settings=settings(), members_total=1)))
            world.key("sk-ann-b", user_id="ann", team_id="b")
            world.key("sk-cy-old", user_id="cy", team_id="old")
            world.key("sk-deleted", user_id="ann")
            world.tell((key("sk-deleted"), KeyDeleted(settings=key_settings(user_id="ann"))))
            world.key("sk-team", team_id="b")
            sso = UserDetailsChanged(before={}, after={"sso_user_id": "sso-1"})
            world.tell((user("bob"), sso))
            world.tell((user("gone"), UserDeleted(settings=user_settings())))
            await world.settled()
            yield world


@pytest.fixture
async def own(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A world that one test changes."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            yield world


def ids(page: Json) -> list[str]:
    return [listed["user_id"] for listed in page["users"]]


async def listed(world: World, **query: str | int) -> list[str]:
    return ids(await world.ok("/user/list", MASTER, **query))


async def test_users_are_listed_with_how_many_keys_they_own(world: World) -> None:
    page = await world.ok("/user/list")
    assert ids(page) == ["annex", "cy", "bob", "ann", "pat", "root"]
    assert {n: page[n] for n in page if n != "users"} == {
        "total": 6,
        "page": 1,
        "page_size": 25,
        "total_pages": 1,
    }
    counts = {each["user_id"]: each["key_count"] for each in page["users"]}
    assert counts == {"annex": 0, "cy": 1, "bob": 1, "ann": 2, "pat": 1, "root": 1}
    [ann] = [each for each in page["users"] if each["user_id"] == "ann"]
    assert (ann["user_email"], ann["user_role"], ann["teams"]) == (
        *("Ann@Example.com", "internal_user"),
        ["b"],
    )
    assert "password" not in ann


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"role": "internal_user"}, ["bob", "ann"]),
        ({"user_ids": "ANN"}, ["annex", "ann"]),
        ({"user_ids": "ann, bob,unknown"}, ["bob", "ann"]),
        ({"user_ids": "ann,"}, ["annex", "ann"]),
        ({"user_email": "ANN@"}, ["ann"]),
        ({"user_email": "%"}, ["cy"]),
        ({"user_email": "_"}, ["cy"]),
        ({"sso_user_ids": "sso-1,x"}, ["bob"]),
        ({"team": "b"}, ["bob", "ann"]),
        ({"team": "old"}, []),
        ({"organization_ids": "acme"}, []),
        ({"team": "b", "user_email": "other"}, ["bob"]),
        ({"role": "", "user_email": ""}, ["annex", "cy", "bob", "ann", "pat", "root"]),
        ({"user_email": "gone@"}, []),
    ],
)
async def test_all_conditions_must_hold(
    world: World, query: dict[str, str], found: list[str]
) -> None:
    page = await world.ok("/user/list", **query)
    assert (ids(page), page["total"]) == (found, len(found))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sort_by": "user_id"}, ["ann", "annex", "bob", "cy", "pat", "root"]),
        (
            {"sort_by": "user_id", "sort_order": "DESC"},
            ["root", "pat", "cy", "bob", "annex", "ann"],
        ),
        ({"sort_by": "created_at"}, ["root", "pat", "ann", "bob", "cy", "annex"]),
        ({"sort_by": "user_email"}, ["ann", "annex", "bob", "cy", "root", "pat"]),
        ({"sort_by": "spend"}, ["ann", "annex", "bob", "cy", "pat", "root"]),
        ({"sort_by": "user_alias"}, ["ann", "annex", "bob", "cy", "pat", "root"]),
        ({"sort_by": "user_role"}, ["ann", "bob", "root", "pat", "annex", "cy"]),
    ],
)
async def test_every_order_is_stable_and_has_nothing_last(
    world: World, query: dict[str, str], found: list[str]
) -> None:
    assert await listed(world, **query) == found
    pages = [await listed(world, page=number, page_size=2, **query) for number in (1, 2, 3, 4)]
    assert [name for page in pages for name in page] == found


async def test_pages_say_how_many_there_are(world: World) -> None:
    for number, size, last in ((2, 4, 2), (9, 4, 2), (1, 100, 1)):
        page = await world.ok("/user/list", page=number, page_size=size)
        assert (page["total"], page["page"], page["total_pages"]) == (6, number, last)


@pytest.mark.parametrize(
    "query", [{"sort_by": "email"}, {"sort_by": "user_id; --"}, {"sort_order": "up"}]
)
async def test_an_order_that_is_none_is_400(world: World, query: dict[str, str]) -> None:
    status, text = await world.refused("/user/list", **query)
    assert status == 400
    assert text.startswith("Invalid sort ")


async def test_a05_only_admins_and_viewers_list_users(world: World) -> None:
    assert await world.ok("/user/list", "sk-pat") == await world.ok("/user/list", "sk-root")
    for by in ("sk-ann", "sk-bob", "sk-cy", "sk-team", "sk-nobody"):
        for query in ({}, {"organization_ids": "acme"}, {"sort_by": "no such column"}):
            assert await world.refused("/user/list", by, **query) == (403, ONLY_ADMINS)


async def test_a12_an_admin_of_a_team_that_is_gone_searches_no_users(world: World) -> None:
    found = await world.ok("/user/filter/ui", "sk-ann", user_email="@EXAMPLE", page_size=2)
    assert [each["user_id"] for each in found] == ["annex", "cy"]
    own = await world.ok("/user/filter/ui", "sk-ann", team_id="b")
    assert [each["user_id"] for each in own] == ["bob", "ann"]
    for by in ("sk-cy", "sk-bob", "sk-team", "sk-nobody"):
        assert (await world.refused("/user/filter/ui", by))[0] == 403


async def test_s14_nothing_of_a_deleted_user_is_shown(world: World) -> None:
    assert await world.refused("/user/info", user_id="gone") == (404, "User gone not found")
    assert (await world.get("/key/info", "sk-gone")).status_code == 401
    assert (await world.refused("/key/info", key="sk-gone"))[0] == 404
    assert hash_key("sk-gone") not in (await world.ok("/key/list", size=100))["keys"]
    shown = await world.ok("/team/info", team_id="b")
    assert [m["user_id"] for m in shown["team_info"]["members_with_roles"]] == ["ann", "bob"]
    assert [m["user_id"] for m in shown["team_memberships"]] == ["ann", "bob"]
    for item in await world.ok("/team/list", user_id="ann"):
        assert len(item["members_with_roles"]) == 2
        assert "members_total" not in item
    assert await world.ok("/team/list", "sk-root", user_id="gone") == []


async def test_s14_a_user_who_begins_again_has_nothing_of_his_earlier_life(own: World) -> None:
    await own.user("ann", "ann@example.com")
    own.team("t", {"ann": "admin"})
    own.key("sk-old", user_id="ann")
    own.key("sk-old-t", user_id="ann", team_id="t")
    own.key("sk-lent", user_id="bob")
    own.tell((user("ann"), UserDeleted(settings=user_settings())))
    own.tell((user("ann"), UserCreated(settings=user_settings())))
    own.key("sk-new", user_id="ann")
    for secret in ("sk-old", "sk-old-t"):
        assert (await own.get("/user/info", secret)).status_code == 401
    moved = KeyMoved(before=KeyOwner(user_id="bob"), after=KeyOwner(user_id="ann"))
    own.tell((key("sk-lent"), moved))
    info = await own.ok("/user/info", "sk-new")
    assert (info["user_info"]["teams"], info["teams"]) == ([], [])
    assert {k["token"] for k in info["keys"]} == {hash_key("sk-new"), hash_key("sk-lent")}
    assert (await own.get("/team/info", "sk-new", team_id="t")).status_code == 403
    assert (await own.get("/user/info", "sk-lent")).status_code == 200
    own.tell((team("t"), MemberRemoved(user_id="ann", role="admin")))
    await own.settled()
    assert_projected(own.url)


async def test_d38_another_amount_does_not_move_the_end_of_the_window(own: World) -> None:
    await own.user("ann")
    budgets = [
        UserBudget(max_budget=amount, budget_duration=duration)
        for amount, duration in (("1", None), ("1", "30d"), ("2", "30d"))
    ]
    own.tell((user("ann"), UserBudgetChanged(before=budgets[0], after=budgets[1])))
    before = (await own.ok("/user/info", user_id="ann"))["user_info"]["budget_reset_at"]
    answered = await own.get("/user/info", user_id="ann")
    assert answered.headers["etag"] == '"2"'
    own.tell((user("ann"), UserBudgetChanged(before=budgets[1], after=budgets[2])))
    shown = (await own.ok("/user/info", user_id="ann"))["user_info"]
    assert (shown["budget_reset_at"], shown["max_budget"]) == (before, 2)
    assert (await own.get("/user/info")).headers.get("etag") is None


async def test_rows_of_the_release_before_are_completed_as_a_rebuild_would(own: World) -> None:
    await own.user("ann")
    own.team("t", {"ann": "user"})
    for secret in ("sk-a", "sk-b"):
        own.key(secret, user_id="ann")
    owners = KeyOwner(user_id="ann"), KeyOwner(user_id="bob")
    own.tell((key("sk-a"), KeyMoved(before=owners[0], after=owners[1])))
    own.tell((key("sk-b"), KeyDeleted(settings=key_settings(user_id="ann"))))
    await own.settled()
    query = "SELECT token, owned_at FROM read.keys_1 ORDER BY token"
    changes = [text for text in MIGRATION.read_text().split(";") if "UPDATE read.keys_1" in text]
    with psycopg.connect(owner_conninfo(own.url), autocommit=True) as database:
        projected = database.execute(query).fetchall()
        database.execute("UPDATE read.keys_1 SET owned_at = 0")
        database.execute(changes[0])
        assert database.execute(query).fetchall() == projected
