"""History, differences and origins over the read API (decision 017)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from events.envelope import Meta
from events.organization import OrganizationMemberAdded
from events.spend import SpendReset, spend_stream
from events.streams import ORGANIZATION, stream
from events.team import (
    TeamBlocked,
    TeamBudgetChanged,
    TeamDeleted,
    TeamMetadataChanged,
    TeamUnblocked,
)
from services.database.embedded import EmbeddedServer
from tests.support.facts import (
    budget,
    created,
    joined,
    organization_created,
)
from tests.support.postgres import fresh_database
from tests.support.reading import MASTER, World, every_entry, reading, team

ANN = Meta("c-ann", "UpdateTeam", actor="ann", actor_key="k-ann", actor_role="internal_user")
HISTORY = "/v1/teams/core/history"


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Two lives of a team, of which an organization had the first; to be read only."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await _people(world)
            await _first_life(world)
            await _second_life(world)
            yield world


async def _people(world: World) -> None:
    for name, role in (
        ("ann", None),
        ("bob", None),
        ("olga", None),
        ("victor", "proxy_admin_viewer"),
    ):
        await world.user(name, f"{name}@example.com", role)
        world.key(f"sk-{name}", user_id=name)
    acme = stream(ORGANIZATION, "acme")
    world.tell(
        (acme, organization_created(organization_alias="acme")),
        (acme, OrganizationMemberAdded(user_id="olga", role="org_admin")),
    )


async def _first_life(world: World) -> None:
    first = created(team_alias="First", organization_id="acme")
    world.tell((team("core"), first), (team("core"), joined("bob", "admin")))
    world.tell((team("core"), TeamDeleted(settings=first.settings, members_total=1)))


async def _second_life(world: World) -> None:
    core = team("core")
    claim = await world.sealed("boss@example.com", "boss")
    world.tell((core, created(team_alias="Core")), (core, joined("ann", "admin")))
    world.tell(
        (core, TeamBudgetChanged(before=budget(), after=budget(10, 8, "30d"))),
        (core, joined("bob")),
        meta=replace(ANN, on_behalf_of=claim, correlation_id="req-1"),
    )
    world.tell((core, TeamMetadataChanged(before={}, after={"tags": ["x"]})))
    world.tell((core, TeamBlocked()), meta=replace(ANN, command_id="c-2"))
    world.tell(
        (
            spend_stream("member", "core", "bob"),
            SpendReset(
                kind="member",
                id="core",
                user_id="bob",
                incarnation=4,
                before=Decimal(3),
                amount=Decimal(0),
            ),
        )
    )
    world.tell((core, TeamUnblocked()))
    world.key("sk-core", team_id="core")


async def test_entries_are_in_plain_words_the_newest_first(world: World) -> None:
    page = await world.ok(HISTORY)
    assert page["next"] is None
    assert [entry["sentence"] for entry in page["entries"]] == [
        "default_user_id unblocked the team",
        "default_user_id reset the spend of bob@example.com from 3 USD to 0 USD",
        "ann@example.com blocked the team",
        'default_user_id set "tags" in the metadata',
        "ann@example.com added bob@example.com as user, claiming to act for boss@example.com",
        (
            "ann@example.com set the budget to 10 USD per 30d and set the soft budget to 8 USD, "
            "claiming to act for boss@example.com"
        ),
        "default_user_id added ann@example.com as admin",
        'default_user_id created the team "Core"',
        'default_user_id deleted the team "First" with 1 member',
        "default_user_id added bob@example.com as admin",
        'default_user_id created the team "First" in the organization "acme"',
    ]
    assert [entry["incarnation"] for entry in page["entries"]][-4:] == [4, 1, 1, 1]


async def test_an_entry_says_who_when_why_and_what_changed(world: World) -> None:
    [entry] = (await world.ok(HISTORY, types="team.budget_changed"))["entries"]
    position, version = entry.pop("position"), entry.pop("version")
    assert (entry.pop("event_id"), version) == (f"0195{position:028x}", 6)
    assert entry.pop("time").startswith("2026-03-11T13:")
    assert entry.pop("sentence")
    assert entry == {
        "type": "team.budget_changed",
        "incarnation": 4,
        "actor": "ann",
        "actor_email": "ann@example.com",
        "actor_role": "internal_user",
        "actor_key": "k-ann",
        "on_behalf_of": "boss@example.com",
        "command": "UpdateTeam",
        "command_id": "c-ann",
        "correlation_id": "req-1",
        "changes": [
            {"field": "max_budget", "from": None, "to": 10.0},
            {"field": "soft_budget", "from": None, "to": 8.0},
            {"field": "budget_duration", "from": None, "to": "30d"},
        ],
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_hold_every_entry_once_in_both_directions(world: World, limit: int) -> None:
    newest = await every_entry(world, HISTORY, limit=limit)
    oldest = await every_entry(world, HISTORY, limit=limit, order="asc")
    positions = [entry["position"] for entry in newest]
    assert len(positions) == 11
    assert positions == sorted(set(positions), reverse=True)
    assert oldest == newest[::-1]


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ({"actor": "ann"}, ["team.blocked", "team.member_added", "team.budget_changed"]),
        ({"types": "spend.*,team.deleted"}, ["spend.reset", "team.deleted"]),
        ({"field": "max_budget"}, ["team.budget_changed"]),
        ({"field": "metadata"}, ["team.metadata_changed"]),
        ({"field": "metadata.tags"}, ["team.metadata_changed"]),
        ({"field": "metadata.tag"}, []),
        ({"field": "members.bob"}, ["spend.reset", "team.member_added", "team.member_added"]),
        ({"field": "blocked", "actor": "ann"}, ["team.blocked"]),
        ({"actor": "nobody"}, []),
        (
            {"since": "2026-03-11T13:28:02.123456Z", "types": "team.*bl*"},
            ["team.unblocked", "team.blocked"],
        ),
    ],
)
async def test_filters_hold_together(world: World, query: dict[str, str], types: list[str]) -> None:
    for limit in (1, 100):
        found = await every_entry(world, HISTORY, limit=limit, **query)
        assert [entry["type"] for entry in found] == types
        turned = await every_entry(world, HISTORY, limit=limit, order="asc", **query)
        assert turned == found[::-1]


async def test_times_are_inclusive(world: World) -> None:
    entries = await every_entry(world, HISTORY)
    moment = entries[4]["time"]
    until = await every_entry(world, HISTORY, until=moment)
    since = await every_entry(world, HISTORY, since=moment)
    same = [entry for entry in entries if entry["time"] == moment]
    assert until[: len(same)] == since[-len(same) :] == same
    assert until[0]["time"] == moment
    assert len(until) + len(since) == len(entries) + len(same)


async def test_a_team_admin_sees_his_teams_life_and_ids_of_people(world: World) -> None:
    entries = await every_entry(world, HISTORY, "sk-ann")
    assert {entry["incarnation"] for entry in entries} == {1, 4}
    assert [entry["sentence"] for entry in entries][-1] == 'default_user_id created the team "Core"'
    assert "ann blocked the team" in [entry["sentence"] for entry in entries]
    told = str(entries)
    assert "@example.com" not in told
    assert "k-ann" not in told


async def test_an_admin_of_its_organization_sees_the_life_that_is_gone(world: World) -> None:
    entries = await every_entry(world, HISTORY, "sk-olga")
    assert [entry["type"] for entry in entries] == [
        "team.deleted",
        "team.member_added",
        "team.created",
    ]
    blame = await world.ok("/v1/teams/core/blame", "sk-olga")
    assert (blame["live"], blame["incarnation"]) == (False, 1)


@pytest.mark.parametrize("what", ["history", "diff", "blame"])
async def test_members_and_strangers_cannot_tell_whether_there_is_a_team(
    world: World, what: str
) -> None:
    for by in ("sk-bob", "sk-core"):
        status, text = await world.refused(f"/v1/teams/core/{what}", by)
        unknown_status, unknown = await world.refused(f"/v1/teams/none/{what}", by)
        assert (status, unknown_status) == (403, 403)
        assert text.replace("core", "none") == unknown.replace("core", "none")
    assert (await world.refused(f"/v1/teams/none/{what}", "sk-victor"))[0] == 404
    assert (await world.get(f"/v1/teams/core/{what}", "sk-victor")).status_code == 200


async def test_differences_between_versions_positions_and_times(world: World) -> None:
    entries = await every_entry(world, HISTORY, order="asc")
    before, after = entries[4], entries[8]
    by_version = await world.ok(
        "/v1/teams/core/diff", **{"from": f"v{before['version']}", "to": f"v{after['version']}"}
    )
    for name in ("position", "time"):
        asked = {"from": str(before[name]), "to": str(after[name])}
        assert await world.ok("/v1/teams/core/diff", **asked) == by_version
    assert by_version["from"]["live"] is True
    assert by_version["changes"] == [
        {"field": "max_budget", "from": None, "to": 10.0},
        {"field": "soft_budget", "from": None, "to": 8.0},
        {"field": "budget_duration", "from": None, "to": "30d"},
        {"field": "blocked", "from": False, "to": True},
        {"field": "metadata.tags", "from": None, "to": ["x"]},
        {"field": "members.bob.role", "from": None, "to": "user"},
    ]


async def test_differences_reach_over_lives(world: World) -> None:
    told = await world.ok("/v1/teams/core/diff", **{"from": "v2", "to": "v5"})
    assert told["changes"] == [
        {"field": "team_alias", "from": "First", "to": "Core"},
        {"field": "organization_id", "from": "acme", "to": None},
        {"field": "members.bob.role", "from": "admin", "to": None},
        {"field": "members.ann.role", "from": None, "to": "admin"},
    ]
    gone = await world.ok("/v1/teams/core/diff", **{"from": "v2", "to": "v3"})
    assert gone["to"]["live"] is False
    assert {"field": "team_alias", "from": "First", "to": None} in gone["changes"]
    nothing = await world.ok("/v1/teams/core/diff", to="0")
    assert nothing == {"from": None, "to": None, "changes": []}


@pytest.mark.parametrize("moment", ["v99", "1000000", "-1", "v0", "yesterday", "v", "9" * 30])
async def test_moments_that_are_none_are_refused(world: World, moment: str) -> None:
    answered = await world.get(f"/v1/teams/core/diff?from={moment}")
    assert answered.status_code == 422
    assert answered.headers["content-type"] == "application/problem+json"


async def test_blame_names_who_set_each_field_and_added_each_member(world: World) -> None:
    told = await world.ok("/v1/teams/core/blame")
    assert (told["subject"], told["live"], told["incarnation"]) == ("team/core", True, 4)
    fields = {field["field"]: field for field in told["fields"]}
    assert fields["max_budget"]["value"] == 10.0
    assert fields["max_budget"]["set_by"]["actor"] == "ann"
    assert fields["max_budget"]["set_by"]["on_behalf_of"] == "boss@example.com"
    assert fields["blocked"]["set_by"]["type"] == "team.unblocked"
    assert fields["team_alias"]["set_by"]["type"] == "team.created"
    assert [
        (member["user_id"], member["user_email"], member["added_by"]["actor"])
        for member in told["members"]
    ] == [("ann", "ann@example.com", "default_user_id"), ("bob", "bob@example.com", "ann")]


async def test_users_see_their_own_past_and_keys_that_of_their_own(world: World) -> None:
    for by in ("sk-ann", MASTER):
        [entry] = await every_entry(world, "/v1/users/ann/history", by)
        assert entry["sentence"] == 'default_user_id created the user "ann@example.com"'
        assert {"field": "user_email", "from": None, "to": "ann@example.com"} in entry["changes"]
        [made] = await every_entry(world, "/v1/keys/sk-ann/history", by)
        assert made["sentence"].startswith('default_user_id generated the key "sk-...-ann" of ann')
    told = {change["field"] for change in made["changes"]}
    assert "token" in told
    [made] = await every_entry(world, "/v1/keys/sk-ann/history", "sk-ann")
    assert {change["field"] for change in made["changes"]} == told - {"token"}
    blame = await world.ok("/v1/keys/sk-ann/blame", "sk-ann")
    assert "token" not in {field["field"] for field in blame["fields"]}
    for path in ("/v1/users/bob/history", "/v1/keys/sk-bob/history", "/v1/keys/sk-none/history"):
        assert (await world.refused(path, "sk-ann"))[0] == 403


async def test_organizations_are_their_admins_to_look_into(world: World) -> None:
    path = "/v1/organizations/acme"
    entries = await every_entry(world, f"{path}/history", "sk-olga", order="asc")
    assert [entry["sentence"] for entry in entries] == [
        'default_user_id created the organization "acme"',
        "default_user_id added olga as org_admin",
    ]
    blame = await world.ok(f"{path}/blame", "sk-olga")
    assert [member["user_id"] for member in blame["members"]] == ["olga"]
    assert (await world.ok(f"{path}/diff", "sk-olga", **{"from": "v1"}))["changes"] == [
        {"field": "members.olga.user_role", "from": None, "to": "org_admin"}
    ]
    assert (await world.refused(f"{path}/history", "sk-ann"))[0] == 401
