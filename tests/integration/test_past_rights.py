"""Which moment is meant, and who may see of it what (decision 016)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from events.key import KeyDeleted, KeyMoved, KeyOwner
from events.organization import OrganizationDeleted
from events.streams import ORGANIZATION, stream
from events.team import (
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    TeamDeleted,
    TeamMovedToOrganization,
    TeamRenamed,
    TeamRole,
)
from events.user import UserDeleted, UserForgotten, UserRoleChanged
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.projection.api import past
from tests.support.eventlog import START
from tests.support.facts import (
    created,
    entered,
    key_settings,
    organization_created,
    organization_settings,
    settings,
    user_settings,
)
from tests.support.postgres import fresh_database
from tests.support.reading import World, key, reading, team, user

ADMIN, MEMBER, BOSS, VIEWER = "sk-admin", "sk-member", "sk-boss", "sk-viewer"


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann, bob and the boss, an admin of `org`, each with a key without a team."""
    with fresh_database(postgres_server) as url:
        async with reading(url, recording=True) as opened:
            for name, secret in (("ann", ADMIN), ("bob", MEMBER), ("boss", BOSS)):
                await opened.user(name, email=f"{name}@example.com")
                opened.key(secret, user_id=name)
            await opened.user("vic", role="proxy_admin_viewer")
            opened.key(VIEWER, user_id="vic")
            opened.tell(
                (stream(ORGANIZATION, "org"), organization_created(budget_id="b")),
                (stream(ORGANIZATION, "org"), entered("boss", "org_admin")),
            )
            yield opened


async def alias(world: World, team_id: str, as_of: int | str, by: str = VIEWER) -> object:
    shown = await world.ok("/team/info", by, team_id=team_id, as_of=as_of)
    return shown["team_info"]["team_alias"]


async def status(world: World, path: str, by: str, **query: str | int) -> int:
    return (await world.get(path, by, None, **query)).status_code


def renamed(before: str | None, after: str) -> TeamRenamed:
    return TeamRenamed(before=before, after=after)


def changed(user_id: str, before: TeamRole, after: TeamRole) -> MemberRoleChanged:
    return MemberRoleChanged(user_id=user_id, before=before, after=after)


async def test_a_time_is_the_last_fact_by_then(world: World) -> None:
    world.team("timed", team_alias="one")
    first = world.history.position
    world.tell((team("timed"), renamed("one", "two")))
    at = START + timedelta(seconds=first + 1)
    just_before = at - timedelta(microseconds=1)
    assert await alias(world, "timed", at.isoformat()) == "two"
    assert await alias(world, "timed", just_before.isoformat()) == "one"
    assert await alias(world, "timed", just_before.replace(tzinfo=None).isoformat()) == "one"
    early = await world.get("/team/info", VIEWER, None, team_id="timed", as_of="2001-01-01")
    assert (early.status_code, early.json()["error"]["message"]) == (
        404,
        "Team not found, passed team id: timed.",
    )
    far = await world.get("/team/info", VIEWER, None, team_id="timed", as_of=START.isoformat())
    assert far.status_code == 404


async def test_facts_of_one_command_count_together(world: World) -> None:
    members = {"ann": "admin", "bob": "user"}
    first = world.history.position + 1
    world.team("whole", dict.fromkeys(members, "user"))
    answered = await world.get("/team/info", VIEWER, None, team_id="whole", as_of=first)
    assert answered.headers["x-event-position"] == str(first + 2)
    assert len(answered.json()["team_info"]["members_with_roles"]) == 2


@pytest.mark.parametrize(
    ("as_of", "why"),
    [
        ("yesterday", "'yesterday' is no moment"),
        ("-1", "'-1' is no moment"),
        ("", "'' is no moment"),
        ("2999-01-01T00:00:00Z", "lies ahead"),
        ("999999999", "lies ahead of the last fact"),
        ("9" * 40, "is no moment"),
        ("0001-01-01T00:00:00+14:00", "is no moment"),
    ],
)
async def test_what_is_no_moment_of_the_past_is_refused(world: World, as_of: str, why: str) -> None:
    found, text = await world.refused("/team/list", as_of=as_of)
    assert found == 400
    assert text.startswith("as_of: ")
    assert why in text


async def test_who_may_see_a_team_now_sees_what_it_was(world: World) -> None:
    """Also before he came: the past is shown by the rights of today."""
    world.team("led", {"bob": "user"}, team_alias="before ann", organization_id="org")
    world.key("sk-of-bob", team_id="led", user_id="bob")
    before = world.history.position
    world.tell((team("led"), MemberAdded(user_id="ann", role="admin")))
    world.tell((team("led"), renamed("before ann", "now")))
    for by in (ADMIN, BOSS, VIEWER):
        shown = await world.ok("/team/info", by, team_id="led", as_of=before)
        assert shown["team_info"]["team_alias"] == "before ann"
        assert [each["token"] for each in shown["keys"]] == [hash_key("sk-of-bob")]
    assert await status(world, "/team/info", "sk-of-bob", team_id="led", as_of=before) == 200


async def test_who_may_not_see_a_team_now_does_not_see_its_past(world: World) -> None:
    world.team("left", {"ann": "admin", "bob": "user"}, organization_id="org")
    before = world.history.position
    world.tell((team("left"), MemberRemoved(user_id="ann", role="admin")))
    world.tell((team("left"), TeamMovedToOrganization(before="org", after=None)))
    for by in (ADMIN, BOSS):
        now = await world.refused("/team/info", by, team_id="left")
        then = await world.refused("/team/info", by, team_id="left", as_of=before)
        assert now[0] == 403
        assert then == now
        unknown = await world.refused("/team/info", by, team_id="nothing", as_of=before)
        assert unknown == (403, now[1].replace("left", "nothing"))
    listed = await world.ok("/team/list", ADMIN, user_id="ann", as_of=before)
    assert "left" not in {each["team_id"] for each in listed}
    of_ann = await world.ok("/user/info", ADMIN, as_of=before)
    assert "left" not in {each["team_id"] for each in of_ann["teams"]}
    listed = await world.ok("/team/list", VIEWER, user_id="ann", as_of=before)
    assert "left" in {each["team_id"] for each in listed}


async def test_who_sees_less_of_a_team_now_does_not_see_more_of_its_past(world: World) -> None:
    world.team("fallen", {"ann": "admin", "bob": "user"})
    world.key("sk-fallen", team_id="fallen", user_id="bob")
    before = world.history.position
    world.tell((team("fallen"), changed("ann", "admin", "user")))
    assert await status(world, "/team/info", ADMIN, team_id="fallen", as_of=before) == 403
    shown = await world.ok("/team/info", MEMBER, team_id="fallen", as_of=before)
    assert [each["key_alias"] for each in shown["keys"]] == [None]
    assert shown["keys"][0].get("token") is None


async def test_a_life_that_is_over_is_for_those_who_see_everything(world: World) -> None:
    world.team("again", {"ann": "admin"}, team_alias="first")
    before = world.history.position
    world.tell((team("again"), TeamDeleted(settings=settings(), members_total=1)))
    assert await alias(world, "again", before) == "first"
    assert await status(world, "/team/info", ADMIN, team_id="again", as_of=before) == 403
    world.tell((team("again"), created(team_alias="second")))
    world.tell((team("again"), MemberAdded(user_id="ann", role="admin")))
    assert await alias(world, "again", before) == "first"
    assert await status(world, "/team/info", ADMIN, team_id="again", as_of=before) == 404


async def test_an_earlier_user_of_an_id_is_somebody_else(world: World) -> None:
    await world.user("max", email="first@example.com")
    before = world.history.position
    world.tell((user("max"), UserDeleted(settings=user_settings())))
    await world.user("max", email="second@example.com")
    world.key("sk-max", user_id="max")
    assert await status(world, "/user/info", "sk-max", as_of=before) == 404
    shown = await world.ok("/user/info", VIEWER, user_id="max", as_of=before)
    assert shown["user_info"]["user_email"] == "first@example.com"


async def test_a_dissolved_organization_is_for_those_who_see_everything(world: World) -> None:
    of = stream(ORGANIZATION, "gone")
    world.tell((of, organization_created(budget_id="b")), (of, entered("boss", "org_admin")))
    before = world.history.position
    assert await status(world, "/organization/info", BOSS, organization_id="gone") == 200
    world.tell((of, OrganizationDeleted(settings=organization_settings())))
    asked: dict[str, str | int] = {"organization_id": "gone", "as_of": before}
    now = await world.refused("/organization/info", BOSS, organization_id="gone")
    assert now[0] == 401
    assert await world.refused("/organization/info", BOSS, **asked) == now
    shown = await world.ok("/organization/info", VIEWER, **asked)
    assert [each["user_id"] for each in shown["members"]] == ["boss"]


async def test_a_deleted_key_is_for_those_who_see_everything(world: World) -> None:
    token = world.key("sk-short", user_id="ann")
    before = world.history.position
    assert await status(world, "/key/info", ADMIN, key=token, as_of=before) == 200
    world.tell((key("sk-short"), KeyDeleted(settings=key_settings())))
    assert await status(world, "/key/info", ADMIN, key=token, as_of=before) == 403
    assert await status(world, "/key/info", VIEWER, key=token, as_of=before) == 200
    assert await status(world, "/key/info", VIEWER, key=token) == 404


async def test_a_key_that_was_ones_own_is_not_shown_to_him_any_more(world: World) -> None:
    world.key("sk-passed-on", user_id="bob")
    before = world.history.position
    token = hash_key("sk-passed-on")

    async def of_bob(by: str) -> set[object]:
        shown = await world.ok("/user/info", by, user_id="bob", as_of=before)
        return {each["token"] for each in shown["keys"]}

    assert token in await of_bob(MEMBER)
    passed = KeyMoved(before=KeyOwner(user_id="bob"), after=KeyOwner(user_id="ann"))
    world.tell((key("sk-passed-on"), passed))
    assert token not in await of_bob(MEMBER)
    assert token in await of_bob(VIEWER)


async def test_who_was_forgotten_is_so_in_the_past_too(world: World) -> None:
    await world.user("nora", email="nora@example.com")
    world.team("noras", {"nora": "user"})
    before = world.history.position
    shown = await world.ok("/team/info", VIEWER, team_id="noras", as_of=before)
    assert shown["team_info"]["members_with_roles"][0]["user_email"] == "nora@example.com"
    settings_of = user_settings()
    world.tell(
        (user("nora"), UserDeleted(settings=settings_of)),
        (user("nora"), UserForgotten(persons=[(await world.sealed("", "nora")).person])),
    )
    shown = await world.ok("/team/info", VIEWER, team_id="noras", as_of=before)
    assert shown["team_info"]["members_with_roles"][0] == {
        "user_id": "nora",
        "user_email": None,
        "role": "user",
    }


async def test_no_personal_data_is_left_in_tables_of_the_past(world: World) -> None:
    await world.user("lea", email="lea@example.com")
    before = world.history.position
    world.tell((user("lea"), UserRoleChanged(before=None, after="internal_user")))
    shown = await world.ok("/user/info", VIEWER, user_id="lea", as_of=before)
    assert shown["user_info"]["user_email"] == "lea@example.com"
    left = world.log.execute(
        "SELECT count(*), sum(pg_relation_size(oid)) FROM pg_class "
        "WHERE relname = 'users_1' AND relpersistence = 't'"
    ).fetchone()
    assert left is not None
    assert left[0] > 0
    assert left[1] == 0


async def test_pasts_of_several_are_told_at_the_same_time(world: World) -> None:
    world.team("busy", team_alias="0")
    first = world.history.position
    for number in range(1, 6):
        world.tell((team("busy"), renamed(str(number - 1), str(number))))
    asked = [alias(world, "busy", first + number) for number in range(6)]
    assert await asyncio.gather(*asked) == [str(number) for number in range(6)]


async def test_a_past_that_takes_too_long_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "SECONDS", 0)
    found, text = await world.refused("/team/list", as_of=1)
    assert (found, text.split(" ")[0:4]) == (503, ["The", "past", "of", "so"])
    monkeypatch.undo()
    assert await status(world, "/team/list", VIEWER, as_of=1) == 200


@pytest.mark.parametrize("as_of", ["0", "0001-01-01", "1970-01-01T00:00:00-12:00"])
async def test_before_everything_there_was_nothing(world: World, as_of: str) -> None:
    assert await world.ok("/team/list", VIEWER, as_of=as_of) == []
    page = await world.ok("/v2/team/list", VIEWER, as_of=as_of)
    assert (page["teams"], page["total"]) == ([], 0)
    review = await world.ok("/v1/access/review", VIEWER, format="json", as_of=as_of)
    assert review["rights"] == []
    answered = await world.ok("/v1/access", VIEWER, user="ann", model="o3", as_of=as_of)
    assert (answered["allowed"], answered["position"]) == (False, {"events": 0, "usage": 0})
    for path, query in (
        ("/team/info", {"team_id": "timed"}),
        ("/user/info", {"user_id": "ann"}),
        ("/key/info", {"key": MEMBER}),
        ("/organization/info", {"organization_id": "org"}),
    ):
        found = await world.get(path, VIEWER, None, **query, as_of=as_of)
        assert found.status_code == 404, path
