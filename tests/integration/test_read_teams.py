"""GET /team/info: who sees a team, what of it, and however large it is (team-api.md 3.4)."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from events.key import KeyDeleted
from events.team import (
    MemberBudgetChanged,
    MemberRemoved,
    TeamDeleted,
    TeamRenamed,
)
from events.user import UserEmailChanged
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.projection.queries.records import LARGE
from tests.support.facts import created, joined, key_settings, limits, settings
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, key, reading, team, user

STRANGERS = {
    "sk-eve": "User=eve not authorized to access this team={}",
    "sk-their-team": "Team key for team=theirs not authorized to access this team={}",
    "sk-nobody": "API key not authorized to access this team={}. "
    "No user_id or team_id associated with this key.",
}


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A team of an admin, two users, keys of theirs and service keys; and strangers to it."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("root", role="proxy_admin")
            await world.user("pat", role="proxy_admin_viewer")
            await world.user("ann", "Ann@example.com")
            await world.user("bob", "bob@example.com")
            world.team("ours", {"ann": "admin", "bob": "user", "cy": "user"}, team_alias="Ours")
            world.team("theirs")
            for name in ("root", "pat", "ann", "bob", "eve"):
                world.key(f"sk-{name}", user_id=name)
            world.key("sk-bob-here", user_id="bob", team_id="ours")
            world.key("sk-cy-here", user_id="cy", team_id="ours")
            world.key("sk-service", team_id="ours")
            world.key("sk-their-team", team_id="theirs")
            world.key("sk-nobody")
            yield world


def shown(info: Json) -> list[str]:
    return [key["key_name"] for key in info["keys"]]


def ending(*secrets: str) -> list[str]:
    return [f"sk-...{secret[-4:]}" for secret in secrets]


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-root", "sk-pat", "sk-ann"])
async def test_admins_see_all_keys_with_their_hashes(world: World, by: str) -> None:
    info = await world.ok("/team/info", by, team_id="ours")
    secrets = ["sk-bob-here", "sk-cy-here", "sk-service"]
    assert [key["token"] for key in info["keys"]] == [hash_key(secret) for secret in secrets]


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("sk-bob", ["sk-bob-here", "sk-service"]),
        ("sk-bob-here", ["sk-bob-here", "sk-service"]),
        ("sk-service", ["sk-service"]),
    ],
)
async def test_members_see_their_own_and_service_keys_without_hashes(
    world: World, by: str, keys: list[str]
) -> None:
    info = await world.ok("/team/info", by, team_id="ours")
    assert shown(info) == ending(*keys)
    assert not any("token" in key for key in info["keys"])


async def test_the_roster_stands_in_the_order_of_joining_with_addresses(world: World) -> None:
    info = await world.ok("/team/info", "sk-service", team_id="ours")
    assert info["team_id"] == "ours"
    assert info["team_info"]["team_alias"] == "Ours"
    assert info["team_info"]["members_with_roles"] == [
        {"user_id": "ann", "user_email": "Ann@example.com", "role": "admin"},
        {"user_id": "bob", "user_email": "bob@example.com", "role": "user"},
        {"user_id": "cy", "user_email": None, "role": "user"},
    ]


@pytest.mark.parametrize("by", STRANGERS)
async def test_strangers_get_the_same_refusal_whether_there_is_such_a_team(
    world: World, by: str
) -> None:
    for team_id in ("ours", "unknown", ""):
        answered = await world.get("/team/info", by, team_id=team_id)
        assert answered.status_code == 403
        error = answered.json()["error"]
        assert error["message"] == STRANGERS[by].format(team_id)
        assert (error["type"], error["param"], error["code"]) == ("auth_error", None, "403")


@pytest.mark.parametrize("by", ["sk-root", "sk-pat"])
async def test_an_unknown_team_is_404_for_those_who_see_every_team(world: World, by: str) -> None:
    answered = await world.get("/team/info", by, team_id="nope")
    assert answered.status_code == 404
    assert answered.json()["error"] == {
        "message": "Team not found, passed team id: nope.",
        "type": "not_found_error",
        "param": None,
        "code": "404",
    }


async def test_no_id_is_422_and_an_id_nobody_could_have_too(world: World) -> None:
    assert await world.refused("/team/info") == (422, "Malformed request. No team id passed in.")
    answered = await world.get("/team/info?team_id=a%00b")
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["loc"] == ["query", "team_id"]


async def test_strict_mode_words_errors_as_litellm_does(postgres_server: EmbeddedServer) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url, strict=True) as world:
            world.key("sk-u1", user_id="u1")
            texts = [
                (await world.refused("/team/info", team_id="nope"))[1],
                (await world.refused("/team/info"))[1],
                (await world.refused("/team/info", "sk-u1", team_id="zero"))[1],
            ]
    assert texts == [
        "{'message': 'Team not found, passed team id: nope.'}",
        "{'message': 'Malformed request. No team id passed in.'}",
        "{'error': 'User=u1 not authorized to access this team=zero'}",
    ]


async def test_every_member_has_a_membership_with_the_limits_that_apply(world: World) -> None:
    defaults = limits("shared", max_budget="5.5", budget_duration="30d")
    world.tell(
        (team("limited"), created(member_defaults=defaults)),
        (team("limited"), joined("ann")),
        (team("limited"), joined("bob")),
    )
    own = limits("own", max_budget="7", tpm_limit=3)
    changed = MemberBudgetChanged(user_id="bob", before=None, after=own)
    world.tell((team("limited"), changed))
    info = await world.ok("/team/info", team_id="limited")
    assert info["team_info"]["metadata"] == {"team_member_budget_id": "shared"}
    assert info["team_info"]["team_member_budget_table"]["max_budget"] == 5.5
    found = {m["user_id"]: m["litellm_budget_table"] for m in info["team_memberships"]}
    assert found["ann"]["budget_id"] == "shared"
    assert (found["bob"]["max_budget"], found["bob"]["tpm_limit"]) == (7.0, 3)
    world.team("free", {"ann": "user"})
    [free] = (await world.ok("/team/info", team_id="free"))["team_memberships"]
    assert free == {
        "user_id": "ann",
        "team_id": "free",
        "budget_id": None,
        "spend": 0.0,
        "litellm_budget_table": None,
    }


async def test_deleted_keys_and_those_of_former_members_are_gone(world: World) -> None:
    world.team("leaving", {"dan": "user"})
    world.key("sk-dan-here", user_id="dan", team_id="leaving")
    assert len((await world.ok("/team/info", team_id="leaving"))["keys"]) == 1
    world.key("sk-service-leaving", team_id="leaving")
    gone = KeyDeleted(settings=key_settings(team_id="leaving"))
    world.tell((key("sk-service-leaving"), gone))
    assert len((await world.ok("/team/info", team_id="leaving"))["keys"]) == 1
    world.tell((team("leaving"), MemberRemoved(user_id="dan", role="user")))
    assert (await world.ok("/team/info", team_id="leaving"))["keys"] == []


async def test_a_deleted_team_is_unknown_and_its_successor_starts_empty(world: World) -> None:
    world.team("phoenix", {"bob": "user"}, team_alias="First")
    world.key("sk-first", team_id="phoenix")
    world.tell((team("phoenix"), TeamDeleted(settings=settings(), members_total=1)))
    assert (await world.refused("/team/info", team_id="phoenix"))[0] == 404
    assert (await world.refused("/team/info", "sk-bob", team_id="phoenix"))[0] == 403
    world.team("phoenix", {"cy": "user"}, team_alias="Second")
    info = await world.ok("/team/info", team_id="phoenix")
    assert info["team_info"]["team_alias"] == "Second"
    assert [m["user_id"] for m in info["team_info"]["members_with_roles"]] == ["cy"]
    assert info["keys"] == []


async def test_a_changed_address_shows_at_once(world: World) -> None:
    await world.user("mia", "old@example.com")
    world.team("mail", {"mia": "user"})
    news = UserEmailChanged(
        before=None,
        after=await world.sealed("new@example.com", "mia"),
        before_claim=None,
        after_claim="claim",
    )
    world.tell((user("mia"), news))
    [mia] = (await world.ok("/team/info", team_id="mail"))["team_info"]["members_with_roles"]
    assert mia["user_email"] == "new@example.com"


async def test_the_answer_is_tagged_with_the_version_of_the_team(world: World) -> None:
    world.team("tagged", {"ann": "user"})
    assert (await world.get("/team/info", team_id="tagged")).headers["etag"] == '"2"'
    world.tell((team("tagged"), TeamRenamed(before=None, after="now")))
    assert (await world.get("/team/info", team_id="tagged")).headers["etag"] == '"3"'


async def test_metadata_comes_back_as_it_was_stored(world: World) -> None:
    metadata = {
        "big": 2**64 - 1,
        "huge": 1e300,
        "tiny": 5e-324,
        "sum": 0.1,
        "nested": {"a": [1, 2.5, None, True, "Ünïcode 🐟"]},
    }
    world.team("noted", metadata=metadata)
    info = await world.ok("/team/info", team_id="noted")
    assert info["team_info"]["metadata"] == metadata


@pytest.mark.parametrize("team_id", ["a/b?c=d&e#f", "Ä 🐟", "%", "x" * 255, "' OR 1=1 --"])
async def test_ids_are_opaque(world: World, team_id: str) -> None:
    world.team(team_id)
    assert (await world.ok("/team/info", team_id=team_id))["team_id"] == team_id


async def test_a_roster_of_any_size_is_shown_whole(world: World) -> None:
    roster = [f"member-{number:06}" for number in range(LARGE + 1_234)]
    world.tell((team("large"), created()), *((team("large"), joined(name)) for name in roster))
    await world.user("member-000000", "m@x.org")
    world.key("sk-large", team_id="large")
    await world.settled()
    for by in ("sk-root", "sk-large"):
        answered = await world.get("/team/info", by, team_id="large")
        assert answered.status_code == 200
        info = json.loads(answered.content)
        members = info["team_info"]["members_with_roles"]
        assert [member["user_id"] for member in members] == roster
        assert members[0]["user_email"] == "m@x.org"
        assert [m["user_id"] for m in info["team_memberships"]] == roster
        assert shown(info) == ending("sk-large")
        assert int(answered.headers["x-event-position"]) == world.history.position
        assert list(info) == ["team_id", "team_info", "keys", "team_memberships"]


async def test_any_number_of_keys_is_shown_to_those_who_may_see_them(world: World) -> None:
    world.team("keyed", {"ann": "admin", "bob": "user"})
    secrets = [f"sk-many-{number:05}" for number in range(LARGE + 1)]
    world.keys(secrets, team_id="keyed")
    world.key("sk-ann-keyed", user_id="ann", team_id="keyed")
    every = {hash_key(secret) for secret in [*secrets, "sk-ann-keyed"]}
    await world.settled()
    info = await world.ok("/team/info", "sk-ann", team_id="keyed")
    assert {key["token"] for key in info["keys"]} == every
    assert len(info["keys"]) == len(every)
    info = await world.ok("/team/info", "sk-bob", team_id="keyed")
    assert len(info["keys"]) == len(secrets)
    assert not any("token" in key or key["user_id"] for key in info["keys"])


@pytest.mark.scale
async def test_a_team_of_a_hundred_thousand_answers_and_others_are_served_meanwhile(
    world: World,
) -> None:
    roster = [f"{number:06}" for number in range(100_000)]
    world.team("crowd")
    for start in range(0, len(roster), 2_000):
        world.tell(*((team("crowd"), joined(name)) for name in roster[start : start + 2_000]))
    await world.settled()
    asked = asyncio.create_task(world.get("/team/info", team_id="crowd"))
    served = 0
    while not asked.done():
        assert (await world.get("/team/info", "sk-bob", team_id="ours")).status_code == 200
        served += 1
    info = (await asked).json()
    assert [m["user_id"] for m in info["team_info"]["members_with_roles"]] == roster
    assert [m["user_id"] for m in info["team_memberships"]] == roster
    assert served > 10
