"""GET /key/list while keys, teams and permissions change (supporting-api.md 2.6, A06)."""

from collections.abc import AsyncIterator

import pytest

from events.envelope import Meta
from events.key import KeyBlocked, KeyDeleted
from events.team import MemberPermissionsChanged, MemberRemoved, TeamDeleted
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.facts import key_settings, settings
from tests.support.key_lists import aliases
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, generated, key, reading, team

MASTER = "sk-1234-test-master"


@pytest.fixture
async def own(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A world that one test changes."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            for name in ("ann", "bob"):
                await world.user(name)
                world.key(f"sk-{name}", user_id=name, key_alias=name)
            yield world


async def test_budgets_are_sorted_as_numbers_and_changes_by_their_time(own: World) -> None:
    for amount in ("9", "10.5", "100"):
        own.key(f"sk-{amount}", key_alias=amount, max_budget=amount)
    by_budget = await aliases(own, MASTER, sort_by="max_budget", sort_order="asc")
    assert by_budget[:3] == ["9", "10.5", "100"]
    own.tell((key("sk-9"), KeyBlocked()))
    latest = await aliases(own, MASTER, sort_by="updated_at")
    assert latest[:3] == ["9", "100", "10.5"]


async def test_keys_made_at_the_same_time_stand_by_their_hashes(own: World) -> None:
    secrets = [f"sk-same-{number}" for number in range(20)]
    own.tell(*((key(secret), generated(secret)) for secret in secrets))
    found: list[str] = []
    for number in range(1, 5):
        found += (await own.ok("/key/list", page=number, size=5))["keys"]
    assert found == sorted(map(hash_key, secrets), reverse=True)


async def test_a06_the_permission_to_list_keys_is_what_shows_those_of_other_members(
    own: World,
) -> None:
    own.team("t", {"ann": "user", "bob": "user"})
    own.key("sk-ann-t", team_id="t", user_id="ann", key_alias="ann-t")
    own.key("sk-t", team_id="t", key_alias="service")
    query = {"include_team_keys": "true", "team_id": "t"}
    for granted, expected in (
        ([], ["service"]),
        (["/key/info"], ["service"]),
        (["/key/list"], ["service", "ann-t"]),
    ):
        own.tell((team("t"), MemberPermissionsChanged(before=[], after=granted)))
        assert await aliases(own, "sk-bob", **query) == expected


async def test_keys_that_somebody_made_are_those_of_his_present_teams(own: World) -> None:
    own.team("t", {"ann": "user", "bob": "user"})
    own.team("u", {"bob": "user"})
    by_ann = Meta("made", "/key/generate", actor="ann")
    for alias, values in (
        ("of-nobody", {}),
        ("of-bob", {"user_id": "bob"}),
        ("in-t", {"team_id": "t", "team_incarnation": 1}),
        ("in-u", {"team_id": "u", "team_incarnation": 1}),
    ):
        secret = f"sk-{alias}"
        own.tell((key(secret), generated(secret, key_alias=alias, **values)), meta=by_ann)
    made = {"include_created_by_keys": "true"}
    assert await aliases(own, "sk-ann", **made) == ["in-t", "of-bob", "of-nobody", "ann"]
    assert await aliases(own, "sk-bob", **made) == ["of-bob", "bob"]
    query = {**made, "user_id": "ann"}
    by = MASTER
    assert await aliases(own, by, **query) == ["in-t", "of-bob", "of-nobody", "ann"]
    own.tell((team("t"), MemberRemoved(user_id="ann", role="user")))
    assert await aliases(own, "sk-ann", **made) == ["of-bob", "of-nobody", "ann"]


async def test_keys_are_found_by_project_and_access_group(own: World) -> None:
    own.key("sk-p", key_alias="p", extra={"project_id": "p1", "access_group_ids": ["g1", "g2"]})
    by = MASTER
    assert await aliases(own, by, project_id="p1") == ["p"]
    assert await aliases(own, by, access_group_id="g2") == ["p"]
    assert await aliases(own, by, project_id="p2") == []
    assert await aliases(own, by, access_group_id="g") == []


async def test_the_maker_of_a_key_is_for_admins_and_viewers(own: World) -> None:
    await own.user("maker", "maker@example.com")
    meta = Meta("made", "/key/generate", actor="maker")
    made = generated("sk-made", user_id="ann", key_alias="made")
    own.tell((key("sk-made"), made), meta=meta)
    for by, maker in ((MASTER, "maker@example.com"), ("sk-ann", None)):
        [item] = (await own.ok("/key/list", by, key_alias="made", expand="user"))["keys"]
        assert (item["created_by_user"] or {}).get("user_email") == maker


async def test_void_keys_are_not_listed_and_neither_counted_among_few(own: World) -> None:
    own.team("t", {"ann": "user", "bob": "admin"})
    own.key("sk-ann-t", team_id="t", user_id="ann", key_alias="ann-t")
    own.key("sk-t", team_id="t", key_alias="service")
    by, teams = MASTER, {"include_team_keys": "true"}
    assert await aliases(own, by, team_id="t") == ["service", "ann-t"]
    own.tell((team("t"), MemberRemoved(user_id="ann", role="user")))
    assert await aliases(own, by, team_id="t") == ["service"]
    assert await aliases(own, by, user_id="ann") == ["ann"]
    assert await aliases(own, "sk-ann", **teams) == ["ann"]
    assert await aliases(own, "sk-bob", **teams) == ["service", "bob"]
    assert (await own.ok("/key/list", by))["keys"][0] == hash_key("sk-t")
    own.tell((team("t"), TeamDeleted(settings=settings(), members_total=1)))
    assert await aliases(own, by, team_id="t") == []
    assert await own.refused("/key/list", "sk-bob", team_id="t") == (
        403,
        "You are not authorized to check this team's keys",
    )
    own.team("t", {"ann": "admin"})
    assert await aliases(own, by, team_id="t") == []
    assert await aliases(own, "sk-ann", **teams) == ["ann"]
    listed = (await own.ok("/key/list", by))["keys"]
    assert listed == [hash_key("sk-bob"), hash_key("sk-ann")]


async def test_deleted_keys_show_how_they_ended(own: World) -> None:
    values: Json = {"user_id": "ann", "key_alias": "gone"}
    for claim, role in (("first", "proxy_admin"), ("second", "internal_user")):
        own.key("sk-gone", **values)
        meta = Meta(
            f"delete-{claim}",
            "/key/delete",
            actor="root",
            actor_key="hash of root",
            actor_role=role,
            on_behalf_of=await own.sealed(claim, claim),
        )
        own.tell((key("sk-gone"), KeyDeleted(settings=key_settings(**values))), meta=meta)
    assert await aliases(own, "sk-ann") == ["ann"]
    for by in ("sk-ann", MASTER):
        page = await own.ok("/key/list", by, status="deleted", return_full_object="true")
        assert (page["total_count"], [item["key_alias"] for item in page["keys"]]) == (
            2,
            ["gone", "gone"],
        )
        second, first = page["keys"]
        assert (first["deleted_by"], first["deleted_by_api_key"]) == ("root", "hash of root")
        assert (first["litellm_changed_by"], second["litellm_changed_by"]) == ("first", None)
        assert first["token"] == second["token"] == hash_key("sk-gone")
        assert first["deleted_at"] < second["created_at"] < second["deleted_at"]
        assert first["id"] != second["id"]
        assert "team_models" not in first
    assert await aliases(own, "sk-bob", status="deleted") == []
    hashes = await own.ok("/key/list", "sk-ann", status="deleted")
    assert hashes["keys"] == [hash_key("sk-gone")] * 2


async def test_the_total_follows_every_change(own: World) -> None:
    query = {"user_id": "ann"}
    for count in range(1, 4):
        assert (await own.ok("/key/list", **query))["total_count"] == count
        own.key(f"sk-more-{count}", user_id="ann")
    gone = KeyDeleted(settings=key_settings(user_id="ann"))
    own.tell((key("sk-more-1"), gone))
    assert (await own.ok("/key/list", **query))["total_count"] == 3
    assert (await own.ok("/key/list", "sk-ann"))["total_count"] == 3
    answered = await own.get("/key/list")
    assert answered.json()["total_count"] == 4
    assert answered.headers["x-event-position"] == str(own.history.position)
