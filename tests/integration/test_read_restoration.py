"""A restored team as it is read: as it was, without the keys that it had (decision 012)."""

from collections.abc import AsyncIterator

import pytest

from events.key import KeyDeleted, KeyRestored
from events.registry import DomainEvent
from events.team import MembersRestored, RestoredMember, TeamDeleted, TeamRestored
from events.user import UserDeleted
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.facts import key_settings, settings, user_settings
from tests.support.postgres import fresh_database
from tests.support.reading import World, key, reading, team, user

OWN = settings(team_alias="Core", metadata={"a": 1})
ENDED = TeamDeleted(settings=OWN, members_total=2)
BACK = TeamRestored(settings=OWN, members_total=2, keys=True)
UNKNOWN = (404, "Key not found in database")


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            for name in ("ann", "bob"):
                await world.user(name, f"{name}@example.com")
                world.key(f"sk-{name}", user_id=name)
            yield world


def make_team(world: World, team_id: str) -> list[str]:
    """A team of ann and bob; the keys of the team and of ann in it."""
    world.team(team_id, {"ann": "admin", "bob": "user"}, team_alias="Core", metadata={"a": 1})
    secrets = [f"sk-of-{team_id}", f"sk-ann-in-{team_id}"]
    world.key(secrets[0], team_id=team_id)
    world.key(secrets[1], team_id=team_id, user_id="ann")
    return secrets


def happens(world: World, team_id: str, *facts: DomainEvent) -> None:
    for fact in facts:
        world.tell((team(team_id), fact))


async def shown_keys(world: World, team_id: str) -> set[str]:
    """The hashes of a team's keys, which all reads have to agree on."""
    of_team = await world.ok("/team/info", team_id=team_id)
    listed = await world.ok("/key/list", team_id=team_id)
    found = {shown["token"] for shown in of_team["keys"]}
    assert set(listed["keys"]) == found
    assert listed["total_count"] == len(found)
    of_ann = await world.ok("/user/info", user_id="ann")
    assert {k["token"] for k in of_ann["keys"] if k["team_id"] == team_id} <= found
    return found


async def test_a_team_is_shown_as_it_was(world: World) -> None:
    make_team(world, "shown")
    before = await world.ok("/team/info", team_id="shown")
    happens(world, "shown", ENDED)
    assert (await world.get("/team/info", team_id="shown")).status_code == 404
    happens(world, "shown", BACK)
    after = await world.ok("/team/info", team_id="shown")
    changed = {n for n, v in after["team_info"].items() if before["team_info"][n] != v}
    assert changed == {"updated_at"}
    assert after["team_memberships"] == before["team_memberships"]
    assert (await world.ok("/v2/team/list", status="deleted", team_id="shown"))["total"] == 0
    assert (await world.ok("/v2/team/list", team_id="shown"))["total"] == 1


async def test_keys_that_a_team_had_are_void_before_and_after_their_own_ends(world: World) -> None:
    secrets = make_team(world, "void")
    happens(world, "void", ENDED, BACK)
    for _ in range(2):
        assert await shown_keys(world, "void") == set()
        for secret in secrets:
            assert await world.refused("/key/info", key=secret) == UNKNOWN
            assert (await world.get("/team/info", secret, team_id="void")).status_code == 401
        own = {"team_id": "void", "team_incarnation": 1}
        world.tell(
            *((key(s), KeyDeleted(settings=key_settings(**own), cause="team")) for s in secrets)
        )
    world.key("sk-new", team_id="void")
    assert await shown_keys(world, "void") == {hash_key("sk-new")}
    assert (await world.get("/team/info", "sk-new", team_id="void")).status_code == 200


@pytest.mark.parametrize("ended", [True, False])
async def test_keys_that_were_restored_are_shown_and_accepted(world: World, *, ended: bool) -> None:
    """Whether or not their own ends had been recorded."""
    team_id = f"restored {ended}"
    secrets = make_team(world, team_id)
    whose = [
        {"team_id": team_id, "team_incarnation": 1},
        {"team_id": team_id, "team_incarnation": 1, "user_id": "ann", "member_since": 2},
    ]
    happens(world, team_id, ENDED)
    if ended:
        for secret, own in zip(secrets, whose, strict=True):
            end = KeyDeleted(settings=key_settings(key_alias="old", **own), cause="team")
            world.tell((key(secret), end))
    happens(world, team_id, BACK)
    for secret, own in zip(secrets, whose, strict=True):
        world.tell((key(secret), KeyRestored(settings=key_settings(**own))))
    assert await shown_keys(world, team_id) == {hash_key(secret) for secret in secrets}
    for secret in secrets:
        assert (await world.ok("/key/info", key=secret))["info"]["key_alias"] is None
        assert (await world.get("/team/info", secret, team_id=team_id)).status_code == 200
    happens(world, team_id, ENDED)
    for secret in secrets:
        assert (await world.get("/team/info", secret, team_id=team_id)).status_code == 401


async def test_who_was_deleted_meanwhile_is_in_no_roster(world: World) -> None:
    await world.user("eve")
    world.team("left", {"eve": "admin", "bob": "user"})
    happens(world, "left", ENDED)
    world.tell((user("eve"), UserDeleted(settings=user_settings(person="p"))))
    bob = MembersRestored(members=[RestoredMember(user_id="bob", role="user")])
    happens(world, "left", BACK, bob)
    shown = await world.ok("/team/info", team_id="left")
    assert [m["user_id"] for m in shown["team_info"]["members_with_roles"]] == ["bob"]
