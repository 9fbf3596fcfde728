"""What makes an admin of an organization in the read models, and for how long (D12, S14)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from events.organization import (
    OrganizationDeleted,
    OrganizationMemberAdded,
    OrganizationMemberRemoved,
    OrganizationMemberRoleChanged,
)
from events.streams import BUDGET, ORGANIZATION, Stream, stream
from events.team import TeamMovedToOrganization
from events.user import UserDeleted
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.projection.queries.records import LARGE
from tests.support.facts import (
    budget_created,
    entered,
    organization_created,
    organization_settings,
    user_settings,
)
from tests.support.oracle import assert_projected
from tests.support.postgres import fresh_database
from tests.support.reading import World, reading, team, user

ENDED = OrganizationDeleted(settings=organization_settings())
ADMIN: OrganizationMemberAdded = entered("ann", "org_admin")


def org(organization_id: str) -> Stream:
    return stream(ORGANIZATION, organization_id)


@pytest.fixture
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann leads `o` and is in no team; bob is in its team `t`, and in `free`, which is in none."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            for name in ("ann", "bob"):
                await world.user(name, f"{name}@example.com")
                world.key(f"sk-{name}", user_id=name)
            world.tell((stream(BUDGET, "b"), budget_created()))
            world.tell((org("o"), organization_created()), (org("o"), ADMIN))
            world.team("t", {"bob": "user"}, organization_id="o")
            world.team("free", {"bob": "user"})
            for name in ("t", "free"):
                world.key(f"sk-{name}", team_id=name, user_id="bob")
            yield world


async def seen(world: World, by: str = "sk-ann") -> tuple[int, int, int]:
    """How the caller is answered who asks for the team, all teams and all users."""
    answers = [
        await world.get(path, by, None, team_id="t")
        for path in ("/team/info", "/team/list", "/user/list")
    ]
    info, teams, users = (answer.status_code for answer in answers)
    return info, teams, users


ALL, NOTHING = (200, 200, 200), (403, 401, 403)


async def test_an_admin_is_one_from_the_fact_that_says_so_to_the_one_that_ends_it(
    world: World,
) -> None:
    assert await seen(world) == ALL
    after = OrganizationMemberRoleChanged(user_id="ann", before="org_admin", after="internal_user")
    world.tell((org("o"), after))
    assert await seen(world) == NOTHING
    again = OrganizationMemberRoleChanged(user_id="ann", before="internal_user", after="org_admin")
    world.tell((org("o"), again))
    assert await seen(world) == ALL
    world.tell((org("o"), OrganizationMemberRemoved(user_id="ann", role="org_admin")))
    assert await seen(world) == NOTHING


async def test_s14_a_next_life_of_an_organization_has_no_admins_of_the_last_one(
    world: World,
) -> None:
    world.tell((org("o"), ENDED))
    assert await seen(world) == NOTHING
    world.tell((org("o"), organization_created()))
    world.team("later", {"bob": "user"}, organization_id="o")
    assert await seen(world) == NOTHING
    assert (await world.get("/team/info", "sk-ann", team_id="later")).status_code == 403
    world.tell((org("o"), ADMIN))
    assert [t["team_id"] for t in await world.ok("/team/list", "sk-ann")] == ["later"]


async def test_s14_a_next_life_of_a_user_has_no_role_before_the_last_one_is_told_to_be_over(
    world: World,
) -> None:
    """Who is in many organizations leaves them in portions, some time after he is gone."""
    world.tell((user("ann"), UserDeleted(settings=user_settings())))
    await world.user("ann", "ann@example.com")
    world.key("sk-again", user_id="ann")
    assert (await world.get("/team/list", "sk-ann")).status_code == 401
    assert await seen(world, "sk-again") == NOTHING
    assert await world.ok("/organization/list", "sk-again") == []
    assert (await world.ok("/organization/info", organization_id="o"))["members"] == []
    [listed] = await world.ok("/organization/list")
    assert (listed["members"], "members_total" in listed) == ([], False)
    world.tell((org("o"), OrganizationMemberRemoved(user_id="ann", role="org_admin")))
    assert await seen(world, "sk-again") == NOTHING
    world.tell((org("o"), ADMIN))
    assert await seen(world, "sk-again") == ALL
    await world.settled()
    assert_projected(world.url)


async def test_a_team_is_that_of_the_organization_it_is_in_now(world: World) -> None:
    world.tell((team("t"), TeamMovedToOrganization(before="o", after=None)))
    world.tell((team("free"), TeamMovedToOrganization(before=None, after="o")))
    assert (await world.get("/team/info", "sk-ann", team_id="t")).status_code == 403
    assert [t["team_id"] for t in await world.ok("/team/list", "sk-ann")] == ["free"]
    [listed] = await world.ok("/team/list", "sk-ann", user_id="bob")
    assert [key["token"] for key in listed["keys"]] == [hash_key("sk-free")]


async def test_who_asks_for_one_team_together_is_answered_each_as_what_he_is(world: World) -> None:
    await world.user("eve")
    world.key("sk-eve", user_id="eve")
    expected = {"sk-ann": (200, True), "sk-bob": (200, False), "sk-eve": (403, False)}
    callers = [*expected] * 8
    answers = await asyncio.gather(*(world.get("/team/info", by, team_id="t") for by in callers))
    for by, answer in zip(callers, answers, strict=True):
        status, with_hash = expected[by]
        assert answer.status_code == status
        assert (hash_key("sk-t") in answer.text) == with_hash


async def test_of_a_large_team_too_an_admin_of_its_organization_sees_every_key(
    world: World,
) -> None:
    secrets = [f"sk-many-{number}" for number in range(LARGE + 1)]
    world.keys(secrets, team_id="t", user_id="bob")
    await world.settled()
    shown = await world.ok("/team/info", "sk-ann", team_id="t")
    hashes = {hash_key(secret) for secret in ("sk-t", *secrets)}
    assert {key["token"] for key in shown["keys"]} == hashes
