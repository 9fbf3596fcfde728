"""History of what goes on: forgotten people, lives that come back or end, and very much of it."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from events.envelope import Meta
from events.key import KeyDeleted
from events.organization import OrganizationDeleted, OrganizationMemberAdded
from events.spend import SpendReset, spend_stream
from events.streams import ORGANIZATION, Stream, stream
from events.team import (
    MemberRemoved,
    MemberRoleChanged,
    TeamBlocked,
    TeamBudgetChanged,
    TeamDeleted,
    TeamRestored,
)
from events.user import UserCreated, UserDeleted, UserEmailChanged, UserForgotten
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.facts import (
    budget,
    created,
    joined,
    key_settings,
    organization_created,
    settings,
    user_settings,
)
from tests.support.postgres import fresh_database
from tests.support.reading import World, every_entry, key, reading, team, user

ANN = Meta("c-ann", "UpdateTeam", actor="ann", actor_key="k-ann", actor_role="internal_user")


@pytest.fixture(scope="module")
async def growing(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A log that tests add to."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            yield world


async def test_of_who_is_forgotten_nothing_is_told(growing: World) -> None:
    box = await growing.sealed("dora@example.com", "dora")
    new = await growing.sealed("dora@other.example", "dora")
    person = user_settings(person=box.person, email=box)
    growing.tell((user("dora"), UserCreated(settings=person)))
    growing.tell(
        (
            user("dora"),
            UserEmailChanged(before=box, after=new, before_claim=None, after_claim=None),
        ),
        (team("hers"), created()),
        meta=Meta("c-dora", "/test", actor="dora"),
    )
    growing.tell((user("dora"), UserDeleted(settings=person)))
    growing.tell((user("dora"), UserForgotten(persons=[box.person])))
    await growing.settled()
    entries = await every_entry(growing, "/v1/users/dora/history", order="asc")
    assert [entry["sentence"] for entry in entries] == [
        'default_user_id created the user "dora"',
        "dora changed the e-mail address",
        'default_user_id deleted the user "dora"',
        "default_user_id had the user forgotten: what was sealed for him can be read by nobody",
    ]
    others = [
        await growing.ok("/v1/users/dora/blame"),
        await growing.ok("/v1/users/dora/diff", **{"from": "v1", "to": "v2"}),
        await every_entry(growing, "/v1/teams/hers/history"),
    ]
    assert "dora@" not in str([entries, *others])


async def test_an_address_is_not_told_of_what_was_done_under_the_id_before(growing: World) -> None:
    growing.tell((team("old"), created()), meta=Meta("c-former", "/test", actor="reused"))
    await growing.user("reused", "new@example.com")
    growing.tell((team("old"), TeamBlocked()), meta=Meta("c-latter", "/test", actor="reused"))
    entries = await every_entry(growing, "/v1/teams/old/history", order="asc")
    assert [entry["actor_email"] for entry in entries] == [None, "new@example.com"]


async def test_a_restoration_keeps_the_origin_of_what_it_leaves_as_it_was(growing: World) -> None:
    of, named = team("back"), settings(team_alias="Back", budget=budget(10))
    growing.tell((of, created(team_alias="Back")), (of, joined("ann", "admin")))
    growing.tell((of, TeamBudgetChanged(before=budget(), after=budget(10))), meta=ANN)
    growing.tell((of, MemberRoleChanged(user_id="ann", before="admin", after="user")))
    growing.tell((of, TeamDeleted(settings=named, members_total=1)))
    assert (await growing.ok("/v1/teams/back/blame"))["live"] is False
    growing.tell((of, TeamRestored(settings=named, members_total=1, keys=False)))
    told = await growing.ok("/v1/teams/back/blame")
    fields = {field["field"]: field["set_by"]["type"] for field in told["fields"]}
    assert (fields["max_budget"], fields["team_alias"]) == ("team.budget_changed", "team.created")
    [member] = told["members"]
    assert member["added_by"]["type"] == "team.member_added"
    [role] = member["fields"]
    assert (role["value"], role["set_by"]["type"]) == ("user", "team.member_role_changed")
    growing.tell((of, MemberRemoved(user_id="ann", role="user")))
    assert (await growing.ok("/v1/teams/back/blame"))["members"] == []


async def test_pages_reach_beyond_what_is_read_at_once(growing: World) -> None:
    """More facts than the database is asked for at a time, and a filter that it cannot judge."""
    of = team("large")
    members = [joined(f"user-{n}") for n in range(600)]
    growing.tell((of, created()), *((of, fact) for fact in members))
    growing.tell((of, TeamBudgetChanged(before=budget(), after=budget(1))))
    entries = await every_entry(growing, "/v1/teams/large/history", limit=100)
    assert len(entries) == 602
    assert len({entry["position"] for entry in entries}) == 602
    found = await every_entry(growing, "/v1/teams/large/history", order="asc", field="max_budget")
    assert [entry["type"] for entry in found] == ["team.budget_changed"]
    blame = await growing.ok("/v1/teams/large/blame")
    assert [member["user_id"] for member in blame["members"]] == [f"user-{n}" for n in range(600)]


async def test_many_resets_are_all_told(growing: World) -> None:
    """More than the audit log is asked for at once, of two lives, in one command."""
    of, users = team("reset"), [f"user-{n}" for n in range(280)]
    growing.tell((of, created()))

    def reset(user_id: str, life: int) -> tuple[Stream, SpendReset]:
        fact = SpendReset(
            kind="member",
            id="reset",
            user_id=user_id,
            incarnation=life,
            before=Decimal(1),
            amount=Decimal(0),
        )
        return spend_stream("member", "reset", user_id), fact

    growing.tell(*(reset(user_id, 1) for user_id in users))
    growing.tell((of, TeamDeleted(settings=settings(), members_total=0)))
    growing.tell((of, created()), (of, joined("tom", "admin")))
    growing.tell(*(reset(user_id, 3) for user_id in users))
    growing.tell((of, TeamBlocked()))
    await growing.user("tom")
    growing.key("sk-tom", user_id="tom")
    path = "/v1/teams/reset/history"
    for order in ("asc", "desc"):
        entries = await every_entry(growing, path, limit=100, order=order)
        positions = [entry["position"] for entry in entries]
        assert positions == sorted(set(positions), reverse=order == "desc")
        assert len(positions) == 5 + 2 * len(users)
        own = await every_entry(growing, path, "sk-tom", limit=100, order=order)
        assert len(own) == 3 + len(users)


async def test_a_key_that_is_gone_is_seen_by_who_sees_all(growing: World) -> None:
    await growing.user("kim")
    growing.key("sk-kim", user_id="kim")
    growing.key("sk-kims-other", user_id="kim")
    gone = key_settings(user_id="kim")
    growing.tell((key("sk-kims-other"), KeyDeleted(settings=gone)))
    entries = await every_entry(growing, f"/v1/keys/{hash_key('sk-kims-other')}/history")
    assert [entry["type"] for entry in entries] == ["key.deleted", "key.generated"]
    assert (await growing.refused("/v1/keys/sk-kims-other/history", "sk-kim"))[0] == 403


async def test_the_admin_of_an_organization_sees_no_team_of_its_former_life(
    growing: World,
) -> None:
    acme = stream(ORGANIZATION, "acme")
    made = organization_created(organization_alias="acme")
    await growing.user("olga")
    growing.key("sk-olga", user_id="olga")
    of = created(organization_id="acme")
    growing.tell((acme, made))
    growing.tell((team("former"), of))
    growing.tell((acme, OrganizationDeleted(settings=made.settings)))
    growing.tell((team("former"), TeamDeleted(settings=of.settings, members_total=0)))
    growing.tell((acme, made), (acme, OrganizationMemberAdded(user_id="olga", role="org_admin")))
    assert (await growing.refused("/v1/teams/former/history", "sk-olga"))[0] == 403
    entries = await every_entry(growing, "/v1/organizations/acme/history", "sk-olga")
    assert {entry["incarnation"] for entry in entries} == {3}
