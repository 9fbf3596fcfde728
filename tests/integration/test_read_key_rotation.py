"""What a rotated key leaves in the read models: who is calling, lists, aliases, many at once."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from events.envelope import Envelope
from events.key import KeyGenerated, KeyRotated, Succession
from events.team import MemberRemoved
from services.access.credentials import MAX_ROTATIONS, hash_key
from services.projection.rebuild import rebuild
from tests.support.eventlog import START, History, create_read
from tests.support.facts import key_settings
from tests.support.projected import contents, everything, project
from tests.support.reading import MASTER, Json, World, generated, key, reading, team


@pytest.fixture
async def own(database_url: str) -> AsyncIterator[World]:
    """Ann and bob, whose keys are called like them."""
    async with reading(database_url) as world:
        for name in ("ann", "bob"):
            await world.user(name)
            world.key(f"sk-{name}", user_id=name, key_alias=name)
        yield world


def rotate(world: World, old: str, new: str, until: datetime | None, **values: object) -> None:
    """A secret takes another one's place."""
    world.tell(*rotation(old, new, until, **values))


def rotation(old: str, new: str, until: datetime | None, **values: object) -> Any:  # noqa: ANN401
    settings = key_settings(key_name=f"sk-...{new[-4:]}", **values)
    ended = KeyRotated(settings=settings, successor=hash_key(new), until=until)
    past = Succession(
        token=hash_key(old), created_at=START, created_by="ann", budget_since=START, rotations=1
    )
    begun = KeyGenerated(settings=settings, succeeds=past)
    return (key(old), ended), (key(new), begun)


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def status(world: World, secret: str) -> int:
    return (await world.get("/key/info", secret)).status_code


async def test_a08_an_old_secret_is_its_successor_until_the_clock_says_otherwise(
    own: World,
) -> None:
    rotate(own, "sk-ann", "sk-new", soon(1.5), user_id="ann")
    for _ in range(2):
        seen = await own.ok("/key/info", "sk-ann")
        assert seen["key"] == hash_key("sk-new")
    await asyncio.sleep(1.6)
    assert (await status(own, "sk-ann"), await status(own, "sk-new")) == (401, 200)


async def test_a08_a_chain_of_rotations_is_followed_so_far(own: World) -> None:
    names = ["sk-ann", *(f"sk-{n}" for n in range(MAX_ROTATIONS + 1))]
    for old, new in itertools.pairwise(names):
        rotate(own, old, new, soon(60), user_id="ann")
    answers = [await status(own, name) for name in names]
    assert answers == [401, *[200] * (MAX_ROTATIONS + 1)]


async def test_s07_without_grace_the_old_secret_is_unknown(own: World) -> None:
    assert await status(own, "sk-ann") == 200
    rotate(own, "sk-ann", "sk-new", None, user_id="ann")
    refused, text = await own.refused("/key/info", "sk-ann")
    assert (refused, hash_key("sk-ann") in text) == (401, True)
    assert await own.refused("/key/info", key="sk-ann") == (404, "Key not found in database")


async def test_the_old_secret_is_void_with_the_membership_of_the_new_one(own: World) -> None:
    own.team("t", {"ann": "user"})
    own.key("sk-t", team_id="t", user_id="ann")
    tie = {"team_incarnation": 1, "member_since": own.joined[team("t"), "ann"]}
    rotate(own, "sk-t", "sk-t-new", soon(60), team_id="t", user_id="ann", **tie)
    assert await status(own, "sk-t") == 200
    own.tell((team("t"), MemberRemoved(user_id="ann", role="user")))
    assert (await status(own, "sk-t"), await status(own, "sk-t-new")) == (401, 401)


async def test_a_rotated_key_keeps_its_place_and_its_maker(own: World) -> None:
    rotate(own, "sk-ann", "sk-new", None, user_id="ann", key_alias="ann")
    page = await own.ok("/key/list", return_full_object="true")
    assert [item["key_alias"] for item in page["keys"]] == ["bob", "ann"]
    [_, item] = page["keys"]
    assert (item["created_by"], item["rotation_count"]) == ("ann", 1)
    assert item["last_rotation_at"] == item["updated_at"] != item["created_at"]
    [gone] = (await own.ok("/key/list", status="deleted", return_full_object="true"))["keys"]
    assert (gone["token"], gone["rotation_count"]) == (hash_key("sk-ann"), 0)


@pytest.mark.parametrize("path", ["/user/info?user_id=ann", "/team/list"])
async def test_those_who_read_rotated_keys_at_once_do_not_wait_for_each_other(
    own: World, path: str
) -> None:
    """Each reads over one connection: there are fewer of them than who ask."""
    for n in range(30):
        own.team(f"t{n}", {})
    own.key("sk-old", team_id="t0", user_id="ann")
    rotate(own, "sk-old", "sk-new", None, team_id="t0", team_incarnation=1, user_id="ann")
    await own.settled()
    asked = [own.get(path) for _ in range(3 * own.context.read_pool.max_size)]
    assert {answered.status_code for answered in await asyncio.gather(*asked)} == {200}


async def test_aliases_are_those_that_the_caller_would_be_listed(own: World) -> None:
    own.team("t", {"ann": "admin", "bob": "user"})
    for alias, values in (
        ("Ann of t", {"user_id": "ann"}),
        ("100% service", {}),
        ("bob_of_t", {"user_id": "bob"}),
    ):
        own.key(f"sk-{alias}", team_id="t", key_alias=alias, **values)
    own.key("sk-lone", key_alias="lone")
    own.key("sk-none")
    everything = ["100% service", "Ann of t", "ann", "bob", "bob_of_t", "lone"]

    async def aliases(by: str = MASTER, **query: str | int) -> Json:
        page = await own.ok("/key/aliases", by, **query)
        assert page["total_count"] >= len(page["aliases"])
        return page["aliases"]

    assert await aliases() == everything
    assert await aliases("sk-ann") == ["100% service", "Ann of t", "ann", "bob_of_t"]
    assert await aliases("sk-bob") == ["100% service", "bob", "bob_of_t"]
    assert await aliases(search="ANN") == ["Ann of t", "ann"]
    assert await aliases(search="%") == ["100% service"]
    assert await aliases("sk-bob", search="ann") == []
    assert await aliases(size=2, page=2) == ["ann", "bob"]
    page = await own.ok("/key/aliases", size=4)
    numbers = ("total_count", "current_page", "total_pages", "size")
    assert [page[name] for name in numbers] == [6, 1, 2, 4]
    own.tell((team("t"), MemberRemoved(user_id="bob", role="user")))
    assert await aliases("sk-bob") == ["bob"]


async def test_d63_aliases_are_for_users_who_exist(own: World) -> None:
    own.key("sk-lone")
    own.key("sk-ghost", user_id="ghost")
    for by in ("sk-lone", "sk-ghost"):
        assert (await own.refused("/key/aliases", by))[0] == 403


async def test_a11_many_keys_are_read_as_of_one_position(own: World) -> None:
    body = {"keys": ["sk-ann", "sk-bob", hash_key("sk-ann"), "sk-unknown", "", "sk-ann"]}
    sent = {"Authorization": "Bearer sk-ann"}
    answered = await own.http.post("/v2/key/info", json=body, headers=sent)
    assert answered.json()["key"] == ["sk-ann", hash_key("sk-ann")]
    assert answered.headers["x-event-position"] == str(own.history.position)
    nothing = await own.http.post("/v2/key/info", json={"keys": []}, headers=sent)
    assert nothing.json() == {"key": [], "info": []}


def history_of_one_key() -> list[Envelope]:
    """Five facts: a key that is rotated twice."""
    log, past = History(), {"user_id": "ann", "key_alias": "ann"}
    made = log.command((key("sk-1"), generated("sk-1", **past)))
    once = log.command(*rotation("sk-1", "sk-2", START, **past))
    return [*made, *once, *log.command(*rotation("sk-2", "sk-3", None, **past))]


@pytest.mark.parametrize("cuts", [[], [1], [1, 3], [3]])
async def test_batches_may_be_cut_anywhere(database_url: str, cuts: list[int]) -> None:
    create_read(database_url)
    facts = history_of_one_key()
    ends = [*cuts, len(facts)]
    batches = [facts[a:b] for a, b in zip([0, *cuts], ends, strict=True)]
    await project(database_url, batches)
    with psycopg.connect(database_url) as conn:
        rows = {row["token"]: row for row in contents(conn, "keys_1")}
    first, second, third = (rows[hash_key(f"sk-{n}")] for n in (1, 2, 3))
    assert [row["deleted_cause"] for row in (first, second, third)] == ["rotated", "rotated", None]
    assert (first["successor"], first["accepted_until"]) == (hash_key("sk-2"), START)
    assert (second["successor"], second["accepted_until"]) == (hash_key("sk-3"), None)
    assert [row["rotations"] for row in (first, second, third)] == [None, 1, 1]
    assert (third["created_at"], third["created_by"]) == (START, "ann")


async def test_rotated_keys_are_rebuilt_as_they_are(own: World) -> None:
    rotate(own, "sk-ann", "sk-new", soon(60), user_id="ann", key_alias="ann")
    rotate(own, "sk-bob", "sk-bob-new", None, user_id="bob", key_alias="bob")
    await own.settled()
    with psycopg.connect(own.url, autocommit=True) as conn:
        before = everything(conn)
        async with asyncio.timeout(60):
            report = await rebuild(own.context.group, own.url, progress=lambda *_: None)
        assert [table.equal for table in report.tables] == [True] * len(report.tables)
        assert everything(conn) == before
    assert [await status(own, key) for key in ("sk-ann", "sk-bob", "sk-new")] == [200, 401, 200]
