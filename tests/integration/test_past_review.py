"""The review: a line for every right that somebody had, and none for what gave no right."""

import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO

import pytest

from events.key import KeyDeleted
from events.organization import OrganizationMemberRemoved
from events.streams import BUDGET, ORGANIZATION, stream
from events.team import MemberRemoved, TeamBlocked, TeamMovedToOrganization
from services.database.embedded import EmbeddedServer
from tests.support.eventlog import START
from tests.support.facts import (
    budget,
    budget_created,
    entered,
    key_settings,
    limits,
    organization_created,
)
from tests.support.postgres import fresh_database
from tests.support.reading import MASTER, World, key, reading, team

ROUTE = "/v1/access/review"
COLUMNS = (
    *("what", "user_id", "user_email", "role", "administers", "organization_id", "team_id"),
    *("team_alias", "key_hash", "key_alias", "models", "max_budget", "budget_duration", "blocked"),
    *("expires", "since"),
)


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """What there was, `position` of that in `joined`, and what became of it."""
    with fresh_database(postgres_server) as url:
        async with reading(url, recording=True) as opened:
            await opened.user("ann", email="=1+1@example.com")
            await opened.user("boss")
            await opened.user("root", role="proxy_admin")
            opened.key("sk-boss", user_id="boss")
            of = stream(ORGANIZATION, "org")
            opened.tell(
                (stream(BUDGET, "b"), budget_created(max_budget="1000")),
                (of, organization_created(budget_id="b", models=["o3", "gpt-4o"])),
                (of, entered("boss", "org_admin")),
            )
            opened.team(
                "t",
                {"ann": "admin", "boss": "user"},
                team_alias="+danger",
                organization_id="org",
                models=["o3"],
                budget=budget("0.123456789012345678", duration="30d"),
                member_defaults=limits(max_budget=3),
            )
            opened.team("elsewhere", {"ann": "user"})
            opened.key("sk-ann", user_id="ann", team_id="t", key_alias="@cmd", models=["o3", "x"])
            opened.key("sk-old", user_id="ann", expires=START - timedelta(days=1))
            opened.key("sk-service", team_id="t")
            opened.joined["then", ""] = opened.history.position
            opened.tell((team("t"), MemberRemoved(user_id="ann", role="admin")))
            opened.tell((key("sk-service"), KeyDeleted(settings=key_settings())))
            opened.tell((team("t"), TeamBlocked()))
            yield opened


async def lines(world: World, by: str = MASTER, **query: str | int) -> list[dict[str, str]]:
    answered = await world.get(ROUTE, by, None, **query)
    assert answered.status_code == 200, answered.text
    assert answered.headers["content-type"].startswith("text/csv")
    found = csv.DictReader(StringIO(answered.text))
    assert tuple(found.fieldnames or ()) == COLUMNS
    return list(found)


def picked(found: list[dict[str, str]], *columns: str) -> list[tuple[str, ...]]:
    return [tuple(each[column] for column in columns) for each in found]


async def test_everything_that_gave_a_right_then_has_a_line(world: World) -> None:
    found = await lines(world, as_of=world.joined["then", ""])
    assert picked(found, "what", "user_id", "team_id", "role", "administers") == [
        ("organization", "", "", "", ""),
        ("team", "", "elsewhere", "", ""),
        ("team", "", "t", "", ""),
        ("user", "ann", "", "", ""),
        ("user", "boss", "", "", ""),
        ("user", "root", "", "proxy_admin", "everything"),
        ("organization_member", "boss", "", "org_admin", "organization"),
        ("team_member", "ann", "elsewhere", "user", ""),
        ("team_member", "ann", "t", "admin", "team"),
        ("team_member", "boss", "t", "user", ""),
        ("key", "ann", "t", "", ""),
        ("key", "boss", "", "", ""),
        ("key", "", "t", "", ""),
    ]
    of_t = next(each for each in found if (each["what"], each["team_id"]) == ("team", "t"))
    assert picked([of_t], "models", "max_budget", "budget_duration", "blocked") == [
        ("o3", "0.123456789012345678", "30d", "no")
    ]
    member = next(each for each in found if each["what"] == "team_member")
    assert (member["models"], member["max_budget"]) == ("all", "")
    of_ann = [each for each in found if each["role"] == "admin"]
    assert picked(of_ann, "max_budget", "budget_duration") == [("3", "30d")]


async def test_what_is_over_has_none(world: World) -> None:
    found = await lines(world)
    assert ("team_member", "ann", "t") not in picked(found, "what", "user_id", "team_id")
    assert picked([e for e in found if e["what"] == "key"], "user_id", "team_id") == [("boss", "")]
    assert {each["blocked"] for each in found if each["team_id"] == "t"} == {"yes"}


async def test_no_text_is_a_formula(world: World) -> None:
    found = await lines(world, as_of=world.joined["then", ""])
    assert "'=1+1@example.com" in {each["user_email"] for each in found}
    assert "'+danger" in {each["team_alias"] for each in found}
    assert "'@cmd" in {each["key_alias"] for each in found}
    for each in found:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in each.values())


async def test_as_json_it_says_the_same(world: World) -> None:
    then = world.joined["then", ""]
    body = await world.ok(ROUTE, format="json", as_of=then)
    assert [each["user_id"] or "" for each in body["rights"]] == [
        each["user_id"] for each in await lines(world, as_of=then)
    ]
    assert list(body["rights"][0]) == list(COLUMNS)


async def test_admins_of_organizations_review_these(world: World) -> None:
    found = await lines(world, "sk-boss", as_of=world.joined["then", ""])
    assert {each["organization_id"] for each in found} == {"org"}
    assert [each["what"] for each in found] == [
        *("organization", "team", "organization_member", "team_member", "team_member"),
        *("key", "key"),
    ]
    assert [each["what"] for each in await lines(world, "sk-boss")] == [
        *("organization", "team", "organization_member", "team_member"),
    ]


async def test_what_left_the_organization_is_not_for_its_admins(world: World) -> None:
    world.team("moving", {"ann": "user"}, organization_id="org")
    then = world.history.position
    assert "moving" in {each["team_id"] for each in await lines(world, "sk-boss", as_of=then)}
    world.tell((team("moving"), TeamMovedToOrganization(before="org", after=None)))
    assert "moving" not in {each["team_id"] for each in await lines(world, "sk-boss", as_of=then)}
    assert "moving" in {each["team_id"] for each in await lines(world, as_of=then)}


async def test_others_review_nothing(world: World) -> None:
    await world.user("eve")
    world.key("sk-eve", user_id="eve")
    assert (await world.refused(ROUTE, "sk-eve"))[0] == 403
    world.tell(
        (stream(ORGANIZATION, "org"), OrganizationMemberRemoved(user_id="boss", role="org_admin"))
    )
    assert (await world.refused(ROUTE, "sk-boss", as_of=world.joined["then", ""]))[0] == 403
